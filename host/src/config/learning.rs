//! What is learned from won and lost deals, and what may be tried: `[learning]` of `tenant.toml`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Problem;
use super::read::At;
use super::toml_table::Table;
use crate::lead::Tier;
use crate::nearest::nearest;
use crate::rules::Segment;

/// How a tenant learns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Learning {
    /// What reps may differ by, at most [`MOST_FACTS`]; `segment` is one of them.
    pub by: Vec<Fact>,
    /// The fact whose words may have models of their own (P22); absent: one model speaks for all leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<Fact>,
    /// Days after which a deal counts half (S3.5).
    pub half_life_days: u32,
    /// Days after which it does not count (S3.7).
    pub window_days: u32,
    /// Whether it is trained again every week (S3.9).
    pub weekly: bool,
    /// Whether what the tenant's model has in common with others may be part of what they start from, and theirs of what this
    /// one does.
    pub shared: bool,
    /// What may be tried; absent: nothing is.
    pub explore: Option<Explore>,
}

/// Trying somebody who is not known to be best (S2.11).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explore {
    /// How much less likely than the best somebody may be to win the lead, 0 to 1; also the most that a lead loses on
    /// average.
    pub within: f64,
    /// The least probability of each of them, 0 to 0.2.
    pub floor: f64,
    /// The share that is kept for newer reps, 0 to 0.5.
    pub newer: f64,
    /// In which tiers.
    pub tiers: Vec<Tier>,
}

/// Something about a lead that reps may differ by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// Where the lead came from.
    Channel,
    /// The company's country.
    Country,
    /// The company's industry.
    Industry,
    /// The lane's id.
    Lane,
    /// The contact's language.
    Language,
    /// The word of a segment table.
    Segment(String),
    /// A custom field that holds a short text or a flag.
    Field(String),
}

/// Facts of one model at most: with more of them, hardly a deal is like another.
pub const MOST_FACTS: usize = 6;

const WORDS: [(&str, Fact); 5] = [
    ("channel", Fact::Channel),
    ("country", Fact::Country),
    ("industry", Fact::Industry),
    ("lane", Fact::Lane),
    ("language", Fact::Language),
];

/// As the folder writes it, and as it stands with a deal.
impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(name) => write!(f, "segment.{name}"),
            Self::Field(name) => write!(f, "field.{name}"),
            word => f.write_str(WORDS.iter().find(|(_, fact)| fact == word).map_or("", |(word, _)| word)),
        }
    }
}

/// As it stands with a deal and in a model; a segment is not looked for in the folder.
impl FromStr for Fact {
    type Err = UnknownFact;

    fn from_str(text: &str) -> Result<Self, UnknownFact> {
        let own = |prefix: &str, fact: fn(String) -> Fact| {
            text.strip_prefix(prefix).filter(|name| !name.is_empty()).map(|name| fact(name.to_owned()))
        };
        WORDS
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, fact)| fact.clone())
            .or_else(|| own("field.", Self::Field))
            .or_else(|| own("segment.", Self::Segment))
            .ok_or(UnknownFact)
    }
}

/// Nothing that is known of a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownFact;

/// Whether a `tenant.toml` that was published agrees to share; what is no TOML does not.
pub fn shares(tenant_toml: &str) -> bool {
    #[derive(Default, Deserialize)]
    struct Root {
        #[serde(default)]
        learning: Shared,
    }
    #[derive(Default, Deserialize)]
    struct Shared {
        #[serde(default)]
        shared: bool,
    }
    toml::from_str::<Root>(tenant_toml).unwrap_or_default().learning.shared
}

impl Learning {
    /// Of a tenant who says nothing: by industry and channel, and by its own segments.
    pub(crate) fn of(segments: &[Segment]) -> Self {
        let own = segments.iter().map(|segment| Fact::Segment(segment.name.clone()));
        let by = [Fact::Industry, Fact::Channel].into_iter().chain(own).take(MOST_FACTS).collect();
        let (half_life_days, window_days) = (180, 365);
        Self { by, segment: None, half_life_days, window_days, weekly: true, shared: false, explore: None }
    }

    /// Whether it is what a tenant gets who says nothing.
    pub(super) fn is_default(&self, segments: &[Segment]) -> bool {
        *self == Self::of(segments)
    }
}

const KEYS: &[&str] = &["by", "segment", "half_life_days", "window_days", "train", "shared", "explore"];

pub(super) fn learning(root: &Table<'_>, segments: &[Segment]) -> Learning {
    let default = Learning::of(segments);
    let Some(table) = root.table("learning", "[learning]", KEYS) else { return default };
    let by = table.texts("by").map(|texts| facts(&table, &texts, segments));
    let segment = table.text("segment").and_then(|text| segment(&table, &text, segments));
    let by = with_segment(&table, by, segment.as_ref(), &default.by);
    let days = "days; a year has 365";
    let train = [("weekly", true), ("never", false)];
    let meanings = "\"weekly\" trains a model every week, \"never\" only when somebody asks for it";
    Learning {
        by,
        segment,
        half_life_days: table.count("half_life_days", 7..=3_650, days).unwrap_or(default.half_life_days),
        window_days: table.count("window_days", 30..=3_650, days).unwrap_or(default.window_days),
        weekly: table.choice("train", &train, meanings).unwrap_or(default.weekly),
        shared: table.flag("shared").unwrap_or(default.shared),
        explore: explore(&table),
    }
}

fn facts(table: &Table<'_>, texts: &[At<String>], segments: &[Segment]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for At { value, place } in texts {
        let (message, hint) = match fact(value, segments) {
            Some(fact) if facts.contains(&fact) => {
                (format!("`by` has {value:?} twice"), "take one of them out".to_owned())
            }
            Some(_) if facts.len() == MOST_FACTS => (
                format!("`by` has more than {MOST_FACTS} facts, and hardly a deal is like another"),
                "keep those that reps differ by most".to_owned(),
            ),
            Some(fact) => {
                facts.push(fact);
                continue;
            }
            None => (
                format!("`by` has {value:?}, which is nothing that is known of a lead"),
                meant(value, segments),
            ),
        };
        table.problem(Problem::at(place, message).hint(hint));
    }
    facts
}

fn segment(table: &Table<'_>, At { value, place }: &At<String>, segments: &[Segment]) -> Option<Fact> {
    let found = fact(value, segments);
    if found.is_none() {
        let message = format!("`segment` is {value:?}, which is nothing that is known of a lead");
        table.problem(Problem::at(place, message).hint(meant(value, segments)));
    }
    found
}

/// What is learned by, the segment among it: a tenant who names no facts gives up the last of the usual ones for it where
/// there are as many as may be.
fn with_segment(
    table: &Table<'_>,
    by: Option<Vec<Fact>>,
    segment: Option<&Fact>,
    usual: &[Fact],
) -> Vec<Fact> {
    let own = by.is_some();
    let mut by = by.unwrap_or_else(|| usual.to_vec());
    let Some(segment) = segment.filter(|segment| !by.contains(segment)) else { return by };
    if by.len() == MOST_FACTS && own {
        let message =
            format!("`segment` is a fact beside the {MOST_FACTS} of `by`, which are as many as may be");
        let hint = format!("take one out of `by`, or put \"{segment}\" in the place of one");
        table.problem(Problem::at(&table.place_of("segment"), message).hint(hint));
    }
    by.truncate(MOST_FACTS - 1);
    by.push(segment.clone());
    by
}

/// What somebody meant who wrote what is no fact.
fn meant(value: &str, segments: &[Segment]) -> String {
    let segments = segments.iter().map(|segment| format!("segment.{}", segment.name));
    let all: Vec<String> = WORDS.iter().map(|(word, _)| (*word).to_owned()).chain(segments).collect();
    match nearest(value, all.iter().map(String::as_str)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("there are {}, and field.NAME for a custom field", all.join(", ")),
    }
}

fn fact(text: &str, segments: &[Segment]) -> Option<Fact> {
    let fact = text.parse().ok()?;
    match &fact {
        Fact::Segment(name) => segments.iter().any(|segment| segment.name == *name).then_some(fact),
        _ => Some(fact),
    }
}

fn explore(table: &Table<'_>) -> Option<Explore> {
    let table = table.table("explore", "[learning.explore]", &["within", "floor", "newer", "tiers"])?;
    let within = table.number("within", 0.0..=1.0, "of the chance to win; 0.05 is five points of a hundred");
    if table.lacks("within") && !table.misspells("within") {
        let problem = Problem::at(&table.place(), "[learning.explore] has no `within`");
        table.problem(
            problem.hint("how much less likely than the best somebody may be to win: within = 0.05"),
        );
    }
    let floor = table.number("floor", 0.0..=0.2, "the least probability of each: 0.02 is one lead of fifty");
    let newer = table.number("newer", 0.0..=0.5, "the share of leads for newer reps: 0.1 is one of ten");
    let tiers = table.texts("tiers").map(|texts| {
        let tier = |at: &At<String>| {
            let tier = match at.value.as_str() {
                "two" => Some(Tier::Two),
                "three" => Some(Tier::Three),
                _ => None,
            };
            if tier.is_none() {
                let message = format!("`tiers` has {:?}", at.value);
                let hint = "there are \"two\" and \"three\"; leads of tier one are not for trying";
                table.problem(Problem::at(&at.place, message).hint(hint));
            }
            tier
        };
        texts.iter().filter_map(tier).collect()
    });
    Some(Explore {
        within: within?,
        floor: floor.unwrap_or(0.02),
        newer: newer.unwrap_or(0.0),
        tiers: tiers.unwrap_or_else(|| vec![Tier::Three]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;
    use crate::config::testing::{SMALL, config, small_with};

    #[test]
    fn learning_is_as_written() {
        let check = |lines: &str, expect: Learning| {
            let tenant = format!("{}\n{lines}", SMALL[0].1);
            assert_eq!(config(&[("tenant.toml", &tenant), SMALL[1], SMALL[2]]).learning, expect, "{lines}");
        };
        let default = || Learning::of(&[]);
        check("", default());
        check(
            "[learning]\nby = [\"industry\", \"field.plan\"]\nhalf_life_days = 90\nwindow_days = 400\ntrain = \"never\"\nshared = true",
            Learning {
                by: vec![Fact::Industry, Fact::Field("plan".to_owned())],
                segment: None,
                half_life_days: 90,
                window_days: 400,
                weekly: false,
                shared: true,
                explore: None,
            },
        );
        let parted =
            |by: &[Fact], segment: Fact| Learning { by: by.to_vec(), segment: Some(segment), ..default() };
        let size = || Fact::Field("size".to_owned());
        check(
            "[learning]\nsegment = \"field.size\"",
            parted(&[Fact::Industry, Fact::Channel, size()], size()),
        );
        check(
            "[learning]\nby = [\"lane\", \"field.size\"]\nsegment = \"lane\"",
            parted(&[Fact::Lane, size()], Fact::Lane),
        );
        let five = || vec![Fact::Channel, Fact::Country, Fact::Industry, Fact::Lane, Fact::Language];
        check(
            "[learning]\nby = [\"channel\", \"country\", \"industry\", \"lane\", \"language\"]\nsegment = \"field.size\"",
            parted(&[five(), vec![size()]].concat(), size()),
        );
        let explore = |within, floor, newer, tiers| Learning {
            explore: Some(Explore { within, floor, newer, tiers }),
            ..default()
        };
        check("[learning.explore]\nwithin = 0.05", explore(0.05, 0.02, 0.0, vec![Tier::Three]));
        check(
            "[learning.explore]\nwithin = 0.1\nfloor = 0.05\nnewer = 0.1\ntiers = [\"two\", \"three\"]",
            explore(0.1, 0.05, 0.1, vec![Tier::Two, Tier::Three]),
        );
    }

    #[test]
    fn the_usual_facts_leave_room_for_a_segment() {
        let tables: Vec<String> =
            ["a", "b", "c", "d"].iter().map(|name| format!("[[segments]]\nname = \"{name}\"\nof = \"lead.value\"\nrows = [{{ from = 0, is = \"large\" }}]\nunknown = \"small\"\n")).collect();
        let check = |learning: &str, expect: &str| {
            let tenant = format!("{}\n{}{learning}", SMALL[0].1, tables.concat());
            let by = config(&[("tenant.toml", &tenant), SMALL[1], SMALL[2]]).learning.by;
            assert_eq!(by.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "), expect);
        };
        check("", "industry channel segment.a segment.b segment.c segment.d");
        check(
            "[learning]\nsegment = \"segment.d\"",
            "industry channel segment.a segment.b segment.c segment.d",
        );
        check("[learning]\nsegment = \"lane\"", "industry channel segment.a segment.b segment.c lane");
    }

    #[test]
    fn what_is_no_fact_is_told_with_what_there_is() {
        let check = |learning: &str, expect: &[&str]| {
            let tenant = format!("{}\n[learning]\n{learning}", SMALL[0].1);
            let folder = small_with(&[("tenant.toml", &tenant)]);
            let problems = load(folder.path()).expect_err(learning);
            let told = problems.0.iter().map(|problem| {
                format!("{}: {}", problem.message, problem.hint.as_deref().unwrap_or_default())
            });
            assert_eq!(told.collect::<Vec<_>>(), expect, "{learning}");
        };
        let all = "there are channel, country, industry, lane, language, and field.NAME for a custom field";
        check(
            "segment = \"size\"",
            &[&format!("`segment` is \"size\", which is nothing that is known of a lead: {all}")],
        );
        check(
            "segment = \"industri\"",
            &[
                "`segment` is \"industri\", which is nothing that is known of a lead: did you mean \"industry\"?",
            ],
        );
        check(
            "segment = \"segment.size\"",
            &[&format!("`segment` is \"segment.size\", which is nothing that is known of a lead: {all}")],
        );
        check("by = [\"industry\", \"industry\"]", &["`by` has \"industry\" twice: take one of them out"]);
        check(
            "by = [\"channel\", \"country\", \"industry\", \"lane\", \"language\", \"field.a\"]\nsegment = \"field.b\"",
            &[
                "`segment` is a fact beside the 6 of `by`, which are as many as may be: take one out of `by`, or put \"field.b\" in the place of one",
            ],
        );
    }

    #[test]
    fn who_shares_says_so() {
        for (text, expect) in [
            ("[learning]\nshared = true", true),
            ("[tenant]\nid = \"a\"\n[learning]\nby = [\"lane\"]\nshared = true", true),
            ("[learning]\nshared = false", false),
            ("[tenant]\nid = \"a\"", false),
            ("shared = true", false),
            ("[learning", false),
        ] {
            assert_eq!(shares(text), expect, "{text}");
        }
    }
}
