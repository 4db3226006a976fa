//! What is quoted from a text and what is not, with the shipped lexicon.

use lanewright_classifier::features::Reading;
use lanewright_classifier::{Pack, signals};
use lanewright_sdk::Lead;

/// Compares the quotes of each case: kind, the lane that the text sounds like, text, quotes.
fn check(cases: &[(&str, &str, &str, &[&str])]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|&(kind, leaning, text, expect)| {
            let quotes = quotes(kind, leaning, text);
            (quotes != expect).then(|| format!("{kind} in {text:?}: {quotes:?}, not {expect:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn quotes<'t>(kind: &str, leaning: &str, text: &'t str) -> Vec<&'t str> {
    let pack = Pack::shipped().expect("the shipped pack");
    let lead = Lead { id: "1".into(), source: "email".into(), text: text.into(), ..Lead::default() };
    let reading = Reading::of(&lead, &pack.lexicon);
    let found = signals::of(&reading, &pack.lexicon, None, Some(leaning));
    found
        .iter()
        .filter(|signal| signal.kind == kind)
        .map(|signal| &text[signal.start as usize..signal.end as usize])
        .collect()
}

#[test]
fn a_deadline_is_a_date_to_act_by() {
    let cases = [
        // Limits.
        ("Please answer by the 28th.", &["by the 28th"][..]),
        ("We want it live before the summer holidays.", &["before the summer holidays"]),
        (
            "It has to run before our old lease of the servers ends on 31 August.",
            &["before our old lease of the servers ends on 31 August"],
        ),
        ("Working in it before the audit in March, please.", &["before the audit in March"]),
        ("Send it no later than 17:00 on the 28th.", &["no later than 17:00 on the 28th"]),
        ("The contract with our vendor lapses in 11 months.", &["lapses in 11 months"]),
        ("We can decide within two weeks.", &["within two weeks"]),
        ("Offers due Friday.", &["due Friday"]),
        // Points in time that go with a wish or a plan.
        ("Can you show me Thursday?", &["Thursday"]),
        ("Could we see it next week?", &["next week"]),
        ("demo nxt wk", &["nxt wk"]),
        ("I want three calls in the next two weeks.", &["in the next two weeks"]),
        ("Go-live target Q3", &["Go-live target Q3"]),
        ("Next week works for us.", &["Next week"]),
        // History, habits, lengths of time and names.
        ("Today we send reports by post to every shop in the country.", &[]),
        ("We were bought in April by a large group.", &[]),
        ("I get a report every Monday from each of the shops.", &[]),
        ("I would like a list for sales and a Monday report for me.", &[]),
        ("We reached it in nine months and it was hard for all of our people.", &[]),
        ("Our company was founded in 1987 and moved in 2015.", &[]),
        ("The office is open Monday to Friday from nine to five in winter.", &[]),
        ("Until now we did this by hand.", &[]),
        ("Before the business may go further we talk to legal.", &[]),
        ("We do not need it before any trial begins.", &[]),
        // Other languages.
        ("Die Entscheidung soll bis Ende Q3 fallen.", &["bis Ende Q3"]),
        ("Wir brauchen das Angebot bis spätestens Freitag.", &["bis spätestens Freitag"]),
        ("Pouvez-vous nous répondre avant le 28 ?", &["avant le 28"]),
        ("Podemos empezar a finales de septiembre.", &["a finales de septiembre"]),
        ("Preciso do orçamento até sexta-feira.", &["até sexta"]),
        ("Hoy llevamos todo en Excel y perdemos tiempo.", &[]),
        ("Heute machen das alle von Hand.", &[]),
    ];
    check(&cases.map(|(text, expect)| ("deadline", "smb", text, expect)));
    check(&[("deadline", "self-serve", "I would use the free version until July.", &[])]);
}

#[test]
fn seats_are_who_would_use_it() {
    let cases = [
        ("smb", "We are 85 people, a login is a must. 30 seats to start.", &["30 seats"][..]),
        ("smb", "A family business, 150 on the payroll.", &["150 on the payroll"]),
        (
            "smb",
            "6 paralegals first, then the whole office (sixty).",
            &["6 paralegals", "whole office (sixty"],
        ),
        (
            "enterprise",
            "Combined headcount just under nine thousand.",
            &["headcount just under nine thousand"],
        ),
        ("enterprise", "A consulting firm (about 5,500 consultants), so maybe 900 logins.", &["900 logins"]),
        ("smb", "We run a club with 180 members.", &[]),
        ("smb", "We send a letter to 6,000 subscribers.", &[]),
        ("self-serve", "It is me and my laptop.", &["me and my laptop"]),
        ("self-serve", "Can I switch it myself?", &[]),
        ("partner", "We are a reseller with 28 people.", &[]),
    ];
    check(&cases.map(|(leaning, text, expect)| ("seats", leaning, text, expect)));
}

#[test]
fn a_budget_is_money_to_spend() {
    let cases = [
        ("We have about $1,500 a month.", &["about $1,500 a month"][..]),
        ("Max 400 a month, otherwise no.", &["Max 400 a month"]),
        ("My limit is 9k, so budget up to 9k.", &["budget up to 9k"]),
        ("We open about 40 a year.", &[]),
        ("You need a certificate with $5M cyber cover.", &[]),
        ("Insurance of at least USD 10M is asked for.", &[]),
    ];
    check(&cases.map(|(text, expect)| ("budget", "smb", text, expect)));
}

#[test]
fn a_competitor_is_compared_or_in_use() {
    let cases = [
        ("Deciding between you and Metabase.", &["Metabase"][..]),
        ("I want calls with three vendors: you, Sigma and Hex.", &["Sigma", "Hex"]),
        ("We are six Sigma black belts and hex bolts are our trade.", &[]),
        ("Ticket reports come out of Zendesk three days late.", &[]),
        ("Can you run the demo with a sap extract?", &[]),
        ("We send PDF reports out of Looker Studio.", &["Looker Studio"]),
    ];
    check(&cases.map(|(text, expect)| ("competitor", "smb", text, expect)));
}

#[test]
fn single_words_that_mean_something_else_are_left_alone() {
    let cases = [
        ("security", "Our Monday report takes two people half a day, and 2 more check it."),
        ("security", "We have 3 shops with one login on the till."),
        ("security", "We are a logging company in the woods."),
        ("procurement", "hello po, the trial does not start"),
        ("procurement", "We have been in business for twenty years."),
        ("procurement", "Which frontend framework do you use?"),
        ("partner", "I want to see margin by product, and commissions of our staff."),
        ("partner", "We run an art gallery and a car dealer next door, with 4,000 SKUs."),
        ("product", "We do analytics in a spreadsheet, with basic charts."),
        ("product", "We tried SAP Analytics Cloud last year."),
        ("pain", "What can you show us on paper? The user manual would do."),
    ];
    check(&cases.map(|(kind, text)| (kind, "smb", text, &[][..])));
    let cases: [(&str, &str, &[&str]); 4] = [
        ("security", "Do you have 2FA for everybody?", &["2FA"]),
        ("security", "We ask for two-factor login.", &["two-factor login"]),
        ("procurement", "Can we pay on a PO?", &["on a PO"]),
        ("product", "50 seats of Analytics, please.", &["Analytics"]),
    ];
    check(&cases.map(|(kind, text, quotes)| (kind, "smb", text, quotes)));
}
