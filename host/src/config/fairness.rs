//! How turns are counted: `[fairness]` of `tenant.toml`.

use std::fmt;

use serde::Serialize;

use super::Problem;
use super::names::Names;
use super::read::At;
use super::toml_table::Table;
use super::values::id;
use crate::lead::{Lane, RepId};
use crate::nearest::nearest;
use crate::rules::Segment;

/// How turns are counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Fairness {
    /// What parts a pool into virtual queues, each with turns of its own (P3); one queue where empty.
    pub queue_by: Vec<QueueBy>,
    /// Most leads of a month that somebody may be ahead of the least served who could take the lead (P16).
    pub max_spread: Option<u32>,
    /// Weights that hold in some queues only. Of several for one rep the one with most parts holds, of equal
    /// ones the first.
    pub weights: Vec<Share>,
}

/// Something that a virtual queue is parted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueBy {
    /// 1, 2 or 3.
    Tier,
    /// The lane's id.
    Lane,
    /// `lead` or `deal`.
    Kind,
    /// Where the lead came from.
    Source,
    /// The company's industry.
    Industry,
    /// The company's country.
    Country,
    /// The value of a segment of this name.
    Segment(String),
}

/// A rep's share in the turns of some virtual queues.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Share {
    /// Whose.
    pub rep: RepId,
    /// What a queue's name has among its parts, such as `smb` (the pool) or `industry=retail`.
    pub parts: Vec<String>,
    /// Above 0.
    pub weight: f64,
}

impl Share {
    /// Whether it holds in the queue of this name.
    pub fn holds_in(&self, queue: &str) -> bool {
        self.parts.iter().all(|part| queue.split('|').any(|of| of == part))
    }
}

/// As the folder writes it, and as it stands in a queue's name.
impl fmt::Display for QueueBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tier => f.write_str("tier"),
            Self::Lane => f.write_str("lane"),
            Self::Kind => f.write_str("kind"),
            Self::Source => f.write_str("source"),
            Self::Industry => f.write_str("industry"),
            Self::Country => f.write_str("country"),
            Self::Segment(name) => write!(f, "segment.{name}"),
        }
    }
}

const WORDS: [(&str, QueueBy); 6] = [
    ("tier", QueueBy::Tier),
    ("lane", QueueBy::Lane),
    ("kind", QueueBy::Kind),
    ("source", QueueBy::Source),
    ("industry", QueueBy::Industry),
    ("country", QueueBy::Country),
];

/// Who can be named in `[fairness]`.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) reps: &'a Names,
    pub(super) teams: &'a Names,
    pub(super) lanes: &'a [Lane],
    pub(super) segments: &'a [Segment],
}

pub(super) fn fairness(root: &Table<'_>, known: Known<'_>) -> Fairness {
    let Some(table) = root.table("fairness", "[fairness]", &["queue_by", "max_spread", "weights"]) else {
        return Fairness::default();
    };
    let mut queue_by = Vec::new();
    for at in table.texts("queue_by").unwrap_or_default() {
        match attribute(&at.value, known.segments) {
            Some(found) if queue_by.contains(&found) => {
                table.problem(
                    Problem::at(&at.place, format!("`queue_by` has {:?} twice", at.value))
                        .hint("leave one out"),
                );
            }
            Some(found) => queue_by.push(found),
            None => {
                let segments = known.segments.iter().map(|segment| format!("segment.{}", segment.name));
                let all: Vec<String> =
                    WORDS.iter().map(|(word, _)| (*word).to_owned()).chain(segments).collect();
                let hint = match nearest(&at.value, all.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("there are {}", all.join(", ")),
                };
                let message = format!("`queue_by` has {:?}, which parts no queues", at.value);
                table.problem(Problem::at(&at.place, message).hint(hint));
            }
        }
    }
    let spread = "leads that somebody may be ahead in a month";
    let keys: &[&str] = &["rep", "queue", "weight"];
    let weights = table.tables("weights", "[[fairness.weights]]", "this weight", keys);
    Fairness {
        max_spread: table.count("max_spread", 1..=10_000, spread),
        weights: weights.iter().filter_map(|table| share(table, &queue_by, known)).collect(),
        queue_by,
    }
}

fn attribute(text: &str, segments: &[Segment]) -> Option<QueueBy> {
    let word = WORDS.iter().find(|(word, _)| *word == text).map(|(_, attribute)| attribute.clone());
    let segment = |name| segments.iter().find(|segment| segment.name == name);
    word.or_else(|| {
        text.strip_prefix("segment.").and_then(segment).map(|known| QueueBy::Segment(known.name.clone()))
    })
}

fn share(table: &Table<'_>, queue_by: &[QueueBy], known: Known<'_>) -> Option<Share> {
    let rep = table.required_text("rep", "ana").and_then(|at| {
        table.allow(known.reps, "rep", &at);
        id(&at.value).ok()
    });
    let queue = table.required_text("queue", "industry=retail");
    let parts = queue.and_then(|at| {
        let parts: Vec<String> = at.value.split('|').map(|part| part.trim().to_owned()).collect();
        // Every part is looked at before anything is given up.
        let wrong = parts.iter().filter(|part| !is_part(table, &at, part, queue_by, known)).count();
        (wrong == 0).then_some(parts)
    });
    if table.lacks("weight") && !table.misspells("weight") {
        table.problem(Problem::at(&table.place(), "this weight has no `weight`").hint("add weight = 2"));
    }
    let weight = table.number("weight", 0.01..=100.0, "1 is ordinary, 2 is twice as many")?;
    Some(Share { rep: rep?, parts: parts?, weight })
}

/// Whether a queue's name can have this part; if not, that is a finding.
fn is_part(table: &Table<'_>, at: &At<String>, part: &str, queue_by: &[QueueBy], known: Known<'_>) -> bool {
    let Some((attribute, value)) = part.split_once('=') else {
        let team = At { value: part.to_owned(), place: at.place.clone() };
        return table.allow(known.teams, "queue", &team);
    };
    let problem = |message: String, hint: String| {
        table.problem(Problem::at(&at.place, message).hint(hint));
        false
    };
    let Some(found) = queue_by.iter().find(|by| by.to_string() == attribute) else {
        let parted: Vec<String> = queue_by.iter().map(ToString::to_string).collect();
        let hint = match nearest(attribute, parted.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}={value}`?"),
            None => format!("add {attribute:?} to `queue_by`"),
        };
        return problem(
            format!("`queue` asks for {part:?}, and `queue_by` does not have {attribute:?}"),
            hint,
        );
    };
    let values: Vec<&str> = match found {
        QueueBy::Tier => vec!["1", "2", "3"],
        QueueBy::Kind => vec!["lead", "deal"],
        QueueBy::Lane => known.lanes.iter().map(|lane| lane.id.as_str()).collect(),
        QueueBy::Segment(name) => known
            .segments
            .iter()
            .filter(|segment| segment.name == *name)
            .flat_map(|segment| {
                segment.rows.iter().map(|row| row.is.as_str()).chain([segment.unknown.as_str()])
            })
            .collect(),
        QueueBy::Source | QueueBy::Industry | QueueBy::Country => return true,
    };
    if values.contains(&value) {
        return true;
    }
    let hint = match nearest(value, values.iter().copied()) {
        Some(near) => format!("did you mean `{attribute}={near}`?"),
        None => format!("there are {}", values.join(", ")),
    };
    problem(format!("`queue` asks for {part:?}, and there is no such {attribute}"), hint)
}
