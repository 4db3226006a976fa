//! Names of countries, their groups and the states of the USA, to codes of ISO 3166 and back.
//!
//! Official names come from the standard, common ones and groups from `world.txt`, which says by whom they
//! are drawn. A name is compared without case, accents, punctuation and "the".

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

/// Everything that places are called.
#[derive(Debug, Default)]
pub(super) struct World {
    /// By folded name; more than one meaning where the name says too little.
    meanings: HashMap<String, Vec<Vec<String>>>,
    /// What a code is called.
    names: HashMap<String, String>,
    /// Words of the longest name.
    pub(super) longest: usize,
}

/// What is known of the world.
pub(super) fn world() -> &'static World {
    static WORLD: LazyLock<World> = LazyLock::new(World::read);
    &WORLD
}

/// Parts of the USA that are countries in ISO 3166-1 as well.
const NO_STATES: [&str; 6] = ["US-AS", "US-GU", "US-MP", "US-PR", "US-UM", "US-VI"];

impl World {
    fn read() -> Self {
        let mut world = Self::default();
        let mut groups: HashMap<&str, Vec<String>> = HashMap::new();
        for line in include_str!("world.txt").lines() {
            let (head, tail) = line.split_once(" = ").unwrap_or_default();
            if let Some(names) = head.strip_prefix("group ") {
                let codes: Vec<String> = tail
                    .split(", ")
                    .flat_map(|part| match groups.get(part) {
                        Some(codes) => codes.clone(),
                        None => part.split(' ').map(str::to_owned).collect(),
                    })
                    .collect();
                for name in names.split(", ") {
                    groups.insert(name, codes.clone());
                    world.learn(name, &codes);
                }
            } else if let Some(code) = head.strip_prefix("name ") {
                for name in tail.split(", ") {
                    world.learn(name, &[code.to_owned()]);
                    world.names.entry(code.to_owned()).or_insert_with(|| name.to_owned());
                }
            }
        }
        let countries = rust_iso3166::ALL.iter().map(|country| (country.name, country.alpha2));
        let states = rust_iso3166::iso3166_2::SUBDIVISION_MAP
            .values()
            .filter(|part| part.country_code == "US" && !NO_STATES.contains(&part.code))
            .map(|part| (part.name, part.code));
        for (name, code) in countries.chain(states) {
            world.learn(name, &[code.to_owned()]);
            world.names.entry(code.to_owned()).or_insert_with(|| name.to_owned());
        }
        let sure: HashMap<String, String> = world
            .names
            .drain()
            .filter(|(code, name)| world.meanings[&fold(name)] == [[code.as_str()]])
            .collect();
        world.names = sure;
        world
    }

    fn learn(&mut self, name: &str, codes: &[String]) {
        let name = fold(name);
        self.longest = self.longest.max(name.split(' ').count());
        let meanings = self.meanings.entry(name).or_default();
        if !meanings.iter().any(|known| known == codes) {
            meanings.push(codes.to_vec());
        }
    }

    /// What a folded name may mean: lists of codes of countries and regions.
    pub(super) fn meanings(&self, folded: &str) -> &[Vec<String>] {
        self.meanings.get(folded).map_or(&[], Vec::as_slice)
    }

    /// What a country or region is called, by a name that has no other meaning; else its code.
    pub(super) fn name<'a>(&'a self, code: &'a str) -> &'a str {
        self.names.get(code).map_or(code, String::as_str)
    }

    /// Every folded name.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.meanings.keys().map(String::as_str)
    }
}

/// A name for comparing: its words in lower case, without accents, punctuation and "the".
pub(super) fn fold(name: &str) -> String {
    let plain: String = name.nfd().filter(|c| !('\u{300}'..='\u{36F}').contains(c)).collect();
    let words = plain.split(|c: char| c.is_whitespace() || matches!(c, '-' | '–' | ',' | '(' | ')'));
    let words =
        words.map(|word| word.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase());
    words.filter(|word| !word.is_empty() && word != "the").collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_there_is_has_a_meaning_and_only_those() {
        for (name, meanings) in &world().meanings {
            for code in meanings.iter().flatten() {
                let known = rust_iso3166::from_alpha2(code).is_some()
                    || rust_iso3166::iso3166_2::from_code(code).is_some();
                assert!(known, "{name}: {code}");
            }
        }
        let states = world().names.keys().filter(|code| code.starts_with("US-")).count();
        // Fifty states and a district, less Georgia, which is a country's name, too.
        assert_eq!(states, 50);
        let unnamed: Vec<&str> = rust_iso3166::ALL
            .iter()
            .map(|country| country.alpha2)
            .filter(|code| world().name(code) == *code)
            .collect();
        assert_eq!(unnamed, ["GE"]);
    }

    #[test]
    fn names() {
        let check = |name: &str, expect: &[&[&str]]| {
            assert_eq!(world().meanings(&fold(name)), expect, "{name}");
        };
        check("the netherlands", &[&["NL"]]);
        check("Turkiye", &[&["TR"]]);
        check("TURKEY", &[&["TR"]]);
        check("Cote d’Ivoire", &[&["CI"]]);
        check("Guinea Bissau", &[&["GW"]]);
        check("new york", &[&["US-NY"]]);
        check("Georgia", &[&["GE"], &["US-GA"]]);
        check("Korea", &[&["KP"], &["KR"]]);
        check("the DACH", &[&["DE", "AT", "CH"]]);
        check(
            "EEA",
            &[&[
                "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT",
                "LV", "LT", "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE", "IS", "LI", "NO",
            ]],
        );
        check("Atlantis", &[]);
        assert_eq!(
            ["TW", "US", "US-CA", "GE", "CD", "FR-75"].map(|code| world().name(code)),
            ["Taiwan", "United States", "California", "GE", "Democratic Republic of the Congo", "FR-75"]
        );
    }
}
