//! Territories in plain words (P19): `where = "Germany, Austria and Switzerland; banks; 500 employees or more"`.
//!
//! In comes the text, out comes the [`Reach`] it means, or everything that was not understood with what was
//! probably meant. [`in_words`] says a reach in words that mean the same again, so that an author sees what
//! was understood.
//!
//! ```text
//! text       = part { ";" part }                       every part has to hold; one of each kind
//! part       = places | industries | employees | deals | "anywhere"
//! places     = place { separator place }               a country, a group of countries, a state of the
//!                                                      USA, or a code of ISO 3166
//! industries = [ "industry" | "industries" ] name { separator name }
//! employees  = amount with "employees"                 "500 employees or more"
//! deals      = amount with "deals"                     "deals of 50,000 or more"
//! amount     = N "or more" | "at least" N | "from" N | "up to" N | N "or fewer" | "at most" N
//!            | "below" N | "between" N "and" N | N "to" N | "from" N "to" [ "below" ] N
//! separator  = "," | "/" | "&" | "and" | "or"
//! ```
//!
//! After the word `industry` a name is whatever stands there, between quotes where it holds a separator.
//! Without it, only industries are understood that are known: below, or by the tenant's reps. So a country
//! that is misspelt is not taken for an industry.

use std::collections::HashMap;

use super::values::Wrong;
use super::world::{fold, world};
use crate::lead::{Reach, Span};
use crate::nearest::nearest;

/// What a territory says in words. `own` are the industries that the tenant's reps name.
pub(super) fn understand(text: &str, own: &[&str]) -> Result<Reach, Vec<Wrong>> {
    let mut wrong = Vec::new();
    let tokens = tokens(text).unwrap_or_else(|problem| {
        wrong.push(problem);
        Vec::new()
    });
    let known = Known::new(own);
    let mut said = Said::default();
    for part in tokens.split(|token| *token == Token::Semicolon).filter(|part| !part.is_empty()) {
        if let Err(problems) = said.take(part, &known) {
            wrong.extend(problems);
        }
    }
    if wrong.is_empty() && said.kinds.is_empty() {
        wrong.push(Wrong { message: "says nothing".to_owned(), hint: Some(PARTS.to_owned()) });
    }
    if wrong.is_empty() { Ok(said.reach) } else { Err(wrong) }
}

/// A reach in words that [`understand`] takes for the same one.
pub fn in_words(reach: &Reach) -> String {
    let mut parts = Vec::new();
    let places: Vec<&str> = reach.places().map(|code| world().name(code)).collect();
    if !places.is_empty() {
        parts.push(listed(&places, "and"));
    }
    if !reach.industries.is_empty() {
        let names: Vec<String> = reach.industries.iter().map(|name| quoted(name)).collect();
        parts.push(format!("industry {}", listed(&names, "or")));
    }
    match reach.employees {
        Span { from: None, below: None } => {}
        Span { from: Some(from), below: None } => parts.push(format!("{from} employees or more")),
        Span { from: None, below: Some(below) } => {
            parts.push(format!("up to {} employees", below.saturating_sub(1)));
        }
        Span { from: Some(from), below: Some(below) } => {
            parts.push(format!("between {from} and {} employees", below.saturating_sub(1)));
        }
    }
    match (reach.value.from, reach.value.below.map(Top::of)) {
        (None, None) => {}
        (Some(from), None) => parts.push(format!("deals of {} or more", number(from))),
        (None, Some(Top::UpTo(last))) => parts.push(format!("deals up to {}", number(last))),
        (None, Some(Top::Below(below))) => parts.push(format!("deals below {}", number(below))),
        (Some(from), Some(Top::UpTo(last))) => {
            parts.push(format!("deals between {} and {}", number(from), number(last)));
        }
        (Some(from), Some(Top::Below(below))) => {
            parts.push(format!("deals from {} to below {}", number(from), number(below)));
        }
    }
    if parts.is_empty() { "anywhere".to_owned() } else { parts.join("; ") }
}

const PARTS: &str = "parts are places (Germany, DACH, California, US-CA), industries (banks, or industry and any \
     name), employees (500 employees or more) and deals (deals of 50,000 or more), with ; between them";

/// Industries by their everyday names; the first is how leads are taken to spell it.
const INDUSTRIES: &[&[&str]] = &[
    &["aerospace"],
    &["agriculture", "farming"],
    &["automotive", "car makers"],
    &["banking", "banks", "bank"],
    &["biotechnology", "biotech"],
    &["chemicals", "chemical"],
    &["construction"],
    &["consulting", "consultancies"],
    &["consumer goods"],
    &["defence", "defense"],
    &["e-commerce", "ecommerce", "online shops"],
    &["education", "schools", "universities"],
    &["energy"],
    &["financial services", "finance"],
    &["government", "public sector"],
    &["healthcare", "health care", "hospitals"],
    &["hospitality", "hotels"],
    &["insurance", "insurers", "insurance companies"],
    &["legal", "law firms"],
    &["life sciences"],
    &["logistics"],
    &["manufacturing", "manufacturers"],
    &["media"],
    &["nonprofit", "non-profit", "charities"],
    &["oil and gas"],
    &["pharmaceuticals", "pharma"],
    &["professional services"],
    &["real estate", "property"],
    &["retail", "retailers"],
    &["software", "saas"],
    &["technology"],
    &["telecommunications", "telecoms", "telecom"],
    &["transportation", "transport"],
    &["travel"],
    &["utilities"],
];

/// Industries that need no `industry` in front, by folded name.
struct Known<'a>(HashMap<String, &'a str>);

impl<'a> Known<'a> {
    fn new(own: &[&'a str]) -> Self {
        let ours = INDUSTRIES.iter().flat_map(|names| names.iter().map(|name| (fold(name), names[0])));
        Self(ours.chain(own.iter().map(|name| (fold(name), *name))).collect())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Comma,
    Semicolon,
}

/// Words, quoted names and what separates them.
fn tokens(text: &str) -> Result<Vec<Token>, Wrong> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ';' => tokens.push(Token::Semicolon),
            ',' | '/' | '&' => tokens.push(Token::Comma),
            '(' | ')' => {}
            c if c.is_whitespace() => {}
            '"' => {
                let mut name = String::new();
                loop {
                    match rest.next() {
                        // Two quotes are one of the name.
                        Some('"') if rest.next_if_eq(&'"').is_some() => name.push('"'),
                        Some('"') => break,
                        Some(c) => name.push(c),
                        None => {
                            let message = format!("opens a quote before {name:?} and does not close it");
                            return Err(Wrong { message, hint: None });
                        }
                    }
                }
                tokens.push(Token::Quoted(name));
            }
            c => {
                let mut word = String::from(c);
                while let Some(&c) = rest.peek() {
                    let thousands = c == ',' && groups_digits(&word, rest.clone().skip(1));
                    let ends = c.is_whitespace() || matches!(c, ';' | ',' | '/' | '&' | '(' | ')' | '"');
                    if ends && !thousands {
                        break;
                    }
                    word.extend(rest.next());
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

/// Whether a comma stands between the digits of one number: `50,000`.
fn groups_digits(before: &str, after: impl Iterator<Item = char>) -> bool {
    let digits = after.take_while(char::is_ascii_digit).count();
    digits == 3 && before.chars().all(|c| c.is_ascii_digit() || c == ',')
}

/// What was said so far.
#[derive(Default)]
struct Said {
    reach: Reach,
    kinds: Vec<&'static str>,
}

impl Said {
    fn take(&mut self, part: &[Token], known: &Known<'_>) -> Result<(), Vec<Wrong>> {
        let one = |message: String, hint: &str| vec![Wrong { message, hint: Some(hint.to_owned()) }];
        let words: Vec<String> = part
            .iter()
            .filter_map(|token| match token {
                Token::Word(word) => Some(word.to_lowercase()),
                _ => None,
            })
            .collect();
        let has = |nouns: &[&str]| words.iter().any(|word| nouns.contains(&word.as_str()));
        let kind = if words.first().is_some_and(|word| matches!(word.as_str(), "industry" | "industries")) {
            self.reach.industries = industries(&part[1..]);
            if self.reach.industries.is_empty() {
                return Err(one("names no industry".to_owned(), "such as industry banking or insurance"));
            }
            "the industries"
        } else if words.iter().any(|word| word.starts_with(|c: char| c.is_ascii_digit())) {
            match (has(EMPLOYEES), has(DEALS)) {
                (true, false) => {
                    let amount: Span<u64> = amount(&words, part, EMPLOYEES)?;
                    let whole = |end: Option<u64>| end.map(u32::try_from).transpose();
                    let (Ok(from), Ok(below)) = (whole(amount.from), whole(amount.below)) else {
                        return Err(one(
                            format!("counts too many employees: {:?}", said(part)),
                            "up to 4 billion",
                        ));
                    };
                    self.reach.employees = Span { from, below };
                    "the employees"
                }
                (false, true) => {
                    self.reach.value = amount(&words, part, DEALS)?;
                    "the deals"
                }
                _ => {
                    let hint = "write employees or deals, such as 500 employees or more, deals up to 50,000";
                    return Err(one(format!("does not say what {:?} counts", said(part)), hint));
                }
            }
        } else if words == ["anywhere"] && part.len() == 1 {
            "the places"
        } else {
            self.names(part, known)?
        };
        if self.kinds.contains(&kind) {
            let hint = "every part has to hold; what may be the one or the other stands in one part";
            return Err(one(format!("says {kind} twice, the second time {:?}", said(part)), hint));
        }
        self.kinds.push(kind);
        Ok(())
    }

    /// A list of places, or one of industries.
    fn names(&mut self, part: &[Token], known: &Known<'_>) -> Result<&'static str, Vec<Wrong>> {
        let words = words(part);
        let (mut places, mut industries) = (Vec::new(), Vec::new());
        let mut wrong = Vec::new();
        let mut at = 0;
        while at < words.len() {
            let Some((length, found)) = longest(&words[at..], known) else {
                if words[at].separates() {
                    at += 1;
                    continue;
                }
                let unknown = words[at..].iter().enumerate();
                let length = unknown
                    .take_while(|(ahead, word)| {
                        !word.separates() && (*ahead == 0 || longest(&words[at + ahead..], known).is_none())
                    })
                    .count();
                wrong.push(not_understood(&words[at..at + length], known));
                at += length;
                continue;
            };
            match found {
                Found::Places([codes]) => places.extend_from_slice(codes),
                Found::Places(several) => {
                    let codes: Vec<&str> = several.iter().flatten().map(String::as_str).collect();
                    let message = format!("may mean several places by {:?}", joined(&words[at..at + length]));
                    wrong.push(Wrong { message, hint: Some(format!("write {}", listed(&codes, "or"))) });
                }
                Found::Industry(name) => industries.push(name.to_owned()),
            }
            at += length;
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        match (places.is_empty(), industries.is_empty()) {
            (false, true) => {
                for code in places {
                    let list =
                        if code.contains('-') { &mut self.reach.regions } else { &mut self.reach.countries };
                    if !list.contains(&code) {
                        list.push(code);
                    }
                }
                let Reach { countries, regions, .. } = &self.reach;
                let within = |country: &&String| {
                    regions.iter().any(|region| region.split('-').next() == Some(country.as_str()))
                };
                if let Some(whole) = countries.iter().find(within) {
                    let message = format!("names {} and a part of it", world().name(whole));
                    return Err(vec![Wrong {
                        message,
                        hint: Some("leave out the one or the other".to_owned()),
                    }]);
                }
                Ok("the places")
            }
            (true, false) => {
                self.reach.industries = unique(industries);
                Ok("the industries")
            }
            (false, false) => {
                let message = format!("has places and industries in one part: {:?}", said(part));
                Err(vec![Wrong { message, hint: Some("put ; between places and industries".to_owned()) }])
            }
            (true, true) => {
                let message = format!("names nothing in {:?}", said(part));
                Err(vec![Wrong { message, hint: Some(PARTS.to_owned()) }])
            }
        }
    }
}

/// A word of a list of names; one without a text is a comma.
struct Word {
    raw: String,
    folded: Option<String>,
    /// The code it is, where it is one.
    code: Option<[Vec<String>; 1]>,
}

impl Word {
    fn separates(&self) -> bool {
        self.folded.as_deref().is_none_or(|word| matches!(word, "and" | "or"))
    }
}

/// Words as names are made of, those of a hyphen apart.
fn words(part: &[Token]) -> Vec<Word> {
    let mut words = Vec::new();
    for token in part {
        match token {
            Token::Comma | Token::Semicolon => {
                words.push(Word { raw: ",".to_owned(), folded: None, code: None })
            }
            Token::Word(raw) if is_code(raw) => {
                let code = Some([vec![raw.clone()]]);
                words.push(Word { raw: raw.clone(), folded: Some(raw.to_lowercase()), code });
            }
            Token::Word(raw) | Token::Quoted(raw) => {
                let folded = fold(raw);
                let split = folded.split(' ').filter(|word| !word.is_empty());
                words.extend(split.map(|word| Word {
                    raw: if folded.contains(' ') { word.to_owned() } else { raw.clone() },
                    folded: Some(word.to_owned()),
                    code: None,
                }));
            }
        }
    }
    words
}

/// Codes are written in upper case, so that `in` is no India.
fn is_code(word: &str) -> bool {
    rust_iso3166::from_alpha2(word).is_some() || rust_iso3166::iso3166_2::from_code(word).is_some()
}

/// What a name stands for.
enum Found<'a> {
    Places(&'a [Vec<String>]),
    Industry(&'a str),
}

/// The longest name that the words begin with, and what it stands for.
fn longest<'a>(words: &'a [Word], known: &Known<'a>) -> Option<(usize, Found<'a>)> {
    let open = words.iter().take_while(|word| word.folded.is_some()).count();
    for length in (1..=open.min(world().longest)).rev() {
        if let ([Word { code: Some(code), .. }], 1) = (&words[..length], length) {
            return Some((1, Found::Places(code)));
        }
        let name: Vec<&str> = words[..length].iter().filter_map(|word| word.folded.as_deref()).collect();
        let name = name.join(" ");
        let places = world().meanings(&name);
        if !places.is_empty() {
            return Some((length, Found::Places(places)));
        }
        if let Some(industry) = known.0.get(&name) {
            return Some((length, Found::Industry(industry)));
        }
    }
    None
}

fn not_understood(words: &[Word], known: &Known<'_>) -> Wrong {
    let written = joined(words);
    // Sorted, so that of two names as near the answer is always the same.
    let mut names: Vec<&str> = world().all().chain(known.0.keys().map(String::as_str)).collect();
    names.sort_unstable();
    let hint = match nearest(&fold(&written), names) {
        Some(near) => {
            let name = match world().meanings(near) {
                [codes] if codes.len() == 1 => world().name(&codes[0]),
                _ => near,
            };
            format!("did you mean {name}? An industry of your own is written industry \"{written}\"")
        }
        None => PARTS.to_owned(),
    };
    Wrong { message: format!("has words that are not understood: {written:?}"), hint: Some(hint) }
}

/// Names after the word `industry`: whatever stands there.
fn industries(part: &[Token]) -> Vec<String> {
    let mut names = vec![String::new()];
    for token in part {
        let separates = match token {
            Token::Comma | Token::Semicolon => true,
            Token::Word(word) => matches!(word.to_lowercase().as_str(), "and" | "or"),
            Token::Quoted(_) => false,
        };
        match (token, names.last_mut()) {
            _ if separates => names.push(String::new()),
            (Token::Word(text) | Token::Quoted(text), Some(name)) => {
                if !name.is_empty() {
                    name.push(' ');
                }
                name.push_str(&text.to_lowercase());
            }
            _ => {}
        }
    }
    unique(names.into_iter().filter(|name| !name.is_empty()).collect())
}

const EMPLOYEES: &[&str] = &["employees", "employee", "people", "staff"];
const DEALS: &[&str] = &["deals", "deal"];

/// What a number counts up to.
trait Amount: Copy + PartialOrd {
    fn read(text: &str) -> Option<Self>;
    /// The next number there is.
    fn next(self) -> Self;
}

impl Amount for u64 {
    fn read(text: &str) -> Option<Self> {
        f64::read(text).filter(|number| number.fract() == 0.0 && *number < 1e15).map(|number| number as u64)
    }
    fn next(self) -> Self {
        self + 1
    }
}

impl Amount for f64 {
    fn read(text: &str) -> Option<Self> {
        let (digits, times) = match text.strip_suffix(['k', 'm']) {
            Some(digits) if text.ends_with('k') => (digits, 1e3),
            Some(digits) => (digits, 1e6),
            None => (text, 1.0),
        };
        // Three digits behind a dot may be thousands.
        let thousands = digits.split_once('.').is_some_and(|(_, decimals)| decimals.len() == 3);
        let plain = digits.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '.'));
        let number: f64 = digits.replace(',', "").parse().ok()?;
        (plain && !thousands && number <= MOST).then_some(number * times)
    }
    fn next(self) -> Self {
        self.next_up()
    }
}

/// The largest number, as in every amount of a folder.
const MOST: f64 = 1e12;

fn amount<T: Amount>(words: &[String], part: &[Token], nouns: &[&str]) -> Result<Span<T>, Vec<Wrong>> {
    let filler =
        |word: &str| nouns.contains(&word) || matches!(word, "of" | "worth" | "with" | "a" | "value");
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !filler(word)).collect();
    let read = |text: &str| {
        T::read(text).ok_or_else(|| {
            let message = format!("has a number that is not understood: {text:?}");
            let hint =
                "such as 500, 50,000, 50k or 1.5m, at most 1000 billion; three decimals may be thousands";
            vec![Wrong { message, hint: Some(hint.to_owned()) }]
        })
    };
    // A comma or a quoted name has no place in an amount.
    let plain = part.iter().all(|token| matches!(token, Token::Word(_)));
    let span = match words.as_slice() {
        _ if !plain => return Err(not_an_amount(part)),
        [n, "or", "more"] | ["at", "least", n] | ["from", n] => Span { from: Some(read(n)?), below: None },
        [n, "or", "fewer" | "less"] | ["up", "to", n] | ["at", "most", n] => {
            Span { from: None, below: Some(read(n)?.next()) }
        }
        ["below" | "under", n] | ["less" | "fewer", "than", n] => Span { from: None, below: Some(read(n)?) },
        ["from", n, "to", "below", m] => Span { from: Some(read(n)?), below: Some(read(m)?) },
        ["between", n, "and", m] | [n, "to", m] | ["from", n, "to", m] => {
            Span { from: Some(read(n)?), below: Some(read(m)?.next()) }
        }
        _ => return Err(not_an_amount(part)),
    };
    if let Span { from: Some(from), below: Some(below) } = span
        && from >= below
    {
        let hint = "the smaller one comes first".to_owned();
        return Err(vec![Wrong { message: format!("holds no number: {:?}", said(part)), hint: Some(hint) }]);
    }
    Ok(span)
}

fn not_an_amount(part: &[Token]) -> Vec<Wrong> {
    let message = format!("has an amount that is not understood: {:?}", said(part));
    let hint = "such as 500 employees or more, up to 49 employees, between 50 and 499 employees, \
                deals of 50,000 or more, deals below 50,000";
    vec![Wrong { message, hint: Some(hint.to_owned()) }]
}

/// The end of a span of amounts, in whichever words are shorter.
enum Top {
    UpTo(f64),
    Below(f64),
}

impl Top {
    fn of(below: f64) -> Self {
        let last = below.next_down();
        let shorter = last >= 0.0 && number(last).len() < number(below).len();
        if shorter { Self::UpTo(last) } else { Self::Below(below) }
    }
}

/// A number as it is read: three decimals would be taken for thousands.
fn number(number: f64) -> String {
    let text = number.to_string();
    match text.split_once('.') {
        Some((_, decimals)) if decimals.len() == 3 => format!("{text}0"),
        _ => text,
    }
}

/// A name of an industry as it stands behind the word `industry`.
fn quoted(name: &str) -> String {
    let plain = |word: &str| {
        !matches!(word, "and" | "or")
            && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '\''))
    };
    let simple = !name.is_empty() && name.split(' ').all(|word| !word.is_empty() && plain(word));
    if simple { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// "a, b and c".
fn listed<T: AsRef<str>>(names: &[T], last: &str) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [some @ .., end] => {
            let some: Vec<&str> = some.iter().map(AsRef::as_ref).collect();
            format!("{} {last} {}", some.join(", "), end.as_ref())
        }
    }
}

fn joined(words: &[Word]) -> String {
    words.iter().map(|word| word.raw.as_str()).collect::<Vec<_>>().join(" ")
}

/// A part as it was written, as far as that matters.
fn said(part: &[Token]) -> String {
    let mut text = String::new();
    for token in part {
        let (gap, word) = match token {
            Token::Word(word) | Token::Quoted(word) => (" ", word.as_str()),
            Token::Comma | Token::Semicolon => ("", ","),
        };
        text = format!("{text}{}{word}", if text.is_empty() { "" } else { gap });
    }
    text
}

fn unique(names: Vec<String>) -> Vec<String> {
    let mut list: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        if !list.contains(&name) {
            list.push(name);
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_and_what_they_mean() {
        let check = |text: &str, expect: &str| {
            let found = understand(text, &["tug boats", "yacht"]).map(|reach| in_words(&reach));
            assert_eq!(found, Ok(expect.to_owned()), "{text}");
        };
        check(
            "Germany, Austria and Switzerland; banks or insurance; 500 employees or more",
            "Germany, Austria and Switzerland; industry banking or insurance; 500 employees or more",
        );
        check("DACH", "Germany, Austria and Switzerland");
        check("the Netherlands & Belgium / Luxembourg", "Netherlands, Belgium and Luxembourg");
        check(
            "Bosnia and Herzegovina and Trinidad and Tobago",
            "Bosnia and Herzegovina and Trinidad and Tobago",
        );
        check("california or Texas", "California and Texas");
        check("US-CA, Kenya and UK", "Kenya, United Kingdom and California");
        check("industry 3d printing", "industry 3d printing");
        check("US Virgin Islands", "US Virgin Islands");
        check("GE and US-GA", "GE and US-GA");
        check("Benelux, NL", "Belgium, Netherlands and Luxembourg");
        check("oil and gas and retailers", "industry \"oil and gas\" or retail");
        check("Yacht, tug boats", "industry yacht or tug boats");
        check(
            "industry Banks, \"food and drink\" or Ship Chandlers",
            "industry banks, \"food and drink\" or ship chandlers",
        );
        check("anywhere", "anywhere");
        for (said, meant) in [
            ("at least 500 employees", "500 employees or more"),
            ("up to 49 employees", "up to 49 employees"),
            ("49 employees or fewer", "up to 49 employees"),
            ("below 50 people", "up to 49 employees"),
            ("50 to 499 employees", "between 50 and 499 employees"),
            ("between 1,000 and 4,999 employees", "between 1000 and 4999 employees"),
            ("deals of 50,000 or more", "deals of 50000 or more"),
            ("deals worth at least 1.5m", "deals of 1500000 or more"),
            ("deals below 50k", "deals below 50000"),
            ("deals up to 50k", "deals up to 50000"),
            ("deals between 10,000 and 50,000", "deals between 10000 and 50000"),
            ("deals from 0.1250 to below 50,000", "deals from 0.1250 to below 50000"),
        ] {
            check(said, meant);
        }
    }

    #[test]
    fn words_that_are_not_understood() {
        let check = |text: &str, expect: &[(&str, &str)]| {
            let found = understand(text, &[]).map_err(|wrong| {
                let told = |wrong: Wrong| (wrong.message, wrong.hint.unwrap_or_default());
                wrong.into_iter().map(told).collect::<Vec<_>>()
            });
            let expect: Vec<(String, String)> =
                expect.iter().map(|(message, hint)| ((*message).to_owned(), (*hint).to_owned())).collect();
            assert_eq!(found, Err(expect), "{text}");
        };
        let own = |name: &str, written: &str| {
            format!("did you mean {name}? An industry of your own is written industry \"{written}\"")
        };
        check("", &[("says nothing", PARTS)]);
        check("; ;", &[("says nothing", PARTS)]);
        check(
            "Grmany, Austria and Swizerland",
            &[
                ("has words that are not understood: \"Grmany\"", &own("Germany", "Grmany")),
                ("has words that are not understood: \"Swizerland\"", &own("Switzerland", "Swizerland")),
            ],
        );
        check("bank robbers and retail", &[("has words that are not understood: \"robbers\"", PARTS)]);
        check("Georgia", &[("may mean several places by \"Georgia\"", "write GE or US-GA")]);
        check(
            "California, US",
            &[("names United States and a part of it", "leave out the one or the other")],
        );
        check(
            "Spain, retail",
            &[(
                "has places and industries in one part: \"Spain, retail\"",
                "put ; between places and industries",
            )],
        );
        check(
            "Spain; Portugal",
            &[(
                "says the places twice, the second time \"Portugal\"",
                "every part has to hold; what may be the one or the other stands in one part",
            )],
        );
        check(
            "500 or more",
            &[(
                "does not say what \"500 or more\" counts",
                "write employees or deals, such as 500 employees or more, deals up to 50,000",
            )],
        );
        check(
            "50 and 60 employees",
            &[(
                "has an amount that is not understood: \"50 and 60 employees\"",
                "such as 500 employees or more, up to 49 employees, between 50 and 499 employees, \
             deals of 50,000 or more, deals below 50,000",
            )],
        );
        let hint = "such as 500, 50,000, 50k or 1.5m, at most 1000 billion; three decimals may be thousands";
        check("deals below 50.000", &[("has a number that is not understood: \"50.000\"", hint)]);
        check("up to 1.5 employees", &[("has a number that is not understood: \"1.5\"", hint)]);
        check(
            "between 9 and 5 employees",
            &[("holds no number: \"between 9 and 5 employees\"", "the smaller one comes first")],
        );
        check("industry", &[("names no industry", "such as industry banking or insurance")]);
        check("industry \"food", &[("opens a quote before \"food\" and does not close it", "")]);
        check("and, or", &[("names nothing in \"and, or\"", PARTS)]);
    }

    fn any_codes() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
        let countries: Vec<String> =
            rust_iso3166::ALL.iter().map(|country| country.alpha2.to_owned()).collect();
        let mut regions: Vec<String> =
            rust_iso3166::iso3166_2::SUBDIVISION_MAP.keys().map(|code| (*code).to_owned()).collect();
        regions.sort();
        let some = |codes| prop::collection::vec(prop::sample::select(codes), 0..4).prop_map(unique);
        (some(countries), some(regions))
    }

    fn any_span<T: Amount + std::fmt::Debug>(
        number: impl Strategy<Value = T> + Clone,
    ) -> impl Strategy<Value = Span<T>> {
        (prop::option::of(number.clone()), prop::option::of(number)).prop_map(|(from, last)| {
            let below = last.filter(|last| from.is_none_or(|from| *last >= from)).map(T::next);
            Span { from, below }
        })
    }

    proptest! {
        #[test]
        fn what_was_understood_is_understood_again(
            (countries, regions) in any_codes(),
            industries in prop::collection::vec("[a-z&;,\"é ./-]{0,6}( and | or )?[a-z]{1,5}", 0..4),
            employees in any_span(0..u64::from(u32::MAX)),
            value in any_span(prop_oneof![(0..1_000_000u32).prop_map(f64::from), 0.0..1e12f64]),
        ) {
            let narrow = |end: Option<u64>| end.and_then(|end| u32::try_from(end).ok());
            let industries = unique(industries.iter().map(|name| name.trim().to_lowercase()).collect());
            let employees = Span { from: narrow(employees.from), below: narrow(employees.below) };
            let mut reach = Reach { countries, regions, industries, employees, value };
            // Of a country of which parts are named, only those count.
            let places: Vec<String> = reach.places().map(str::to_owned).collect();
            reach.countries.retain(|country| places.contains(country));
            prop_assert_eq!(understand(&in_words(&reach), &[]), Ok(reach.clone()), "{}", in_words(&reach));
        }

        #[test]
        fn any_text_is_understood_or_told(text in "([A-Za-z0-9 ,;\"&/.-]|and|or|employees|deals|\\PC){0,24}") {
            match understand(&text, &[]) {
                Ok(reach) => prop_assert_eq!(understand(&in_words(&reach), &[]), Ok(reach)),
                Err(wrong) => prop_assert!(!wrong.is_empty()),
            }
        }
    }
}
