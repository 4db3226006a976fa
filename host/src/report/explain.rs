//! The whole story of one decision, stage by stage, as its trace tells it.

use super::{Look, destination, excerpt, laid_out, plain_table};
use crate::decision::{
    AssignedBy, BriefKind, CallTrace, Decision, EligibilityTrace, FallbackTrace, Found, Known, KnownTrace,
    Method, Relation, RulesTrace, ScoreTrace, SelectTrace, SkillTrace, WinFound, WinSegment, WinTrace,
};
use crate::failure::clean;
use crate::lead::{FieldValue, Lead, Mode, Turns, Verdict};

/// A readable account of a decision: a section a stage, absent where the lead did not pass through it.
pub fn explain(decision: &Decision, look: Look) -> String {
    let trace = &decision.trace;
    let mut story = Story::default();
    headline(&mut story, decision);

    story.section("Lead");
    lead(&mut story, &trace.normalise.lead);
    for dropped in &trace.normalise.dropped {
        story.line(format!("dropped {}: {}", clean(&dropped.field, 80), clean(&dropped.problem, 200)));
    }
    if !trace.enrich.is_empty() {
        story.section("Enrichment");
        for enricher in &trace.enrich {
            for (name, value) in &enricher.added {
                story.line(format!("{} added {} = {}", enricher.name, clean(name, 80), field(value)));
            }
            for exchange in &enricher.exchanges {
                let answer = match (&exchange.refused, exchange.status) {
                    (Some(why), _) => format!("not asked: {}", clean(why, 200)),
                    (None, Some(status)) => status.to_string(),
                    (None, None) => "no answer".to_owned(),
                };
                story.line(format!("{} asked {} → {answer}", enricher.name, clean(&exchange.url, 200)));
            }
            if enricher.added.is_empty() && enricher.exchanges.is_empty() {
                story.line(format!("{} added nothing", enricher.name));
            }
        }
    }

    story.section("Lane");
    match &trace.classify.verdict {
        Some(verdict) => lane(&mut story, verdict, &trace.normalise.lead.text),
        None => story.line("every classifier failed, and the tenant's first lane was taken"),
    }
    if let Some(triage) = decision.triage {
        story.line(format!("a person should look as well: {triage}"));
    }
    story.section("Tier");
    story.line(match &trace.tier.when {
        Some(when) => {
            let when = when.split_whitespace().collect::<Vec<_>>().join(" ");
            format!("{}, since {}", u8::from(trace.tier.tier), clean(&when, 300))
        }
        None => format!("{}, since no condition of another tier holds", u8::from(trace.tier.tier)),
    });
    for unanswered in &trace.tier.unanswered {
        story.line(format!("not answered: {}", clean(unanswered, 300)));
    }
    rules(&mut story, decision);
    if let Some(score) = &trace.score {
        candidates(&mut story, score, look);
    }
    if let Some(eligibility) = &trace.eligibility {
        excluded(&mut story, eligibility);
    }
    if let Some(select) = &trace.select {
        pick(&mut story, select);
    }
    if let Some(asked) = &trace.fallback {
        fallback(&mut story, asked);
    }
    if let Some(brief) = &decision.brief {
        story.section("Brief");
        for line in &brief.lines {
            let mark = match line.kind {
                BriefKind::Question => "ask: ",
                BriefKind::Lead | BriefKind::Rep | BriefKind::Quote => "",
            };
            story.line(format!("{mark}{}", clean(&line.text, 600)));
        }
    }
    plugins(&mut story, decision);
    story.section("To run it again");
    story.line(format!("decision {} of the lead, seed {}, at {}", decision.number, trace.seed, decision.at));
    story.line(format!("configuration {}", trace.versions.config));
    story.line(format!("text model    {}", trace.versions.text_model));
    if let Some(model) = &trace.versions.model {
        story.line(format!("win model     {} {}", model.version, model.digest));
    }
    story.line(format!("engine        {}", trace.versions.engine));
    story.text
}

#[derive(Default)]
struct Story {
    text: String,
}

impl Story {
    fn section(&mut self, name: &str) {
        self.text.push('\n');
        self.text.push_str(name);
        self.text.push('\n');
    }

    fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str("  ");
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }
}

fn headline(story: &mut Story, decision: &Decision) {
    let (who, total) = destination(&decision.outcome);
    let grade = decision.grade.map(|grade| format!(", grade {grade:?}")).unwrap_or_default();
    let total = total.map(|total| format!(" with {total:.0} of 100{grade}")).unwrap_or_default();
    story.text = format!("{} → {}{total}\n", clean(decision.lead.as_str(), 128), clean(&who, 80));
    story.line(clean(&decision.why, 600));
    story.line(format!("tier {}: first touch within {} minutes", u8::from(decision.tier), decision.minutes));
    if decision.mode == Mode::Suggest {
        story.line("a suggestion: a person approves it, rejects it or changes it");
    }
    if !decision.tags.is_empty() {
        story.line(format!("tagged {}", clean(&decision.tags.join(", "), 300)));
    }
    for flag in &decision.flags {
        story.line(format!("flag: {}", clean(&flag.to_string(), 300)));
    }
}

fn lead(story: &mut Story, lead: &Lead) {
    if !lead.text.is_empty() {
        story.line(format!("“{}”", excerpt(&lead.text, 300)));
    }
    let (contact, company) = (&lead.contact, &lead.company);
    let number = |name: &str, value: Option<f64>| value.map(|value| format!("{name} {value}"));
    let list =
        |name: &str, list: &[String]| (!list.is_empty()).then(|| format!("{name} {}", list.join(", ")));
    let facts = [
        Some(format!("{} at {}", lead.source, lead.received_at)),
        contact.name.clone(),
        contact.title.clone(),
        contact.email.clone(),
        company.name.clone(),
        company.domain.clone(),
        company.industry.clone(),
        company.employees.map(|people| format!("{people} people")),
        company.region.clone().or_else(|| company.country.clone()),
        contact.language.as_ref().map(|tag| format!("writes {tag}")),
        number("value", lead.value),
        number("revenue", company.revenue),
        list("products", &lead.products),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().map(|fact| clean(&fact, 200)).collect();
    story.line(facts.join(" · "));
}

fn lane(story: &mut Story, verdict: &Verdict, text: &str) {
    let lane = verdict.lane.as_ref().map_or("none: the classifier refused", |lane| lane.as_str());
    story.line(format!("{lane}, {} confidence, intent {:.0} of 100", verdict.confidence, verdict.intent));
    if !verdict.reason.is_empty() {
        story.line(clean(&verdict.reason, 300));
    }
    let ranking: Vec<String> =
        verdict.ranking.iter().map(|ranked| format!("{} {:.2}", ranked.lane, ranked.score)).collect();
    if !ranking.is_empty() {
        story.line(ranking.join(" · "));
    }
    for signal in &verdict.signals {
        let quote = text.get(signal.start as usize..signal.end as usize).unwrap_or_default();
        story.line(format!(
            "{} {} “{}”",
            clean(&signal.kind, 40),
            clean(&signal.value, 80),
            excerpt(quote, 120)
        ));
    }
}

fn rules(story: &mut Story, decision: &Decision) {
    let (rules, normalise) = (&decision.trace.rules, &decision.trace.normalise);
    let (account, known) = (&normalise.account, &decision.trace.known);
    let nothing = account.is_none() && *rules == RulesTrace::default() && *known == KnownTrace::default();
    if nothing {
        return;
    }
    story.section("Rules");
    if let Some(account) = account {
        let owner = rules.owner.as_ref().map_or("nobody".to_owned(), ToString::to_string);
        let by = normalise.account_by.map_or(String::new(), |by| format!(" by {by}"));
        story.line(format!("account {account}{by}, of {owner}"));
    }
    // Signs that point at two accounts are for somebody to sort out.
    for step in normalise.account_steps.iter().filter(|step| matches!(step.found, Found::Tied { .. })) {
        story.line(format!("account by {step}"));
    }
    if let Some(reason) = &rules.owner_excluded {
        story.line(format!("the owner keeps the account and does not get the task: {reason}"));
    }
    if let Some(territory) = &rules.territory {
        let waived = if rules.territory_waived { ", which this lead may leave" } else { "" };
        story.line(format!("territory {territory}{waived}"));
    }
    for overlay in rules.overlays.iter().filter(|_| rules.territory.is_some()) {
        story.line(format!("with the people of {overlay}, which lies over it"));
    }
    for unanswered in &rules.unanswered {
        story.line(format!("not answered: {}", clean(unanswered, 300)));
    }
    for (name, value) in &rules.segments {
        story.line(format!("segment {name}: {}", clean(value, 80)));
    }
    for rule in &rules.said.held {
        let route = if rules.said.route.as_ref() == Some(rule) { ", and decides where it goes" } else { "" };
        story.line(format!("rule {rule} holds{route}"));
    }
    for unanswered in &rules.said.unanswered {
        story.line(format!("rule {} was not answered: {}", unanswered.rule, clean(&unanswered.why, 300)));
    }
    if let Some(duplicate) = &known.duplicate {
        story.line(duplicate.to_string());
        for conflict in &duplicate.conflicts {
            let (fact, master, lead) =
                (conflict.fact, clean(&conflict.master, 80), clean(&conflict.lead, 80));
            story.line(format!("its {fact} is {master}, which holds, and the lead says {lead}"));
        }
    }
    if let Some(handover) = &rules.handover.taken {
        story.line(handover.to_string());
    }
    if let Some(Relation { rep, known, record }) = &known.relation {
        let what = match known {
            Known::Contact => "contact",
            Known::Account => "account",
        };
        story.line(format!("{rep} knows the {what} from {record}"));
    }
    for claim in &rules.claims {
        let got = match &claim.excluded {
            None => "and gets it".to_owned(),
            Some(reason) => format!("and {reason}"),
        };
        story.line(format!("{} comes first {}, {got}", claim.rep, claimed_by(&claim.by)));
    }
}

/// Why somebody comes before everybody who would be matched.
fn claimed_by(by: &AssignedBy) -> String {
    match by {
        AssignedBy::NamedAccount | AssignedBy::Cover { .. } => "by the account".to_owned(),
        AssignedBy::Rule { rule } => format!("by rule {}", clean(rule, 80)),
        AssignedBy::Sticky { .. } => "for knowing them".to_owned(),
        AssignedBy::Master { record } => format!("by the record {}", clean(record, 80)),
        AssignedBy::Relay { from } => format!("in relay from {from}"),
        AssignedBy::Person => "by a person".to_owned(),
        AssignedBy::Match | AssignedBy::Rotation | AssignedBy::Batch | AssignedBy::Fallback => String::new(),
    }
}

fn candidates(story: &mut Story, score: &ScoreTrace, look: Look) {
    story.section("Candidates");
    if score.matches.is_empty() {
        return story.line("the scorer gave no answer that counts");
    }
    let mut table = plain_table(look);
    let heads = score
        .factors
        .iter()
        .map(|factor| format!("{} ×{:.2}", clean(&factor.name.replace(['-', '_'], " "), 40), factor.weight));
    table.set_header(["rep".to_owned(), "total".to_owned()].into_iter().chain(heads));
    for found in &score.matches {
        let row = found.factors.iter().map(|value| format!("{value:.0}"));
        table.add_row([found.rep.to_string(), format!("{:.1}", found.total)].into_iter().chain(row));
    }
    for line in laid_out(&mut table, 1..usize::MAX).lines() {
        story.line(line);
    }
    for found in &score.matches {
        if let Some(reason) = &found.passed_over {
            story.line(format!("passed over {}: {reason}", found.rep));
        }
    }
    if let Some(win) = &score.win {
        learned(story, win);
    }
}

/// What past deals say, of those they say most of; or why they count for nothing.
fn learned(story: &mut Story, win: &WinTrace) {
    story.section("Learned from deals");
    if let Some(why) = &win.untrusted {
        return story.line(format!("counts for nothing yet: {why}"));
    }
    if let Some(WinSegment { fact, word }) = &win.segment {
        story.line(format!("by the deals of {} {} alone", clean(fact, 80), clean(word, 60)));
    }
    let mut estimates: Vec<&WinFound> = win.estimates.iter().collect();
    estimates.sort_by(|one, other| other.probability.total_cmp(&one.probability));
    let percent = |share: f64| (100.0 * share).round();
    for found in estimates.iter().take(LEARNED) {
        let WinFound { rep, probability, lower, upper, deals, newer, .. } = found;
        let newer = if *newer { ", a newer rep" } else { "" };
        story.line(format!(
            "{rep} wins it with {} % ({}–{} %), by {deals:.0} effective deals{newer}",
            percent(*probability),
            percent(*lower),
            percent(*upper)
        ));
    }
    if let Some(because) = &win.because {
        story.line(format!("whoever was picked {because}"));
    }
}

/// Estimates that are told.
const LEARNED: usize = 10;

fn excluded(story: &mut Story, eligibility: &EligibilityTrace) {
    let SkillTrace { held, dropped, waited } = &eligibility.skills;
    if eligibility.excluded.is_empty() && eligibility.others.is_empty() && dropped.is_empty() {
        return;
    }
    story.section(&format!("Not candidates for team {}", eligibility.team));
    for (rep, reason) in &eligibility.excluded {
        story.line(format!("{rep} {reason}"));
    }
    if !held.is_empty() {
        let asked: Vec<String> =
            held.iter().map(|need| format!("{} {}", clean(&need.skill, 40), need.level)).collect();
        story.line(format!("asked for: {}", asked.join(", ")));
    }
    for need in dropped {
        story.line(format!(
            "no longer asked for, after {waited} minutes: {} {}",
            clean(&need.skill, 40),
            need.level
        ));
    }
    for others in &eligibility.others {
        let more = if eligibility.excluded.is_empty() { "" } else { "more " };
        story.line(format!("{} {more}each {}", others.reps, others.reason));
    }
}

fn pick(story: &mut Story, select: &SelectTrace) {
    story.section("Pick");
    story.line(match select.method {
        Method::FastestQualified if select.free_now => {
            format!("{}: the fastest to respond of the best who are free now", select.picked)
        }
        Method::FastestQualified => format!("{}: the fastest to respond of the best", select.picked),
        Method::HighestTotal if select.fast => {
            format!(
                "{}: the highest total of the team's fastest quarter, since intent is high",
                select.picked
            )
        }
        Method::HighestTotal => format!("{}: the highest total", select.picked),
        Method::Rotation => match select.turns {
            Turns::Credit => format!("{}: next in turn", select.picked),
            Turns::Order => format!("{}: next in the order of the team", select.picked),
            Turns::Count => format!("{}: had fewest this month", select.picked),
        },
        Method::Batch => format!("{}: the best for the batch as a whole", select.picked),
        Method::Trial => format!("{}: drawn among those who may well win it", select.picked),
    });
    let pool: Vec<String> =
        select.pool.iter().map(|(rep, chance)| format!("{rep} {:.0} %", 100.0 * chance)).collect();
    story.line(format!("among {}", pool.join(" · ")));
    if select.preferred {
        story.line(format!("served first: {} prefers such leads", select.picked));
    }
    for (rep, reason) in &select.passed_over {
        story.line(format!("passed over {rep}: {reason}"));
    }
}

fn fallback(story: &mut Story, asked: &FallbackTrace) {
    story.section("Fallback");
    story.line(format!("asked, since {}", asked.cause));
    let mut done = false;
    for step in &asked.actions {
        let came = match &step.refused {
            Some(why) => format!("refused: {}", clean(why, 200)),
            None if done => "not needed".to_owned(),
            None => "done".to_owned(),
        };
        done |= step.refused.is_none();
        story.line(format!("{} → {came}", clean(&step.action.to_string(), 200)));
    }
}

fn plugins(story: &mut Story, decision: &Decision) {
    let trace = &decision.trace;
    let enrich = trace.enrich.iter().flat_map(|enricher| &enricher.calls);
    let score = trace.score.iter().map(|score| &score.call);
    let fallback = trace.fallback.iter().flat_map(|fallback| &fallback.calls);
    let calls: Vec<&CallTrace> = enrich.chain(&trace.classify.calls).chain(score).chain(fallback).collect();
    if calls.is_empty() {
        return;
    }
    story.section("Plugins");
    for call in calls {
        let memory = call.memory.div_ceil(1024);
        story.line(format!(
            "{}  {}  fuel {}  memory {memory} KiB",
            call.export,
            call.plugin.short(),
            grouped(call.fuel)
        ));
        if let Some(failure) = &call.failure {
            story.line(format!("  gave no answer that counts: {}", clean(&failure.to_string(), 300)));
        }
        for (name, value) in &call.fields {
            let value = value.as_ref().map_or("absent".to_owned(), field);
            story.line(format!("  read {} = {value}", clean(name, 80)));
        }
        for line in &call.log {
            story.line(format!("  says {}", clean(&line.message, 300)));
        }
    }
}

/// 12345678 as `12,345,678`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn field(value: &FieldValue) -> String {
    match value {
        FieldValue::Text(text) => format!("“{}”", excerpt(text, 80)),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        FieldValue::Instant(moment) => moment.to_string(),
        FieldValue::Texts(texts) => excerpt(&texts.join(", "), 80),
    }
}
