//! What happens around an assignment: `[mode]`, `[acceptance]` and `[escalation]` of `tenant.toml`.

use std::collections::BTreeMap;

use jiff::civil::Time;
use serde::Serialize;
use serde_json::Value as Json;

use super::Problem;
use super::toml_table::Table;
use crate::lead::{Lane, LaneId, Mode, Tier};
use crate::nearest::nearest;

/// How decisions are carried out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Handling {
    /// Whether a decision holds at once or waits for a person.
    pub mode: Modes,
    /// Minutes a rep has to accept a lead before it goes to the next (P14); absent where nobody is asked.
    pub accept_minutes: Option<u32>,
    /// What becomes of a lead that was not touched in time (S2.17, P15).
    pub missed: Missed,
    /// How many minutes before first touch is due whoever has the lead is reminded; absent where nobody is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remind_minutes: Option<u32>,
    /// Times of day, in the tenant's zone, at which batches that were handed in for the next are decided (S3.12).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub batch_at: Vec<Time>,
}

/// Which leads wait for a person (S3.24). A rule comes first, then the value, the lane, the tier.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Modes {
    /// What holds where nothing else is said.
    pub default: Mode,
    /// Deals above this yearly value wait.
    pub suggest_above: Option<f64>,
    /// By lane.
    pub lanes: BTreeMap<LaneId, Mode>,
    /// By tier.
    pub tiers: BTreeMap<Tier, Mode>,
}

/// What becomes of a lead that was not touched in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missed {
    /// It stays where it is.
    #[default]
    Stays,
    /// The next in line gets it.
    Next,
    /// The manager of the rep's team gets it.
    Manager,
    /// The rep and their manager are told; where it is still not touched so many minutes later, the next in line gets
    /// it.
    Chain {
        /// From when it was due; 1 or more.
        grace_minutes: u32,
    },
}

const MODES: [(&str, Mode); 2] = [("auto", Mode::Auto), ("suggest", Mode::Suggest)];
const MODE_MEANINGS: &str = "\"auto\" assigns at once, \"suggest\" waits for a person";

/// `longest` is how many minutes to first touch there are at most, where that is known.
pub(super) fn handling(root: &Table<'_>, lanes: &[Lane], longest: Option<u32>) -> Handling {
    let acceptance = root.table("acceptance", "[acceptance]", &["minutes"]);
    let minutes = "minutes until the lead goes to the next";
    let (missed, remind_minutes) = escalation(root, longest);
    Handling {
        mode: modes(root, lanes),
        accept_minutes: acceptance.and_then(|table| table.count("minutes", 1..=10_080, minutes)),
        missed,
        remind_minutes,
        batch_at: batch_at(root),
    }
}

/// What becomes of a lead that is not touched in time, and how long before somebody is reminded.
fn escalation(root: &Table<'_>, longest: Option<u32>) -> (Missed, Option<u32>) {
    let keys = &["missed", "remind_minutes", "grace_minutes"];
    let Some(table) = root.table("escalation", "[escalation]", keys) else { return (Missed::Stays, None) };
    let meant = |grace_minutes| {
        let chain = Missed::Chain { grace_minutes };
        [("stays", Missed::Stays), ("next", Missed::Next), ("manager", Missed::Manager), ("chain", chain)]
    };
    let meanings = "\"stays\" leaves it, \"next\" takes the next in line, \"manager\" asks the manager, \
                    \"chain\" tells both and then takes the next in line";
    let remind = table.count("remind_minutes", 1..=10_080, "minutes before first touch is due");
    let grace =
        table.count("grace_minutes", 1..=10_080, "minutes from the missed first touch to the next in line");
    let chosen = table.choice("missed", &meant(grace.unwrap_or(1)), meanings);
    let missed = chosen.unwrap_or_default();
    let is_chain = matches!(missed, Missed::Chain { .. });
    if is_chain && table.lacks("grace_minutes") && !table.misspells("grace_minutes") {
        let problem = Problem::at(&table.place_of("missed"), "`missed` is \"chain\" without `grace_minutes`");
        table.problem(problem.hint("say how long they still have: grace_minutes = 15"));
    }
    // A word that is none was told already.
    if !is_chain && grace.is_some() && (chosen.is_some() || table.lacks("missed")) {
        let problem = Problem::at(&table.place_of("grace_minutes"), "`grace_minutes` is for \"chain\" alone");
        table.problem(problem.hint("write missed = \"chain\", or leave `grace_minutes` out"));
    }
    if let (Some(minutes), Some(longest)) = (remind, longest)
        && minutes >= longest
    {
        let message =
            format!("`remind_minutes` is {minutes}, and first touch is due within {longest} at most");
        let problem = Problem::at(&table.place_of("remind_minutes"), message);
        table.problem(problem.hint("fewer, or nobody would ever be reminded"));
    }
    (missed, remind)
}

/// Times of day, in their order, each once.
fn batch_at(root: &Table<'_>) -> Vec<Time> {
    let Some(table) = root.table("batch", "[batch]", &["at"]) else { return Vec::new() };
    let mut times = Vec::new();
    for text in table.texts("at").unwrap_or_default() {
        match text.value.parse::<Time>() {
            Ok(time) => times.push(time),
            Err(_) => {
                let message = format!("`at` holds {:?}, which is no time of day", text.value);
                table.problem(Problem::at(&text.place, message).hint("such as [\"09:00\", \"14:30\"]"));
            }
        }
    }
    times.sort_unstable();
    times.dedup();
    times
}

fn modes(root: &Table<'_>, lanes: &[Lane]) -> Modes {
    let table = root.table("mode", "[mode]", &["default", "suggest_above", "lanes", "tiers"]);
    let Some(table) = table else {
        let (lanes, tiers) = (BTreeMap::new(), BTreeMap::new());
        return Modes { default: Mode::Auto, suggest_above: None, lanes, tiers };
    };
    let mode = |value: &Json| {
        let known = MODES.iter().find(|(word, _)| Some(*word) == value.as_str());
        known.map(|(_, mode)| *mode).ok_or(("is no mode", MODE_MEANINGS))
    };
    Modes {
        default: table.choice("default", &MODES, MODE_MEANINGS).unwrap_or(Mode::Auto),
        suggest_above: table.number("suggest_above", 0.0..=1e12, "a yearly value in the tenant's currency"),
        lanes: by_lane(&table, lanes, mode),
        tiers: by_tier(&table, mode),
    }
}

/// What is wrong with a value, the rest of a sentence that begins with it, and a way out.
type Wrong = (&'static str, &'static str);

/// The table `lanes`: a value for some lanes.
pub(super) fn by_lane<V>(
    table: &Table<'_>,
    lanes: &[Lane],
    value: impl Fn(&Json) -> Result<V, Wrong>,
) -> BTreeMap<LaneId, V> {
    let lane = |name: &str| lanes.iter().find(|lane| lane.id.as_str() == name).map(|lane| lane.id.clone());
    let names: Vec<&str> = lanes.iter().map(|lane| lane.id.as_str()).collect();
    by_name(table, "lanes", "lane", &names, lane, value)
}

/// The table `tiers`: a value for some tiers.
pub(super) fn by_tier<V>(table: &Table<'_>, value: impl Fn(&Json) -> Result<V, Wrong>) -> BTreeMap<Tier, V> {
    let tier = |name: &str| name.parse::<u8>().ok().and_then(|number| Tier::try_from(number).ok());
    by_name(table, "tiers", "tier", &["1", "2", "3"], tier, value)
}

/// A value for each of some names.
fn by_name<K: Ord, V>(
    table: &Table<'_>,
    key: &str,
    kind: &str,
    names: &[&str],
    known: impl Fn(&str) -> Option<K>,
    meant: impl Fn(&Json) -> Result<V, Wrong>,
) -> BTreeMap<K, V> {
    let mut found = BTreeMap::new();
    let Some(at) = table.json(key) else { return found };
    for (name, value) in at.value.as_object().into_iter().flatten() {
        let problem =
            |message: String, hint: String| table.problem(Problem::at(&at.place, message).hint(hint));
        match (known(name), meant(value)) {
            (Some(key), Ok(value)) => {
                found.insert(key, value);
            }
            (None, _) => {
                let hint = match nearest(name, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {}", names.join(", ")),
                };
                problem(format!("`{key}` names the {kind} {name:?}, and there is none of that name"), hint);
            }
            (Some(_), Err((wrong, hint))) => {
                problem(format!("`{key}.{name}` is {value}, which {wrong}"), hint.to_owned());
            }
        }
    }
    found
}
