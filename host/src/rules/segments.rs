//! Segments: total tables from a number of a lead to a word, such as `small`, `mid` and `large` (X5).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::lead::{FieldValue, LaneId, Lead, TeamId};

/// A table that gives every lead one of its words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Segment {
    /// Its name: rules read `segment.NAME`.
    pub name: String,
    /// What it looks at.
    pub of: Measure,
    /// Ascending, without gap or overlap.
    pub rows: Vec<SegmentRow>,
    /// What a lead without the number is.
    pub unknown: String,
}

/// A number of a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Headcount of the company.
    Employees,
    /// Yearly revenue of the company.
    Revenue,
    /// Yearly value of the lead.
    Value,
    /// A custom field.
    Field(String),
}

/// A stretch of numbers and its word.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentRow {
    /// The least number in it; none where it has no lower end.
    pub from: Option<f64>,
    /// The first number above it; none where it has no upper end.
    pub below: Option<f64>,
    /// The word, each once.
    pub is: String,
    /// Who gets those leads of it and of its lanes that no rule routes.
    pub team: Option<TeamId>,
    /// Lanes that go together with it; all where empty.
    pub lanes: Vec<LaneId>,
}

impl Measure {
    /// The lead's number.
    pub fn of(&self, lead: &Lead) -> Option<f64> {
        match self {
            Self::Employees => lead.company.employees.map(f64::from),
            Self::Revenue => lead.company.revenue,
            Self::Value => lead.value,
            Self::Field(name) => match lead.fields.get(name) {
                Some(FieldValue::Number(number)) => Some(*number),
                _ => None,
            },
        }
    }
}

impl Segment {
    /// The row that a lead's number is in; none where the lead has no such number.
    pub fn row(&self, lead: &Lead) -> Option<&SegmentRow> {
        let number = self.of.of(lead)?;
        self.rows.iter().find(|row| row.below.is_none_or(|below| number < below))
    }

    /// What it says of a lead.
    pub fn value(&self, lead: &Lead) -> &str {
        self.row(lead).map_or(&self.unknown, |row| &row.is)
    }
}

/// What each table says of a lead, by the table's name.
pub fn segments(tables: &[Segment], lead: &Lead) -> BTreeMap<String, String> {
    tables.iter().map(|table| (table.name.clone(), table.value(lead).to_owned())).collect()
}

/// The tables whose row does not go together with the lead's lane, and that row (S2.6, X5). A lead without
/// the number, or without a lane, agrees with everything.
pub fn disagreements<'t>(
    tables: &'t [Segment],
    lead: &Lead,
    lane: Option<&LaneId>,
) -> Vec<(&'t Segment, &'t SegmentRow)> {
    let Some(lane) = lane else { return Vec::new() };
    tables
        .iter()
        .filter_map(|table| Some((table, table.row(lead)?)))
        .filter(|(_, row)| !row.lanes.is_empty() && !row.lanes.contains(lane))
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::lead::Company;

    #[test]
    fn every_lead_has_a_word() {
        let row = |from, below, is: &str, lanes: &[&str]| SegmentRow {
            from,
            below,
            is: is.to_owned(),
            team: None,
            lanes: lanes.iter().map(|lane| lane.parse().unwrap()).collect(),
        };
        let tables = [Segment {
            name: "size".to_owned(),
            of: Measure::Employees,
            rows: vec![
                row(None, Some(50.0), "small", &["smb"]),
                row(Some(50.0), Some(1000.0), "mid", &[]),
                row(Some(1000.0), None, "large", &["enterprise", "partner"]),
            ],
            unknown: "mid".to_owned(),
        }];
        let check = |employees, lane: &str, is: &str, disagree: bool| {
            let company = Company { employees, ..Company::default() };
            let lead = Lead { company, ..Lead::bare("L1".parse().unwrap(), Timestamp::UNIX_EPOCH) };
            assert_eq!(segments(&tables, &lead), [("size".to_owned(), is.to_owned())].into());
            let lane: LaneId = lane.parse().unwrap();
            let found = disagreements(&tables, &lead, Some(&lane));
            assert_eq!(
                found.iter().map(|(_, row)| row.is.as_str()).collect::<Vec<_>>(),
                if disagree { vec![is] } else { vec![] }
            );
            assert!(disagreements(&tables, &lead, None).is_empty());
        };
        check(Some(0), "smb", "small", false);
        check(Some(49), "enterprise", "small", true);
        check(Some(50), "enterprise", "mid", false);
        check(Some(999), "smb", "mid", false);
        check(Some(1000), "smb", "large", true);
        check(Some(u32::MAX), "partner", "large", false);
        check(None, "partner", "mid", false);
    }
}
