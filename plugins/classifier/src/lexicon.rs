//! What to listen for: the compiled form of `pack/lexicon.txt`, read in place.
//!
//! The text file is for people. [`compile`] turns it, once and ahead, into sorted tables and a trie
//! of symbols; [`Lexicon`] looks words up in those bytes without building anything, because a
//! plugin's instance lives for one lead only.

use std::collections::{BTreeMap, BTreeSet};

use crate::words::{Kind, Token, Words};

const ANY: u16 = 0;
const NUMBER: u16 = 1;
const MONEY: u16 = 2;
const ORDINAL: u16 = 3;
const FIRST_WORD: u16 = 4;

/// Where a group's phrases are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In the inquiry's text, as a feature.
    Feature,
    /// In the inquiry's text, as a feature and a quoted signal.
    Signal,
    /// In the inquiry's text, to decide about the signals near it; not a feature.
    Mark,
    /// In the contact's title.
    Title,
    /// In the company's industry.
    Industry,
}

/// A phrase found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The group it belongs to.
    pub group: u16,
    /// Its first token.
    pub first: u32,
    /// The token after its last.
    pub after: u32,
}

/// The compiled lexicon, read in place.
#[derive(Clone, Copy)]
pub struct Lexicon<'a> {
    words: Table<'a>,
    prefixes: Table<'a>,
    edges: &'a [u8],
    outputs: &'a [u8],
    groups: &'a [u8],
    names: &'a str,
}

#[derive(Clone, Copy)]
struct Table<'a> {
    hashes: &'a [u8],
    /// One symbol an entry: a word in several classes has several entries side by side.
    symbols: &'a [u8],
}

impl Table<'_> {
    fn each(&self, hash: u32, mut found: impl FnMut(u16)) {
        let count = self.symbols.len() / 2;
        let mut at = lower_bound(count, |at| u32_at(self.hashes, at) < hash);
        while at < count && u32_at(self.hashes, at) == hash {
            found(u16_at(self.symbols, at));
            at += 1;
        }
    }
}

impl<'a> Lexicon<'a> {
    /// Opens what [`compile`] made; `None` where the bytes are something else.
    pub fn open(bytes: &'a [u8]) -> Option<Lexicon<'a>> {
        let mut rest = bytes.strip_prefix(b"LWLX")?;
        let mut part = || {
            let (length, after) = rest.split_at_checked(4)?;
            let (part, after) = after.split_at_checked(u32_at(length, 0) as usize)?;
            rest = after;
            Some(part)
        };
        Some(Lexicon {
            words: Table { hashes: part()?, symbols: part()? },
            prefixes: Table { hashes: part()?, symbols: part()? },
            edges: part()?,
            outputs: part()?,
            groups: part()?,
            names: std::str::from_utf8(part()?).ok()?,
        })
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.groups.len() / 8
    }

    /// Where a group's phrases are looked for.
    pub fn scope(&self, group: u16) -> Scope {
        match self.groups[group as usize * 8] {
            0 => Scope::Feature,
            1 => Scope::Signal,
            2 => Scope::Title,
            3 => Scope::Industry,
            _ => Scope::Mark,
        }
    }

    /// A group's name (a signal's kind) and the value it gives its signals, which may be empty.
    pub fn name(&self, group: u16) -> (&'a str, &'a str) {
        let entry = &self.groups[group as usize * 8..][..8];
        let start = u16_at(entry, 1) as usize;
        let middle = start + u16_at(entry, 2) as usize;
        let end = middle + u16_at(entry, 3) as usize;
        (&self.names[start..middle], &self.names[middle..end])
    }

    /// Every phrase in the text; of one group's phrases that begin at one word, the longest.
    pub fn find(&self, words: &Words, mut found: impl FnMut(Found)) {
        let mut symbols: Vec<u16> = Vec::with_capacity(words.tokens.len() * 3);
        let mut starts: Vec<u32> = Vec::with_capacity(words.tokens.len() + 1);
        for token in &words.tokens {
            starts.push(symbols.len() as u32);
            self.symbols(words, token, &mut symbols);
        }
        starts.push(symbols.len() as u32);
        let of = |at: usize| &symbols[starts[at] as usize..starts[at + 1] as usize];
        let mut walk = Walk { lexicon: self, words, of: &of, best: Vec::with_capacity(8) };
        for first in 0..words.tokens.len() {
            walk.best.clear();
            walk.from(0, first, first);
            for &(group, after) in &walk.best {
                found(Found { group, first: first as u32, after: after as u32 });
            }
        }
    }

    fn symbols(&self, words: &Words, token: &Token, symbols: &mut Vec<u16>) {
        match token.kind {
            Kind::Number(value) => {
                symbols.push(NUMBER);
                if let Some(hash) = exact(value) {
                    self.words.each(hash, |symbol| symbols.push(symbol));
                }
                return;
            }
            Kind::Money(..) => symbols.push(MONEY),
            Kind::Ordinal => symbols.push(ORDINAL),
            Kind::Word => {}
        }
        if token.hash != 0 {
            self.words.each(token.hash, |symbol| symbols.push(symbol));
            for &prefix in words.prefixes(token) {
                self.prefixes.each(prefix, |symbol| symbols.push(symbol));
            }
        }
    }

    fn edge(&self, node: u16, symbol: u16) -> Option<u16> {
        let key = u32::from(node) << 16 | u32::from(symbol);
        let count = self.edges.len() / 6;
        let at = lower_bound(count, |at| edge_key(self.edges, at) < key);
        (at < count && edge_key(self.edges, at) == key).then(|| u16_at(&self.edges[at * 6 + 4..], 0))
    }
}

struct Walk<'w, F> {
    lexicon: &'w Lexicon<'w>,
    words: &'w Words,
    of: &'w F,
    best: Vec<(u16, usize)>,
}

impl<'w, F: Fn(usize) -> &'w [u16]> Walk<'w, F> {
    fn from(&mut self, node: u16, first: usize, at: usize) {
        if node != 0 {
            let outputs = self.lexicon.outputs;
            let count = outputs.len() / 4;
            let mut next = lower_bound(count, |at| u16_at(outputs, at * 2) < node);
            while next < count && u16_at(outputs, next * 2) == node {
                let group = u16_at(outputs, next * 2 + 1);
                match self.best.iter_mut().find(|(known, _)| *known == group) {
                    Some((_, after)) => *after = (*after).max(at),
                    None => self.best.push((group, at)),
                }
                next += 1;
            }
        }
        let Some(token) = self.words.tokens.get(at) else { return };
        if at > first && token.breaks {
            return;
        }
        for &symbol in (self.of)(at) {
            if let Some(next) = self.lexicon.edge(node, symbol) {
                self.from(next, first, at + 1);
            }
        }
        if at > first
            && let Some(next) = self.lexicon.edge(node, ANY)
        {
            self.from(next, first, at + 1);
        }
    }
}

/// The entry of one exact number, as in `one person` or `soc 2`.
fn exact(value: f64) -> Option<u32> {
    (value.fract() == 0.0 && (0.0..100_000.0).contains(&value)).then_some(0x8000_0000 | value as u32)
}

fn lower_bound(count: usize, less: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = (low + high) / 2;
        if less(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

fn u32_at(bytes: &[u8], index: usize) -> u32 {
    u32::from_le_bytes([bytes[index * 4], bytes[index * 4 + 1], bytes[index * 4 + 2], bytes[index * 4 + 3]])
}

fn u16_at(bytes: &[u8], index: usize) -> u16 {
    u16::from_le_bytes([bytes[index * 2], bytes[index * 2 + 1]])
}

fn edge_key(edges: &[u8], at: usize) -> u32 {
    let e = &edges[at * 6..];
    u32::from_le_bytes([e[0], e[1], e[2], e[3]])
}

/// Turns the readable lexicon into the form that is read in place.
///
/// # Errors
/// Names the line that is not as the file's head describes.
pub fn compile(source: &str) -> Result<Vec<u8>, String> {
    let mut build = Build::default();
    for (number, line) in source.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        build.line(line).map_err(|problem| format!("line {}: {problem}", number + 1))?;
    }
    build.finish()
}

/// Signals a tenant adds: kind, value and the phrases that stand for it, in plain words.
///
/// # Errors
/// Names the phrase that cannot be listened for, by its place in the list.
pub fn compile_signals(signals: &[(&str, &str, &str)]) -> Result<Vec<u8>, (usize, String)> {
    let mut build = Build::default();
    for (place, (kind, value, phrase)) in signals.iter().enumerate() {
        let group = build.group(1, kind, value);
        let words: Vec<String> = phrase
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        build.phrase(&words.join(" "), group).map_err(|problem| (place, problem))?;
    }
    build.finish().map_err(|problem| (0, problem))
}

/// The words of a text that a part of a phrase stands for: a text has `2fa` as a number and a word, and so
/// must a phrase, or it would be found wherever there is a 2.
fn as_read(part: &str) -> Vec<String> {
    if !part.starts_with(|c: char| c.is_ascii_digit()) {
        return vec![part.to_string()];
    }
    let (word, optional) = part.strip_suffix('?').map_or((part, false), |word| (word, true));
    let read = Words::read(word);
    if optional || read.tokens.len() < 2 {
        return vec![part.to_string()];
    }
    read.tokens.iter().map(|token| word[token.start as usize..token.end as usize].to_string()).collect()
}

#[derive(Default)]
struct Build {
    symbols: BTreeMap<String, u16>,
    words: BTreeSet<(u32, u16)>,
    prefixes: BTreeSet<(u32, u16)>,
    edges: BTreeMap<(u16, u16), u16>,
    nodes: u16,
    outputs: BTreeSet<(u16, u16)>,
    groups: Vec<u8>,
    names: String,
}

impl Build {
    fn symbol(&mut self, name: &str) -> u16 {
        let next = FIRST_WORD + self.symbols.len() as u16;
        *self.symbols.entry(name.to_string()).or_insert(next)
    }

    fn word(&mut self, word: &str, symbol: u16) -> Result<(), String> {
        let stem = word.trim_end_matches('*');
        let read = Words::read(stem);
        let [token] = read.tokens.as_slice() else { return Err(format!("{word:?} is not one word")) };
        if token.hash == 0 {
            return Err(format!("{word:?} is a number"));
        }
        if word.ends_with('*') {
            if stem.len() < 3 || stem.len() > 16 {
                return Err(format!("{word:?} is too short or too long for a beginning"));
            }
            self.prefixes.insert((token.hash, symbol));
        } else {
            self.words.insert((token.hash, symbol));
        }
        Ok(())
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.starts_with('@') {
            let (name, list) = line.split_once('=').ok_or("a class needs `=`")?;
            let symbol = self.symbol(name.trim());
            return list.split('|').try_for_each(|word| self.word(word.trim(), symbol));
        }
        let (head, list) = line.split_once(':').ok_or("a group needs `:`")?;
        let mut head = head.splitn(3, ' ');
        let scope = match head.next() {
            Some("feature") => 0,
            Some("signal") => 1,
            Some("title") => 2,
            Some("industry") => 3,
            Some("mark") => 4,
            other => return Err(format!("unknown kind of group {other:?}")),
        };
        let name = head.next().ok_or("a group needs a name")?.trim();
        let value = head.next().unwrap_or("").trim();
        let group = self.group(scope, name, value);
        list.split('|').try_for_each(|phrase| self.phrase(phrase.trim(), group))
    }

    fn group(&mut self, scope: u8, name: &str, value: &str) -> u16 {
        let group = (self.groups.len() / 8) as u16;
        self.groups.extend([scope, 0]);
        for number in [self.names.len(), name.len(), value.len()] {
            self.groups.extend((number as u16).to_le_bytes());
        }
        self.names.push_str(name);
        self.names.push_str(value);
        group
    }

    fn phrase(&mut self, phrase: &str, group: u16) -> Result<(), String> {
        if phrase.is_empty() {
            return Err("an empty phrase".to_string());
        }
        let mut ends = vec![0u16];
        let parts: Vec<String> = phrase.split_whitespace().flat_map(as_read).collect();
        for part in parts.iter().map(String::as_str) {
            let (part, optional) = match part.strip_suffix('?') {
                Some(part) => (part, true),
                None => (part, false),
            };
            let symbol = match part {
                "_" => ANY,
                "#" => NUMBER,
                "$" => MONEY,
                "#th" => ORDINAL,
                _ if part.starts_with('@') => {
                    *self.symbols.get(part).ok_or_else(|| format!("unknown class {part}"))?
                }
                _ => {
                    let symbol = self.symbol(part);
                    match Words::read(part).tokens.first().map(|token| token.kind) {
                        Some(Kind::Number(value)) => {
                            let hash = exact(value).ok_or_else(|| format!("{part} is too large a number"))?;
                            self.words.insert((hash, symbol));
                        }
                        _ => self.word(part, symbol)?,
                    }
                    symbol
                }
            };
            let mut next: Vec<u16> = if optional { ends.clone() } else { Vec::new() };
            for node in ends {
                let fresh = self.nodes + 1;
                let target = *self.edges.entry((node, symbol)).or_insert(fresh);
                self.nodes = self.nodes.max(target);
                if !next.contains(&target) {
                    next.push(target);
                }
            }
            ends = next;
        }
        self.outputs.extend(ends.into_iter().filter(|&node| node != 0).map(|node| (node, group)));
        Ok(())
    }

    fn finish(self) -> Result<Vec<u8>, String> {
        if self.nodes == u16::MAX || self.names.len() > usize::from(u16::MAX) {
            return Err("the lexicon is too large for its format".to_string());
        }
        let mut bytes = b"LWLX".to_vec();
        let mut part = |content: Vec<u8>| {
            bytes.extend((content.len() as u32).to_le_bytes());
            bytes.extend(content);
        };
        for table in [&self.words, &self.prefixes] {
            part(table.iter().flat_map(|(hash, _)| hash.to_le_bytes()).collect());
            part(table.iter().flat_map(|(_, symbol)| symbol.to_le_bytes()).collect());
        }
        part(
            self.edges
                .iter()
                .flat_map(|(&(node, symbol), &target)| {
                    let key = (u32::from(node) << 16 | u32::from(symbol)).to_le_bytes();
                    key.into_iter().chain(target.to_le_bytes())
                })
                .collect(),
        );
        part(
            self.outputs
                .iter()
                .flat_map(|(node, group)| [node.to_le_bytes(), group.to_le_bytes()].concat())
                .collect(),
        );
        part(self.groups);
        part(self.names.into_bytes());
        Ok(bytes)
    }
}
