//! What is said of the ship: its name, its kind, its size, where it lies, until when it has to be done.

use crate::words::{Phrase, Word};

/// A fact and the stretch of the text that says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// In a form of our own.
    pub value: String,
    /// Bytes into the text.
    pub start: usize,
    /// Behind its last byte.
    pub end: usize,
}

/// What a ship's size is told in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Size {
    /// Deadweight or gross tons: a merchant ship.
    Tons(f32),
    /// Metres: a boat, a yacht, or a small ship.
    Metres(f32),
}

/// Its name behind a prefix such as MV, else its kind.
pub fn vessel(text: &str, words: &[Word]) -> Option<Said> {
    const PREFIXES: [&str; 7] = ["MV", "MT", "MS", "MY", "SY", "SS", "MF"];
    let named = words
        .windows(2)
        .position(|pair| PREFIXES.contains(&&text[pair[0].start..pair[0].end]) && pair[1].capital);
    if let Some(first) = named {
        // A name goes on while its words have capitals and nothing but a space is between them.
        let mut last = first + 1;
        while last + 1 < words.len()
            && words[last + 1].capital
            && &text[words[last].end..words[last + 1].start] == " "
        {
            last += 1;
        }
        let (start, end) = (words[first].start, words[last].end);
        return Some(Said { value: text[start..end].to_owned(), start, end });
    }
    const KINDS: [&str; 15] = [
        "bulk carrier",
        "bulker",
        "tanker",
        "container ship",
        "ro ro",
        "ferry",
        "ferries",
        "fähren",
        "tug",
        "trawler",
        "dredger",
        "barge",
        "ketch",
        "sloop",
        "motor yacht",
    ];
    first(text, words, &KINDS)
}

/// How big it is; the first size that is told.
pub fn size(text: &str, words: &[Word]) -> Option<(Size, Said)> {
    words.iter().enumerate().find_map(|(unit, word)| {
        let tons = matches!(word.lower.as_str(), "dwt" | "gt" | "tdw");
        let metres = matches!(word.lower.as_str(), "m" | "metre" | "metres" | "meter" | "loa");
        if !tons && !metres {
            return None;
        }
        // "57,000 dwt" is three words.
        let mut from = unit;
        while from > 0 && unit - from < 3 && words[from - 1].lower.bytes().all(|b| b.is_ascii_digit()) {
            let joined = &text[words[from - 1].end..words[from].start];
            if !matches!(joined, " " | "," | "." | "") {
                break;
            }
            from -= 1;
        }
        let digits: String = words[from..unit].iter().map(|word| word.lower.as_str()).collect();
        let number: f32 = digits.parse().ok()?;
        let (start, end) = (words[from].start, word.end);
        let (size, unit) = if tons { (Size::Tons(number), "t") } else { (Size::Metres(number), "m") };
        Some((size, Said { value: format!("{number} {unit}"), start, end }))
    })
}

/// The first of the yard's ports that is named.
pub fn port(words: &[Word], ports: &[String]) -> Option<Said> {
    let found = ports.iter().filter_map(|port| {
        let lower = port.to_lowercase();
        let (first, last) = Phrase::new(&lower).places(words).next()?;
        Some(Said { value: port.clone(), start: first.start, end: last.end })
    });
    found.min_by_key(|said| said.start)
}

/// Until when: "before the 20th", "by Friday", "window 5 to 28 September", "tonight".
pub fn deadline(text: &str, words: &[Word]) -> Option<Said> {
    const LIMITS: [&str; 8] =
        ["before", "by", "until", "till", "window", "not later than", "must sail", "next sailing"];
    const REACH: usize = 5;
    let limited = LIMITS.iter().filter_map(|limit| {
        let (first, last) =
            Phrase::new(limit).places(words).find(|(_, last)| when_after(words, last, REACH).is_some())?;
        let end = when_after(words, last, REACH)?;
        Some((first.start, end))
    });
    let (start, end) = limited
        .min()
        // Without a limit, only what is near by itself is a deadline.
        .or_else(|| {
            first(text, words, &["today", "tonight", "tomorrow", "at once", "immediately"])
                .map(|said| (said.start, said.end))
        })?;
    Some(Said { value: text[start..end].split_whitespace().collect::<Vec<_>>().join(" "), start, end })
}

/// The end of the last word of time within reach behind a word.
fn when_after(words: &[Word], last: &Word, reach: usize) -> Option<usize> {
    let next = words.partition_point(|word| word.start < last.end);
    words[next..].iter().take(reach).rfind(|word| is_time(&word.lower)).map(|word| word.end)
}

fn is_time(word: &str) -> bool {
    const TIMES: [&str; 24] = [
        "today",
        "tonight",
        "tomorrow",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "weekend",
        "easter",
        "christmas",
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let ordinal = ["st", "nd", "rd", "th"].iter().any(|ending| {
        word.strip_suffix(ending)
            .is_some_and(|day| !day.is_empty() && day.bytes().all(|b| b.is_ascii_digit()))
    });
    // "May" is a month, "may" is not sure of itself: it is left out.
    TIMES.contains(&word) || ordinal
}

fn first(text: &str, words: &[Word], phrases: &[&str]) -> Option<Said> {
    let found = phrases.iter().filter_map(|phrase| Phrase::new(phrase).places(words).next());
    let (first, last) = found.min_by_key(|(first, _)| first.start)?;
    let (start, end) = (first.start, last.end);
    Some(Said { value: text[start..end].to_lowercase(), start, end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    fn stretch(text: &str, said: Option<Said>) -> Option<(String, &str)> {
        said.map(|said| (said.value, &text[said.start..said.end]))
    }

    #[test]
    fn vessels() {
        let check = |text: &str, expect: Option<(&str, &str)>| {
            let expect = expect.map(|(value, stretch)| (value.to_owned(), stretch));
            assert_eq!(stretch(text, vessel(text, &words(text))), expect, "{text}");
        };
        check("Quote for MV Meridian Star, 57,000 dwt", Some(("MV Meridian Star", "MV Meridian Star")));
        check("MT Corvina. Two cylinders", Some(("MT Corvina", "MT Corvina")));
        check("My Client's 34 m ketch", Some(("ketch", "ketch")));
        check("A Bulk Carrier", Some(("bulk carrier", "Bulk Carrier")));
        check("my boat", None);
    }

    #[test]
    fn sizes() {
        let check = |text: &str, expect: Option<(Size, &str)>| {
            let found = size(text, &words(text));
            assert_eq!(
                found.map(|(size, said)| (size, text[said.start..said.end].to_owned())),
                expect.map(|(size, stretch)| (size, stretch.to_owned())),
                "{text}"
            );
        };
        check("MV X, 57,000 dwt bulker", Some((Size::Tons(57_000.0), "57,000 dwt")));
        check("a 34 m ketch", Some((Size::Metres(34.0), "34 m")));
        check("built 2011, 22 m long", Some((Size::Metres(22.0), "22 m")));
        check("I'm a welder", None);
        check("about 40 t of steel", None);
    }

    #[test]
    fn ports() {
        let yard = ["Setúbal".to_owned(), "Sines".to_owned()];
        let check = |text: &str, expect: Option<(&str, &str)>| {
            let expect = expect.map(|(value, stretch)| (value.to_owned(), stretch));
            assert_eq!(stretch(text, port(&words(text), &yard)), expect, "{text}");
        };
        check("off SINES, then Setúbal", Some(("Sines", "SINES")));
        check("in Rotterdam", None);
    }

    #[test]
    fn deadlines() {
        let check = |text: &str, expect: Option<&str>| {
            let found = deadline(text, &words(text));
            assert_eq!(found.as_ref().map(|said| &text[said.start..said.end]), expect, "{text}");
        };
        check("Can you be there before the 20th?", Some("before the 20th"));
        check("window 5 to 28 September, delivered", Some("window 5 to 28 September"));
        check("Who can come tonight?", Some("tonight"));
        check("Next sailing Monday 06:00. Who can come tonight?", Some("Next sailing Monday"));
        check("must be back in Antibes before Easter", Some("before Easter"));
        check("by the way, thanks", None);
        check("in April we need somebody", None);
    }
}
