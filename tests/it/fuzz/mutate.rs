//! Inputs made of others: parts of JSON changed as JSON, texts as words and lines, everything else as bytes.
//!
//! `mutatis` draws and picks, and knows values of the plain types; what stands here is what it cannot know: that
//! an input is JSON most of the time, which words a format has, and what its other inputs look like.

use mutatis::{Candidates, Context, Mutate, Result, Session, mutators as m};
use serde_json::{Map, Value as Json};

/// No input is longer, where it is not made of one that is.
const LONGEST: usize = 256 << 10;
/// Numbers that are on the edge of something.
const NUMBERS: [f64; 12] = [
    0.0,
    -0.0,
    -1.0,
    0.5,
    1e-320,
    1e300,
    4_294_967_296.0,
    9.3e18,
    1.9e19,
    -9.3e18,
    2_147_483_648.0,
    253_402_300_800.0,
];
/// Texts that are on the edge of something, beside the words of a target.
const TEXTS: [&str; 12] = [
    "",
    " ",
    "\u{0}",
    "\u{feff}",
    "\u{202e}abc",
    "a\u{301}\u{1f9d1}\u{200d}\u{1f680}",
    "ǅİß",
    "9999-12-31T23:59:59Z",
    "-009999-01-01T00:00:00Z",
    "1970-01-01T00:00:00.000000001Z",
    "../../etc/passwd",
    "99999999999999999999",
];

/// A number below another, which is above 0.
pub(super) fn drawn(session: &mut Session, below: usize) -> usize {
    let number = session.generate::<u64>().unwrap_or_default();
    usize::try_from(number % below as u64).unwrap_or_default()
}

/// What inputs of a target are made with.
pub(super) struct Mutator<'t> {
    /// Words of its format.
    pub(super) words: &'t [String],
}

impl Mutator<'_> {
    /// An input changed in one to six ways. `other` is another input, of which parts are taken.
    pub(super) fn changed(&self, session: &mut Session, input: &[u8], other: &[u8]) -> Vec<u8> {
        let times = 1 + drawn(session, 6).min(drawn(session, 6));
        let as_json = drawn(session, 8) != 0;
        let mut bytes = input.to_vec();
        for _ in 0..times {
            let parsed = as_json.then(|| serde_json::from_slice::<Json>(&bytes).ok()).flatten();
            // An input that offers nothing to change stays as it is.
            let _ = match parsed {
                Some(mut json) => {
                    let other = serde_json::from_slice(other).unwrap_or(Json::Null);
                    let mut change = OfJson { words: self.words, other: &other };
                    let changed = session.mutate_with(&mut change, &mut json);
                    bytes = json.to_string().into_bytes();
                    changed
                }
                None => session.mutate_with(&mut OfBytes { words: self.words, other }, &mut bytes),
            };
            bytes.truncate(LONGEST.max(2 * input.len()));
        }
        bytes
    }
}

/// Changes one node of a JSON document, texts inside it as texts.
struct OfJson<'t> {
    words: &'t [String],
    other: &'t Json,
}

impl Mutate<Json> for OfJson<'_> {
    fn mutate(&mut self, candidates: &mut Candidates<'_>, json: &mut Json) -> Result<()> {
        candidates.mutation_group(2, |context, which| {
            *json = if which == 0 { self.edge(context) } else { part(context, self.other).clone() };
            Ok(())
        })?;
        match json {
            Json::Null => Ok(()),
            Json::Bool(flag) => m::bool().mutate(candidates, flag),
            Json::Number(_) => candidates.mutation_group(2, |context, which| {
                let rng = context.rng();
                let near = json.as_i64().map(|number| number.wrapping_add(i64::from(rng.gen_i8())));
                *json = match (which, near) {
                    (0, Some(near)) => near.into(),
                    _ => rng.choose(NUMBERS).unwrap_or_default().into(),
                };
                Ok(())
            }),
            Json::String(text) => {
                let weight = 4 + u32::try_from(text.len() / 16).unwrap_or(u32::MAX);
                candidates.mutation_group(weight, |context, _| {
                    let mut bytes = std::mem::take(text).into_bytes();
                    let other = part(context, self.other).as_str().unwrap_or_default().as_bytes();
                    change(context, &mut bytes, self.words, other);
                    *text = String::from_utf8_lossy(&bytes).into_owned();
                    Ok(())
                })
            }
            Json::Array(items) => {
                candidates.mutation_group(3, |context, which| {
                    let Some(index) = context.rng().gen_index(items.len()) else {
                        items.push(self.edge(context));
                        return Ok(());
                    };
                    match which {
                        0 => drop(items.remove(index)),
                        1 => items.insert(index, items[index].clone()),
                        _ => items.swap(index, 0),
                    }
                    Ok(())
                })?;
                items.iter_mut().try_for_each(|item| self.mutate(candidates, item))
            }
            Json::Object(entries) => {
                candidates.mutation_group(3, |context, which| {
                    self.change_entries(context, entries, which);
                    Ok(())
                })?;
                entries.values_mut().try_for_each(|value| self.mutate(candidates, value))
            }
        }
    }
}

impl OfJson<'_> {
    fn change_entries(&self, context: &mut Context, entries: &mut Map<String, Json>, which: u32) {
        let name =
            context.rng().gen_index(entries.len()).and_then(|index| entries.keys().nth(index).cloned());
        match (which, name) {
            (0, Some(name)) => drop(entries.remove(&name)),
            (1, Some(name)) => {
                if let Some(value) = entries.remove(&name) {
                    entries.insert(self.word(context), value);
                }
            }
            _ => {
                let name = match part(context, self.other) {
                    Json::Object(other) => context.rng().choose(other.keys()).cloned(),
                    _ => None,
                };
                let name = name.unwrap_or_else(|| self.word(context));
                entries.insert(name, self.edge(context));
            }
        }
    }

    fn word(&self, context: &mut Context) -> String {
        word(context, self.words).to_owned()
    }

    /// A value that is on the edge of something.
    fn edge(&self, context: &mut Context) -> Json {
        match context.rng().gen_index(8) {
            Some(0) => Json::Null,
            Some(1) => context.rng().gen_bool().into(),
            Some(2) => Json::Array(Vec::new()),
            Some(3) => Json::Object(Map::new()),
            Some(4) => context.rng().choose(NUMBERS).unwrap_or_default().into(),
            Some(5) => context.rng().gen_u64().into(),
            Some(6) => "x".repeat(1 << context.rng().gen_index(14).unwrap_or(0)).into(),
            _ => self.word(context).into(),
        }
    }
}

/// A word of the format, or one that is odd everywhere.
fn word<'w>(context: &mut Context, words: &'w [String]) -> &'w str {
    let own = if context.rng().gen_index(3) == Some(0) { None } else { context.rng().choose(words) };
    own.map_or_else(|| context.rng().choose(TEXTS).unwrap_or_default(), String::as_str)
}

/// Any part of a document.
fn part<'j>(context: &mut Context, json: &'j Json) -> &'j Json {
    let inner = match json {
        Json::Array(items) => context.rng().choose(items),
        Json::Object(entries) => context.rng().choose(entries.values()),
        _ => None,
    };
    match inner {
        Some(inner) if context.rng().gen_index(4) != Some(0) => part(context, inner),
        _ => json,
    }
}

/// Changes bytes.
struct OfBytes<'t> {
    words: &'t [String],
    other: &'t [u8],
}

impl Mutate<Vec<u8>> for OfBytes<'_> {
    fn mutate(&mut self, candidates: &mut Candidates<'_>, bytes: &mut Vec<u8>) -> Result<()> {
        candidates.mutation(|context| {
            change(context, bytes, self.words, self.other);
            Ok(())
        })
    }
}

/// Changes bytes in one of the ways that parsers stumble over.
fn change(context: &mut Context, bytes: &mut Vec<u8>, words: &[String], other: &[u8]) {
    let rng = context.rng();
    let way = rng.gen_index(11).unwrap_or(0);
    let at = rng.gen_index(bytes.len() + 1).unwrap_or(0);
    // Short stretches more often than long ones.
    let most = (bytes.len() - at).min(1 << rng.gen_index(10).unwrap_or(0));
    let until = at + rng.gen_index(most + 1).unwrap_or(0);
    match way {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.gen_index(8).unwrap_or(0),
        0 | 1 => bytes.insert(at, rng.gen_u8()),
        2 => drop(bytes.drain(at..until)),
        3 => {
            let copied = bytes[at..until].to_vec();
            let to = rng.gen_index(bytes.len() + 1).unwrap_or(0);
            bytes.splice(to..to, copied);
        }
        4 => {
            let times = 1 << rng.gen_index(10).unwrap_or(0);
            let copied = bytes[at..until].repeat(times.min(LONGEST / (until - at).max(1)));
            bytes.splice(at..at, copied);
        }
        5 => bytes.truncate(at),
        6 => {
            let from = rng.gen_index(other.len() + 1).unwrap_or(0);
            let to = (from + (1 << rng.gen_index(10).unwrap_or(0))).min(other.len());
            bytes.splice(at..until, other[from..to].iter().copied());
        }
        7 => {
            // A number where there is one, otherwise a byte.
            let digit = (at..bytes.len()).find(|at| bytes[*at].is_ascii_digit());
            let Some(from) = digit else { return bytes.push(rng.gen_u8()) };
            let to = (from..bytes.len()).find(|at| !bytes[*at].is_ascii_digit()).unwrap_or(bytes.len());
            let number = match rng.gen_bool() {
                true => rng.choose(NUMBERS).unwrap_or_default().to_string(),
                false => rng.gen_i16().to_string(),
            };
            bytes.splice(from..to, number.into_bytes());
        }
        8 => {
            // A whole line, somewhere else.
            let line =
                |at: usize| bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            let (from, to) = (line(at), line(rng.gen_index(bytes.len() + 1).unwrap_or(0)));
            let end = (from..bytes.len()).find(|at| bytes[*at] == b'\n').map_or(bytes.len(), |end| end + 1);
            let copied = bytes[from..end].to_vec();
            bytes.splice(to..to, copied);
        }
        _ => {
            let word = word(context, words);
            // In the place of a word, or between others.
            let end = (at..bytes.len()).find(|at| !bytes[*at].is_ascii_alphanumeric()).unwrap_or(bytes.len());
            let end = if context.rng().gen_bool() { end } else { at };
            bytes.splice(at..end, word.bytes());
        }
    }
}
