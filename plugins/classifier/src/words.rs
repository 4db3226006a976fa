//! A text as the lexicon reads it: words, numbers and sums of money with their places.
//!
//! One pass over the text, no regular expressions: an instance lives for one lead, so nothing may
//! be compiled at call time. Words are folded to lower case without accents and kept as hashes;
//! numbers are understood as written (`1,200`, `12.000`, `20k`, `four hundred`), money with its currency.

/// Tokens read of one text; what follows in a longer one is left to the embedding.
const MOST_TOKENS: usize = 4096;
/// Bytes of a word that count; the rest of a longer one is ignored.
const LONGEST_WORD: usize = 40;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A word.
    Word,
    /// A number, in digits or written out.
    Number(f64),
    /// A number with a currency: ISO code, or empty where the sign is ambiguous.
    Money(f64, &'static str),
    /// `20th`.
    Ordinal,
}

/// A word, number or sum in the text.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Byte offset of its first character.
    pub start: u32,
    /// Byte offset after its last character.
    pub end: u32,
    /// What it is.
    pub kind: Kind,
    /// Hash of the folded word.
    pub hash: u32,
    /// A sentence or line ended before it.
    pub breaks: bool,
    /// A dash joins it to the number before: `200-1500`.
    pub joined: bool,
    /// Where its prefixes' hashes begin in `Words::prefixes`.
    prefixes: (u32, u32),
}

/// A tokenised text.
#[derive(Default)]
pub struct Words {
    /// In order of appearance.
    pub tokens: Vec<Token>,
    prefixes: Vec<u32>,
}

impl Words {
    /// Reads `text` once from left to right.
    pub fn read(text: &str) -> Words {
        let mut words = Words {
            tokens: Vec::with_capacity((text.len() / 5 + 8).min(MOST_TOKENS)),
            prefixes: Vec::with_capacity((text.len() + 16).min(MOST_TOKENS * 5)),
        };
        let mut reader = Reader { text, at: 0, breaks: true, joined: false, words: &mut words };
        reader.run();
        words.merge();
        words
    }

    /// Hashes of the token's beginnings of three bytes and more, the whole word included.
    pub fn prefixes(&self, token: &Token) -> &[u32] {
        &self.prefixes[token.prefixes.0 as usize..token.prefixes.1 as usize]
    }

    /// Joins written numbers (`two hundred and fifty`) and sums with their currency (`30k EUR`).
    fn merge(&mut self) {
        let mut kept: Vec<Token> = Vec::with_capacity(self.tokens.len());
        let mut at = 0;
        while at < self.tokens.len() {
            let mut token = self.tokens[at];
            at += 1;
            if let Kind::Number(mut value) = token.kind {
                // Written parts add up while they get smaller, and scale words multiply.
                let mut total = 0.0;
                let written = token.hash != 0;
                while let Some(&next) = self.tokens.get(at) {
                    let and = next.hash == AND && written;
                    let after = if and { self.tokens.get(at + 1).copied() } else { Some(next) };
                    let Some(part) = after else { break };
                    if part.breaks || next.breaks || part.hash == 0 {
                        break;
                    }
                    let Kind::Number(amount) = part.kind else { break };
                    if amount >= 100.0 && amount.log10().fract() == 0.0 && value < amount && !and {
                        value *= amount;
                        if amount >= 1000.0 {
                            total += value;
                            value = 0.0;
                        }
                    } else if written
                        && (value == 0.0 || amount < value && value % 10.0 == 0.0 && amount < 100.0)
                    {
                        value += amount;
                    } else {
                        break;
                    }
                    token.end = part.end;
                    at += if and { 2 } else { 1 };
                }
                token.kind = Kind::Number(total + value);
                if let (Some(next), Kind::Number(value)) = (self.tokens.get(at), token.kind)
                    && !next.breaks
                    && let Some(code) = currency_word(next.hash)
                {
                    token.kind = Kind::Money(value, code);
                    token.end = next.end;
                    at += 1;
                }
                if let (Kind::Number(value), Some(before)) = (token.kind, kept.last())
                    && !token.breaks
                    && before.kind == Kind::Word
                    && let Some(code) = currency_word(before.hash)
                {
                    token.kind = Kind::Money(value, code);
                    token.start = before.start;
                    token.breaks = before.breaks;
                    kept.pop();
                }
            }
            kept.push(token);
        }
        self.tokens = kept;
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    breaks: bool,
    joined: bool,
    words: &'a mut Words,
}

impl Reader<'_> {
    fn run(&mut self) {
        let mut sign: Option<(usize, &'static str)> = None;
        while let Some(c) = self.peek() {
            if self.words.tokens.len() >= MOST_TOKENS {
                return;
            }
            if c.is_ascii_digit() {
                self.number(sign.take());
            } else if c.is_alphanumeric() {
                sign = None;
                self.word();
            } else {
                match c {
                    '.' | '!' | '?' | ';' | '\n' | '…' | '。' | '？' | '！' | '•' => {
                        self.breaks = true
                    }
                    '-' | '–' | '—' | '~' => {
                        let tight = self.words.tokens.last().is_some_and(|t| t.end as usize == self.at);
                        self.joined = tight || c != '-';
                    }
                    '$' => sign = Some((self.at, "USD")),
                    '€' => sign = Some((self.at, "EUR")),
                    '£' => sign = Some((self.at, "GBP")),
                    '¥' => sign = Some((self.at, "JPY")),
                    '₹' => sign = Some((self.at, "INR")),
                    _ => {}
                }
                if let (Some((place, code)), Some(last)) = (sign, self.words.tokens.last_mut()) {
                    // The sign follows its number: `30 €`.
                    if let Kind::Number(value) = last.kind
                        && place == self.at
                        && place <= last.end as usize + 1
                        && code != "USD"
                    {
                        last.kind = Kind::Money(value, code);
                        last.end = (place + c.len_utf8()) as u32;
                        sign = None;
                    }
                }
                self.at += c.len_utf8();
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn push(&mut self, start: usize, kind: Kind, hash: u32, prefixes: (u32, u32)) {
        let token = Token {
            start: start as u32,
            end: self.at as u32,
            kind,
            hash,
            breaks: std::mem::take(&mut self.breaks),
            joined: std::mem::take(&mut self.joined),
            prefixes,
        };
        self.words.tokens.push(token);
    }

    fn word(&mut self) {
        let start = self.at;
        let first = self.words.prefixes.len() as u32;
        let mut folded = Folded::default();
        while let Some(c) = self.peek() {
            if !(c.is_alphanumeric() || is_mark(c)) {
                break;
            }
            folded.push(c, &mut self.words.prefixes);
            self.at += c.len_utf8();
        }
        let prefixes = (first, self.words.prefixes.len() as u32);
        let kind = number_word(folded.text()).map_or(Kind::Word, Kind::Number);
        self.push(start, kind, folded.hash(), prefixes);
    }

    /// Whether the word before is a currency: `USD 10M`.
    fn follows_currency(&self) -> bool {
        !self.breaks && self.words.tokens.last().is_some_and(|last| currency_word(last.hash).is_some())
    }

    fn number(&mut self, sign: Option<(usize, &'static str)>) {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let first = digits(self.at);
        let mut value = amount(&self.text[self.at..self.at + first]);
        self.at += first;
        let mut grouped = first <= 3;
        while grouped {
            let Some(c) = self.peek() else { break };
            if !matches!(c, '.' | ',' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}') {
                break;
            }
            let from = self.at + c.len_utf8();
            grouped = digits(from) == 3;
            if grouped {
                value = value * 1000.0 + amount(&self.text[from..from + 3]);
                self.at = from + 3;
            } else if matches!(c, '.' | ',') && (1..=2).contains(&digits(from)) {
                let end = from + digits(from);
                let more = bytes.get(end).is_some_and(|b| matches!(b, b'.' | b',' | b'/'))
                    && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
                if !more {
                    value += amount(&self.text[from..end]) / 10f64.powi((end - from) as i32);
                    self.at = end;
                }
            }
        }
        let letters =
            self.text[self.at..].chars().take_while(|c| c.is_alphanumeric()).take(4).collect::<String>();
        let kind = match letters.to_lowercase().as_str() {
            "k" => {
                value *= 1e3;
                self.at += 1;
                Kind::Number(value)
            }
            "m" | "mn" | "mio" if sign.is_some() || letters.len() > 1 || self.follows_currency() => {
                value *= 1e6;
                self.at += letters.len();
                Kind::Number(value)
            }
            "st" | "nd" | "rd" | "th" => {
                self.at += 2;
                Kind::Ordinal
            }
            _ => Kind::Number(value),
        };
        match (sign, kind) {
            (Some((place, code)), Kind::Number(value)) => {
                self.push(place, Kind::Money(value, code), 0, (0, 0))
            }
            _ => self.push(start, kind, 0, (0, 0)),
        }
    }
}

/// A few digits; at most as many as a `f64` holds, so that a wall of digits stays finite.
fn amount(digits: &str) -> f64 {
    digits.bytes().take(15).fold(0.0, |sum, digit| sum * 10.0 + f64::from(digit - b'0'))
}

/// A word's folded bytes and the hashes of its beginnings.
struct Folded {
    bytes: [u8; LONGEST_WORD],
    length: usize,
    hash: u32,
}

impl Default for Folded {
    fn default() -> Self {
        Folded { bytes: [0; LONGEST_WORD], length: 0, hash: FNV_START }
    }
}

impl Folded {
    fn push(&mut self, c: char, prefixes: &mut Vec<u32>) {
        for c in c.to_lowercase().filter(|&c| !is_mark(c)) {
            let (c, twice) = fold(c);
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer).as_bytes();
            for _ in 0..=usize::from(twice) {
                if self.length + bytes.len() > LONGEST_WORD {
                    return;
                }
                for &byte in bytes {
                    self.bytes[self.length] = byte;
                    self.length += 1;
                    self.hash = (self.hash ^ u32::from(byte)).wrapping_mul(FNV_PRIME);
                }
                if (3..=16).contains(&self.length) {
                    prefixes.push(self.hash);
                }
            }
        }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or("")
    }

    /// Never 0, which marks a number in digits.
    fn hash(&self) -> u32 {
        self.hash.max(1)
    }
}

const FNV_START: u32 = 0x811c_9dc5;
const FNV_PRIME: u32 = 0x0100_0193;

/// The hash a folded word has in `Token::hash`.
pub const fn hash(word: &str) -> u32 {
    let bytes = word.as_bytes();
    let mut hash = FNV_START;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(FNV_PRIME);
        at += 1;
    }
    if hash == 0 { 1 } else { hash }
}

const AND: u32 = hash("and");

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// The plain letter under an accent, and whether it stands for two (`ß`).
fn fold(c: char) -> (char, bool) {
    const LATIN: &[u8] =
        b"aaaaaaaceeeeiiiidnooooo*ouuuuyt*aaaaaaaceeeeiiiidnooooo*ouuuuytyaaaaaaccccccccddddeeeeeeeeeegggg\
        gggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
    match c {
        'ß' => ('s', true),
        '\u{c0}'..='\u{17f}' => match LATIN.get(c as usize - 0xc0) {
            Some(&letter) if letter.is_ascii_lowercase() => (char::from(letter), false),
            _ => (c, false),
        },
        _ => (c, false),
    }
}

/// Currencies by their word or code; an empty code is money in a currency left open.
fn currency_word(hash_of_word: u32) -> Option<&'static str> {
    const WORDS: &[(u32, &str)] = &[
        (hash("usd"), "USD"),
        (hash("dollars"), "USD"),
        (hash("dollar"), "USD"),
        (hash("bucks"), "USD"),
        (hash("eur"), "EUR"),
        (hash("euro"), "EUR"),
        (hash("euros"), "EUR"),
        (hash("gbp"), "GBP"),
        (hash("pounds"), "GBP"),
        (hash("quid"), "GBP"),
        (hash("chf"), "CHF"),
        (hash("francs"), "CHF"),
        (hash("franken"), "CHF"),
        (hash("sek"), "SEK"),
        (hash("nok"), "NOK"),
        (hash("dkk"), "DKK"),
        (hash("kr"), "SEK"),
        (hash("kronor"), "SEK"),
        (hash("pln"), "PLN"),
        (hash("zl"), "PLN"),
        (hash("zloty"), "PLN"),
        (hash("zlotych"), "PLN"),
        (hash("brl"), "BRL"),
        (hash("reais"), "BRL"),
        (hash("inr"), "INR"),
        (hash("rupees"), "INR"),
        (hash("rs"), "INR"),
        (hash("jpy"), "JPY"),
        (hash("yen"), "JPY"),
        (hash("cad"), "CAD"),
        (hash("aud"), "AUD"),
        (hash("nzd"), "NZD"),
        (hash("sgd"), "SGD"),
        (hash("aed"), "AED"),
        (hash("zar"), "ZAR"),
        (hash("rand"), "ZAR"),
        (hash("naira"), "NGN"),
        (hash("pesos"), "MXN"),
        (hash("mxn"), "MXN"),
        (hash("czk"), "CZK"),
    ];
    WORDS.iter().find(|(word, _)| *word == hash_of_word).map(|(_, code)| *code)
}

/// Written numbers of the languages inquiries come in; a sorted table, found by halving.
fn number_word(word: &str) -> Option<f64> {
    NUMBERS.binary_search_by(|(name, _)| (*name).cmp(word)).ok().map(|at| NUMBERS[at].1)
}

#[rustfmt::skip]
static NUMBERS: &[(&str, f64)] = &[
    ("acht", 8.0), ("achtzehn", 18.0), ("achtzig", 80.0), ("cem", 100.0), ("centaine", 100.0),
    ("cento", 100.0), ("cien", 100.0), ("cinco", 5.0), ("cincuenta", 50.0), ("cinq", 5.0),
    ("cinquantaine", 50.0), ("cinquante", 50.0), ("cinquenta", 50.0), ("cuarenta", 40.0), ("cuatro", 4.0),
    ("decena", 10.0), ("dertig", 30.0), ("deux", 2.0), ("dieci", 10.0), ("diez", 10.0), ("dix", 10.0),
    ("dizaine", 10.0), ("doce", 12.0), ("dodici", 12.0), ("dois", 2.0), ("douzaine", 12.0), ("douze", 12.0),
    ("dozen", 12.0), ("drei", 3.0), ("dreihundert", 300.0), ("dreissig", 30.0), ("dreizehn", 13.0),
    ("dutzend", 12.0), ("eight", 8.0), ("eighteen", 18.0), ("eighty", 80.0), ("einhundert", 100.0),
    ("eleven", 11.0), ("elf", 11.0), ("fifteen", 15.0), ("fifty", 50.0), ("five", 5.0), ("forty", 40.0),
    ("four", 4.0), ("fourteen", 14.0), ("funf", 5.0), ("funfzehn", 15.0), ("funfzig", 50.0),
    ("hundert", 100.0), ("hundred", 100.0), ("mil", 1000.0), ("million", 1e6), ("neun", 9.0), ("nine", 9.0),
    ("nineteen", 19.0), ("ninety", 90.0), ("nove", 9.0), ("ocho", 8.0), ("oito", 8.0), ("one", 1.0),
    ("otto", 8.0), ("quarantaine", 40.0), ("quarante", 40.0), ("quarenta", 40.0), ("quatre", 4.0),
    ("quatro", 4.0), ("quattro", 4.0), ("quindici", 15.0), ("quinzaine", 15.0), ("quinze", 15.0),
    ("sechs", 6.0), ("sechzehn", 16.0), ("sechzig", 60.0), ("seis", 6.0), ("sesenta", 60.0),
    ("sessenta", 60.0), ("seven", 7.0), ("seventeen", 17.0), ("seventy", 70.0), ("sieben", 7.0),
    ("siebzehn", 17.0), ("siebzig", 70.0), ("siete", 7.0), ("six", 6.0), ("sixteen", 16.0), ("sixty", 60.0),
    ("soixante", 60.0), ("ten", 10.0), ("thirteen", 13.0), ("thirty", 30.0), ("thousand", 1000.0),
    ("three", 3.0), ("tien", 10.0), ("treinta", 30.0), ("treintena", 30.0), ("trenta", 30.0),
    ("trentaine", 30.0), ("trente", 30.0), ("tres", 3.0), ("trinta", 30.0), ("trois", 3.0),
    ("twelve", 12.0), ("twenty", 20.0), ("twintig", 20.0), ("two", 2.0), ("veinte", 20.0),
    ("veintena", 20.0), ("venti", 20.0), ("vier", 4.0), ("vierhundert", 400.0), ("vierzehn", 14.0),
    ("vierzig", 40.0), ("vijftien", 15.0), ("vingt", 20.0), ("vingtaine", 20.0), ("vinte", 20.0),
    ("zehn", 10.0), ("zwanzig", 20.0), ("zwei", 2.0), ("zweihundert", 200.0), ("zwolf", 12.0),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[(&str, Kind)]) {
        let words = Words::read(text);
        let found: Vec<_> =
            words.tokens.iter().map(|t| (&text[t.start as usize..t.end as usize], t.kind)).collect();
        assert_eq!(found, expect, "{text:?}");
    }

    #[test]
    fn number_words_are_sorted() {
        assert!(NUMBERS.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn reads_numbers_as_people_write_them() {
        use Kind::{Money, Number, Ordinal, Word};
        check("1,200 users", &[("1,200", Number(1200.0)), ("users", Word)]);
        check("12.000", &[("12.000", Number(12000.0))]);
        check("1.5k", &[("1.5k", Number(1500.0))]);
        check("4 000 Leute", &[("4 000", Number(4000.0)), ("Leute", Word)]);
        check("two hundred and fifty", &[("two hundred and fifty", Number(250.0))]);
        check("thirty-five of us", &[("thirty-five", Number(35.0)), ("of", Word), ("us", Word)]);
        check("three thousand five hundred", &[("three thousand five hundred", Number(3500.0))]);
        check("the 20th", &[("the", Word), ("20th", Ordinal)]);
        check("$30k a year", &[("$30k", Money(30000.0, "USD")), ("a", Word), ("year", Word)]);
        check("30 000 €", &[("30 000 €", Money(30000.0, "EUR"))]);
        check("CHF 20k", &[("CHF 20k", Money(20000.0, "CHF"))]);
        check("USD 10M", &[("USD 10M", Money(1e7, "USD"))]);
        check("2 million euros", &[("2 million euros", Money(2e6, "EUR"))]);
        check("Größe", &[("Größe", Word)]);
        check("", &[]);
    }

    #[test]
    fn folds_accents() {
        for (text, folded) in [
            ("GRÖSSE", "grosse"),
            ("größe", "grosse"),
            ("İstanbul", "istanbul"),
            ("été", "ete"),
            ("łódź", "lodz"),
        ] {
            assert_eq!(Words::read(text).tokens[0].hash, hash(folded), "{text}");
        }
    }
}
