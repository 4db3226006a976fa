//! What in the text a person should see: phrases of the lexicon, quoted with their place.

use lanewright_sdk::Signal;

use crate::deadlines;
use crate::features::Reading;
use crate::lexicon::{Found, Lexicon, Scope};
use crate::words::{Kind, Token};

/// Signals of one verdict at most; an answer's size is limited.
const MOST: usize = 40;
/// Candidates that are chosen from; an inquiry has a few dozen.
const MOST_CANDIDATES: usize = 300;

/// More people than this are not somebody alone, unless they are asked for.
const ALONE_AT_MOST: f64 = 20.0;

/// A place in the text that may become a signal.
pub(crate) struct Candidate<'a> {
    pub(crate) kind: &'a str,
    pub(crate) value: &'a str,
    /// Its first token.
    pub(crate) first: usize,
    /// The token after its last.
    pub(crate) after: usize,
}

impl Candidate<'_> {
    fn overlaps(&self, other: &Candidate) -> bool {
        self.first < other.after && other.first < self.after
    }
}

/// The signals of a reading, in the order of the text. `leaning` is the standard lane the text sounds like:
/// how many people a sender names means seats from a buyer, but not from somebody who sells for others.
pub fn of(reading: &Reading, lexicon: &Lexicon, own: Option<&Lexicon>, leaning: Option<&str>) -> Vec<Signal> {
    let mut found: Vec<Candidate> = reading
        .found
        .iter()
        .filter(|hit| lexicon.scope(hit.group) == Scope::Signal)
        .map(|hit| {
            let (kind, value) = lexicon.name(hit.group);
            Candidate { kind, value, first: hit.first as usize, after: hit.after as usize }
        })
        .collect();
    if let Some(own) = own {
        own.find(&reading.words, |hit| {
            let (kind, value) = own.name(hit.group);
            found.push(Candidate { kind, value, first: hit.first as usize, after: hit.after as usize });
        });
    }
    // Choosing compares candidates with each other: a text of nothing else must not take long.
    found.truncate(MOST_CANDIDATES);
    deadlines::choose(&mut found, reading, lexicon, leaning);
    let of = |name: &str| -> Vec<Found> {
        reading.found.iter().filter(|hit| lexicon.name(hit.group).0 == name).copied().collect()
    };
    let (joining, source, material) = (of("joining"), of("source"), of("material"));
    // A tool to connect with or to read from is no rival.
    found.retain(|candidate| {
        !candidate.kind.starts_with("competitor")
            || !(follows(reading, &joining, candidate)
                || starts_at(&material, candidate.after)
                || candidate.kind == "competitor-suite" && ends_at(&source, candidate.first))
    });
    named(&mut found, reading);
    let (unspent, cover) = (of("no-budget"), of("cover"));
    // What an insurance covers or a rule allows is not what somebody would pay.
    found.retain(|candidate| {
        candidate.kind != "budget"
            || !(follows(reading, &unspent, candidate) || starts_at(&cover, candidate.after))
    });
    // A ledger or a CRM is what a partner works with; from a buyer it is what is in use.
    let suites = take(&mut found, "competitor-suite");
    if leaning != Some("partner") {
        found.extend(suites.into_iter().map(|suite| Candidate { kind: "competitor", ..suite }));
    }
    choose_seats(&mut found, reading, lexicon, leaning);
    // Longest first among those of a kind that overlap.
    found.sort_by_key(|c| (c.kind, c.first, usize::MAX - c.after));
    let mut signals: Vec<Signal> = Vec::new();
    let mut last: Option<(&str, usize)> = None;
    for candidate in &found {
        if last.is_some_and(|(kind, after)| kind == candidate.kind && candidate.first < after) {
            continue;
        }
        if let Some(signal) = quote(reading, candidate) {
            last = Some((candidate.kind, candidate.after));
            signals.push(signal);
        }
    }
    signals.sort_by(|a, b| (a.start, a.end, &a.kind).cmp(&(b.start, b.end, &b.kind)));
    signals.truncate(MOST);
    signals
}

/// A product named like a common thing is written as a name; `six sigma` is another thing, and so is the
/// middle of another name: `SAP Analytics Cloud`.
fn named(found: &mut Vec<Candidate>, reading: &Reading) {
    let words = take(found, "competitor-word").into_iter().map(|c| Candidate { kind: "competitor", ..c });
    let products = take(found, "product-word").into_iter().map(|c| Candidate { kind: "product", ..c });
    let tokens = &reading.words.tokens;
    let words: Vec<Candidate> = words
        .chain(products)
        .filter(|c| {
            let token = &tokens[c.first];
            let after_number =
                c.first.checked_sub(1).is_some_and(|at| matches!(tokens[at].kind, Kind::Number(_)));
            reading.lead.text[token.start as usize..].starts_with(char::is_uppercase)
                && !(c.kind == "competitor" && (token.breaks || after_number))
                && !found.iter().any(|other| other.kind == "competitor" && other.overlaps(c))
        })
        .collect();
    found.extend(words);
}

/// Whether one of these phrases ends shortly before the candidate, in the same sentence.
fn follows(reading: &Reading, hits: &[Found], candidate: &Candidate) -> bool {
    hits.iter().map(|hit| hit.after as usize).any(|after| {
        after <= candidate.first
            && after + 5 > candidate.first
            && !reading.words.tokens[after..=candidate.first].iter().any(|token| token.breaks)
    })
}

fn starts_at(hits: &[Found], first: usize) -> bool {
    hits.iter().any(|hit| hit.first as usize == first)
}

fn ends_at(hits: &[Found], after: usize) -> bool {
    hits.iter().any(|hit| hit.after as usize == after)
}

/// Which of the numbers of people are seats. The lexicon marks those asked for in so many words
/// (`seats-asked`), those of the payroll (`seats-staff`) and the ways to say one or two.
fn choose_seats(found: &mut Vec<Candidate>, reading: &Reading, lexicon: &Lexicon, leaning: Option<&str>) {
    let asked = take(found, "seats-asked");
    let staff = take(found, "seats-staff");
    let mut alone = take(found, "seats-one");
    alone.truncate(1);
    let two = take(found, "seats-two");
    let audience: Vec<&Found> =
        reading.found.iter().filter(|hit| lexicon.name(hit.group).0 == "seats-audience").collect();
    // Who is served is no user, unless they are said to be.
    found.retain(|c| {
        c.kind != "seats"
            || is_asked(reading, lexicon, c)
            || !audience.iter().any(|hit| c.first < hit.after as usize && (hit.first as usize) < c.after)
            || leaning == Some("self-serve") && is_few(reading, c)
    });
    let is = |list: &[Candidate], candidate: &Candidate| list.iter().any(|c| c.overlaps(candidate));
    let asked_for = |c: &Candidate| is(&asked, c) || is_asked(reading, lexicon, c);
    let count = |c: &Candidate| count(reading, c);
    let most_asked = found.iter().filter(|c| c.kind == "seats" && asked_for(c)).map(count).reduce(f64::max);
    found.retain(|c| {
        c.kind != "seats"
            || asked_for(c)
            || match leaning {
                Some("partner") => false,
                // Somebody alone may well say how large the employer is.
                Some("self-serve") => !is(&staff, c) && count(c) <= ALONE_AT_MOST,
                Some("smb") => count(c) > 2.0 && most_asked.is_none_or(|most| count(c) <= most),
                _ => count(c) > 2.0 && !(most_asked.is_some() && is(&staff, c)),
            }
    });
    if leaning == Some("self-serve") {
        // `Me and my laptop` is one.
        let is_alone = two.is_empty() || alone.iter().any(|one| two.iter().any(|two| one.overlaps(two)));
        let few = if is_alone { alone } else { two };
        let few = few.into_iter().map(|c| Candidate {
            value: if c.kind == "seats-one" { "1" } else { "2" },
            kind: "seats",
            ..c
        });
        found.extend(few.take(1));
    }
}

/// How many people a place names.
fn count(reading: &Reading, candidate: &Candidate) -> f64 {
    let numbers =
        reading.words.tokens[candidate.first..candidate.after].iter().filter_map(|token| match token.kind {
            Kind::Number(value) => Some(value),
            _ => None,
        });
    numbers.fold(0.0, f64::max)
}

fn is_few(reading: &Reading, candidate: &Candidate) -> bool {
    count(reading, candidate) <= ALONE_AT_MOST
}

/// Whether the words after a number of people say that they would use it: `11 managers would have a login`.
fn is_asked(reading: &Reading, lexicon: &Lexicon, candidate: &Candidate) -> bool {
    reading.found.iter().any(|hit| {
        let first = hit.first as usize;
        first >= candidate.after
            && first < candidate.after + 6
            && lexicon.name(hit.group).0 == "using"
            && !reading.words.tokens[candidate.after..=first].iter().any(|token| token.breaks)
    })
}

/// Takes the candidates of one kind out.
fn take<'a>(found: &mut Vec<Candidate<'a>>, kind: &str) -> Vec<Candidate<'a>> {
    let (taken, kept) = std::mem::take(found).into_iter().partition(|c| c.kind == kind);
    *found = kept;
    taken
}

fn quote(reading: &Reading, candidate: &Candidate) -> Option<Signal> {
    let text = &reading.lead.text;
    let all = &reading.words.tokens;
    let tokens = &all[candidate.first..candidate.after];
    let (mut start, end) = (tokens.first()?.start as usize, tokens.last()?.end as usize);
    let value = match candidate.kind {
        "seats" if candidate.value.is_empty() => {
            let (from, value) = seats(all, candidate)?;
            start = from;
            value
        }
        "budget" => budget(&text[start..end], tokens),
        "deadline" => text[start..end].to_owned(),
        _ if candidate.value.is_empty() => text[start..end].to_owned(),
        _ => candidate.value.to_owned(),
    };
    Some(Signal { kind: candidate.kind.to_owned(), value, start: start as u32, end: end as u32 })
}

/// How many people, as digits or a range, and where the quote begins.
fn seats(all: &[Token], candidate: &Candidate) -> Option<(usize, String)> {
    let tokens = &all[candidate.first..candidate.after];
    let start = tokens[0].start as usize;
    let numbers: Vec<f64> = tokens
        .iter()
        .filter_map(|token| match token.kind {
            Kind::Number(value) => Some(value),
            _ => None,
        })
        .collect();
    let whole = |value: f64| (1.0..=5_000_000.0).contains(&value) && value.fract() == 0.0;
    match numbers.as_slice() {
        [] => None,
        [one] => {
            // The other end of a range stands before the phrase: `200-1500 users`.
            if let (true, Some(before)) = (tokens[0].joined, candidate.first.checked_sub(1))
                && let Kind::Number(least) = all[before].kind
            {
                return (whole(least) && whole(*one) && least < *one)
                    .then(|| (all[before].start as usize, format!("{least}-{one}")));
            }
            whole(*one).then(|| (start, format!("{one}")))
        }
        [least, .., most] if whole(*least) && whole(*most) && least < most => {
            Some((start, format!("{least}-{most}")))
        }
        _ => None,
    }
}

/// Amount, currency and period: `1500 USD/month`.
fn budget(quote: &str, tokens: &[Token]) -> String {
    let amount = tokens.iter().find_map(|token| match token.kind {
        Kind::Money(value, code) => Some((value, code)),
        Kind::Number(value) => Some((value, "")),
        _ => None,
    });
    let Some((amount, code)) = amount else {
        let lower = quote.to_lowercase();
        return if lower.contains("no ") || lower.contains("zero") {
            "0".to_owned()
        } else {
            quote.to_owned()
        };
    };
    let lower = quote.to_lowercase();
    let period = [
        ("month", "/month"),
        ("mo", "/month"),
        ("year", "/year"),
        ("annum", "/year"),
        ("yr", "/year"),
        ("user", "/user"),
        ("seat", "/seat"),
        ("jahr", "/year"),
        ("monat", "/month"),
        ("mois", "/month"),
        ("an", "/year"),
        ("ano", "/year"),
        ("mes", "/month"),
    ]
    .iter()
    .find(|(word, _)| lower.split(|c: char| !c.is_alphanumeric()).any(|w| w == *word))
    .map_or("", |(_, period)| *period);
    let space = if code.is_empty() { "" } else { " " };
    format!("{amount}{space}{code}{period}")
}
