//! Histories of deals that others published, as deals to learn from. Only what was known before the end is read.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use lanewright_learning::deal::{Deal, Fields, Outcome};

const DAY: i64 = 86_400_000;

/// A published history.
pub(crate) struct Set {
    /// What it is called in the page.
    pub(crate) name: &'static str,
    /// Its closed deals, the oldest first where it says.
    pub(crate) deals: Vec<Deal>,
    /// How it is parted.
    pub(crate) split: Split,
    /// Whether its times are dates; otherwise nothing ages.
    pub(crate) dated: bool,
    /// The field that is crossed with the rep where only one is.
    pub(crate) segment: &'static str,
    /// The field whose words may have models of their own: the customer's size, in each of them.
    pub(crate) parts: &'static str,
}

/// How a set is parted into what is learned from and what is measured on.
pub(crate) enum Split {
    /// So many of the oldest deals, and the rest.
    Time(usize),
    /// Five parts in turn, drawn anew ten times: it has no order.
    Folds,
}

/// Maven CRM: closes before October 2017, and from then.
pub(crate) fn maven(root: &Path) -> Result<Set> {
    let folder = root.join("data/maven-crm");
    let accounts = keyed(&folder.join("accounts.csv"), "account")?;
    let teams = keyed(&folder.join("sales_teams.csv"), "sales_agent")?;
    let mut deals = Vec::new();
    for row in rows(File::open(folder.join("sales_pipeline.csv"))?, b',')? {
        let won = match row["deal_stage"].as_str() {
            "Won" => true,
            "Lost" => false,
            _ => continue,
        };
        let mut fields = Fields::new();
        fields.insert("product".to_owned(), row["product"].replace("GTXPro", "GTX Pro"));
        fields.insert("office".to_owned(), teams[&row["sales_agent"]]["regional_office"].clone());
        if let Some(account) = accounts.get(&row["account"]) {
            fields.insert("account".to_owned(), row["account"].clone());
            fields.insert("sector".to_owned(), account["sector"].clone());
            fields.insert("location".to_owned(), account["office_location"].clone());
            let employees: u32 = account["employees"].parse()?;
            let size = match employees {
                0..500 => "under 500",
                500..2_000 => "500 to 1,999",
                2_000..5_000 => "2,000 to 4,999",
                _ => "5,000 and more",
            };
            fields.insert("size".to_owned(), size.to_owned());
        }
        let closed = moment(&row["close_date"])?;
        deals.push(deal(&row["sales_agent"], fields, moment(&row["engage_date"])?, closed, won));
    }
    deals.sort_by_key(closed);
    let october = moment("2017-10-01")?;
    let split = Split::Time(deals.partition_point(|deal| closed(deal) < october));
    Ok(Set { name: "Maven", deals, split, dated: true, segment: "product", parts: "size" })
}

/// Salvirt: no dates.
pub(crate) fn salvirt(root: &Path) -> Result<Set> {
    let path = root.join("data/salvirt-b2b/b2b_sales.csv");
    let deals = rows(File::open(&path).with_context(|| path.display().to_string())?, b';')?
        .into_iter()
        .map(|mut row| {
            let (seller, status) = (row.remove("Seller"), row.remove("Status"));
            deal(&seller.unwrap_or_default(), row, 0, 0, status.as_deref() == Some("Won"))
        })
        .collect();
    Ok(Set {
        name: "Salvirt",
        deals,
        split: Split::Folds,
        dated: false,
        segment: "Product",
        parts: "Comp_size",
    })
}

/// IBM win-loss: the number of the opportunity stands in for time, the route to market for the rep.
pub(crate) fn ibm(folder: &Path) -> Result<Option<Set>> {
    let path = ["ibm-sales-win-loss/sales_win_loss.csv.gz", "sales_win_loss.csv.gz"]
        .map(|name| folder.join(name))
        .into_iter()
        .find(|path| path.exists());
    let Some(path) = path else { return Ok(None) };
    const KNOWN: [&str; 8] = [
        "Supplies Subgroup",
        "Supplies Group",
        "Region",
        "Client Size By Revenue",
        "Client Size By Employee Count",
        "Revenue From Client Past Two Years",
        "Competitor Type",
        "Deal Size Category",
    ];
    let mut by_number = BTreeMap::new();
    for mut row in rows(GzDecoder::new(File::open(path)?), b',')? {
        let number: u64 = row["Opportunity Number"].parse()?;
        let known = KNOWN.map(|name| (name.to_owned(), row.remove(name).unwrap_or_default()));
        let won = row["Opportunity Result"] == "Won";
        by_number.entry(number).or_insert((row.remove("Route To Market").unwrap_or_default(), known, won));
    }
    // Spread over the year before, for the sake of an order.
    let all = by_number.len() as i64;
    let deals: Vec<Deal> = by_number
        .into_values()
        .zip(0..)
        .map(|((route, known, won), place): (_, i64)| {
            let at = place * 300 * DAY / all;
            deal(&route, Fields::from(known), at, at, won)
        })
        .collect();
    let split = Split::Time(deals.len() * 7 / 10);
    Ok(Some(Set {
        name: "IBM",
        deals,
        split,
        dated: false,
        segment: "Supplies Subgroup",
        parts: "Client Size By Revenue",
    }))
}

/// When a deal closed; open ones are not read.
pub(crate) fn closed(deal: &Deal) -> i64 {
    match deal.outcome {
        Outcome::Won { closed } | Outcome::Lost { closed } | Outcome::Disqualified { closed } => closed,
        Outcome::Open => i64::MAX,
    }
}

/// Whether a deal was won.
pub(crate) fn won(deal: &Deal) -> bool {
    matches!(deal.outcome, Outcome::Won { .. })
}

/// A closed deal.
pub(crate) fn deal(rep: &str, fields: Fields, opened: i64, closed: i64, won: bool) -> Deal {
    let outcome = if won { Outcome::Won { closed } } else { Outcome::Lost { closed } };
    Deal { rep: Some(rep.to_owned()), fields, opened, outcome, value: None }
}

type Row = BTreeMap<String, String>;

fn rows(from: impl std::io::Read, separator: u8) -> Result<Vec<Row>> {
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).from_reader(from);
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

fn keyed(path: &Path, key: &str) -> Result<BTreeMap<String, Row>> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    Ok(rows(file, b',')?.into_iter().map(|row| (row[key].clone(), row)).collect())
}

fn moment(date: &str) -> Result<i64> {
    let date: Date = date.parse().with_context(|| date.to_owned())?;
    Ok(date.to_zoned(TimeZone::UTC)?.timestamp().as_millisecond())
}
