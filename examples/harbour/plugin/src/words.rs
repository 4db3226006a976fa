//! A text as words that know where they stand.
//!
//! Signals point into the text by bytes, and lower case can be longer or shorter than what was written,
//! so each word keeps its place and its lower case side by side.

/// The most of a text that is read, in bytes: people say early what they want, and a pasted appendix
/// should not cost a plugin's budget.
const READ: usize = 8 << 10;

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// In lower case.
    pub lower: String,
    /// Bytes into the text.
    pub start: usize,
    /// Behind its last byte.
    pub end: usize,
    /// Written with a capital.
    pub capital: bool,
}

/// The words of a text's beginning: letters and digits; everything else parts them.
pub fn words(text: &str) -> Vec<Word> {
    let text = &text[..text.floor_char_boundary(READ)];
    let mut words = Vec::new();
    let mut start = None;
    for (place, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (c.is_alphanumeric(), start) {
            (true, None) => start = Some(place),
            (false, Some(first)) => {
                let written = &text[first..place];
                let capital = written.starts_with(char::is_uppercase);
                words.push(Word { lower: written.to_lowercase(), start: first, end: place, capital });
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// A phrase to listen for: words in a row, in lower case. A word that ends in `*` stands for all that
/// begin so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase<'a>(Vec<&'a str>);

impl<'a> Phrase<'a> {
    /// Of words parted by anything but letters, digits and `*`; they have to be in lower case.
    pub fn new(text: &'a str) -> Self {
        let parts = text.split(|c: char| !c.is_alphanumeric() && c != '*');
        Self(parts.filter(|part| !part.is_empty()).collect())
    }

    /// Every place where it stands, as first and last word.
    pub fn places<'w>(&self, words: &'w [Word]) -> impl Iterator<Item = (&'w Word, &'w Word)> {
        let length = self.0.len().max(1);
        words
            .windows(length)
            .filter(|window| self.fits(window))
            .map(|window| (&window[0], &window[window.len() - 1]))
    }

    fn fits(&self, window: &[Word]) -> bool {
        let fits = |(part, word): (&&str, &Word)| match part.strip_suffix('*') {
            Some(beginning) => word.lower.starts_with(beginning),
            None => word.lower == *part,
        };
        !self.0.is_empty() && self.0.iter().zip(window).all(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_their_place() {
        let check = |text: &str, expect: &[(&str, &str)]| {
            let found = words(text);
            let found: Vec<_> = found.iter().map(|w| (w.lower.as_str(), &text[w.start..w.end])).collect();
            assert_eq!(found, expect, "{text}");
        };
        check("", &[]);
        check("¡¿…?!", &[]);
        check(
            "Ro-ro, 57,000 dwt",
            &[("ro", "Ro"), ("ro", "ro"), ("57", "57"), ("000", "000"), ("dwt", "dwt")],
        );
        // Lower case of another length leaves the places alone.
        check("İ Setúbal", &[("i\u{307}", "İ"), ("setúbal", "Setúbal")]);
        check("Fähren", &[("fähren", "Fähren")]);
    }

    #[test]
    fn only_the_beginning_is_read() {
        let long = "ä ".repeat(READ);
        let last = words(&long).pop().expect("words");
        assert!(last.end <= READ);
    }

    #[test]
    fn phrases() {
        let check = |phrase: &str, text: &str, expect: &[&str]| {
            let found = words(text);
            let found: Vec<_> = Phrase::new(phrase)
                .places(&found)
                .map(|(first, last)| &text[first.start..last.end])
                .collect();
            assert_eq!(found, expect, "{phrase} in {text}");
        };
        check("port state control", "Detained by Port-State control.", &["Port-State control"]);
        check("dock*", "Docking in a dry dock", &["Docking", "dock"]);
        check("dock", "Docking", &[]);
        check("", "anything", &[]);
        check("a b", "a", &[]);
    }
}
