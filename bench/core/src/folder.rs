//! Folders whose reps, rules and territories grow, while those that matter for one lead stay as many.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

/// How much a tenant has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) reps: usize,
    pub(crate) rules: usize,
    pub(crate) territories: usize,
}

/// Reps who can take the lead, whatever the size.
pub(crate) const ABLE: usize = 20;

/// Rules that hold for the lead, whatever the size.
pub(crate) const HOLDING: usize = 4;

/// A lead that a territory, some rules and [`ABLE`] reps fit.
pub(crate) const LEAD: &str = r#"{"id": "l1", "source": "web-form", "received_at": "2026-03-02T09:00:00Z",
    "text": "Could you send a quote for 35 users on the team plan, paid yearly?", "value": 20000,
    "contact": {"name": "Ada Byron", "email": "ada@calculus.example", "language": "en"},
    "company": {"name": "Calculus", "domain": "calculus.example", "industry": "banking", "country": "PT", "employees": 60}}"#;

const TENANT: &str = r#"
[tenant]
id = "grown"
name = "Grown"
currency = "EUR"
timezone = "Europe/Lisbon"

[[lanes]]
id = "smb"
name = "Small and mid-sized"
definition = "Small and mid-sized companies that want a demo, a quote, prices for a team or a pilot."
examples = ["Could you send a quote for 35 users on the team plan, paid yearly?"]
team = "sales"

[tiers]
two = { when = "lead.value != null && lead.value > 10000", minutes = 60 }
three = { minutes = 240 }

[plugins.scorer.settings]
weights = { territory = 30, value = 25, industry = 20, capacity = 15, response = 10 }
"#;

const COUNTRIES: [&str; 20] = [
    "DE", "FR", "ES", "IT", "GB", "IE", "NL", "BE", "SE", "NO", "FI", "DK", "PL", "CZ", "AT", "CH", "US",
    "CA", "BR", "JP",
];

const INDUSTRIES: [&str; 10] = [
    "retail",
    "insurance",
    "healthcare",
    "energy",
    "logistics",
    "software",
    "media",
    "telecom",
    "education",
    "banking",
];

/// Writes a tenant of this size.
///
/// Half of the reps who cannot take the lead sell elsewhere in its own team, the others are in other teams.
/// Territories part countries by headcount. Seven rules of ten ask for a country and an industry, one for a
/// word of the text, one for a value out of reach, one for an industry in a range of headcounts.
pub(crate) fn write(folder: &Path, size: Size) -> Result<()> {
    let country = |n: usize| COUNTRIES[n % COUNTRIES.len()];
    let industry = |n: usize| INDUSTRIES[n % INDUSTRIES.len()];

    let mut reps = "id,name,team,max_open,open,industries,languages,response_seconds,country\n".to_owned();
    for n in 0..size.reps {
        let team = if n < ABLE || n % 2 == 0 { "sales".to_owned() } else { format!("team-{}", n % 40) };
        let (open, seconds) = (n % 5, 300 + n % 900);
        writeln!(reps, "r{n},Rep {n},{team},25,{open},{};banking,en;pt,{seconds},PT", industry(n))?;
    }

    let mut teams = "[[teams]]\nid = \"sales\"\nname = \"Sales\"\n".to_owned();
    for n in (1..40).step_by(2).filter(|_| size.reps > ABLE) {
        write!(teams, "[[teams]]\nid = \"team-{n}\"\nname = \"Team {n}\"\n")?;
    }

    let able: Vec<String> = (0..ABLE).map(|n| format!("\"r{n}\"")).collect();
    let mut territories = format!(
        "[[territories]]\nid = \"home\"\nname = \"Home\"\ncountries = [\"PT\"]\nprimary = [{}]\n",
        able.join(", ")
    );
    for n in 1..size.territories {
        let (from, below) = (n / COUNTRIES.len() * 10, (n / COUNTRIES.len() + 1) * 10);
        let rep = ABLE + (n * 2) % (size.reps - ABLE);
        write!(
            territories,
            "[[territories]]\nid = \"t{n}\"\nname = \"T {n}\"\ncountries = [\"{}\"]\nemployees = {{ from = {from}, below = {below} }}\n\
             primary = [\"r{rep}\"]\n",
            country(n)
        )?;
    }

    let mut rules = String::new();
    for n in 0..size.rules {
        let when = match n {
            0 => "lead.company.country == 'PT'".to_owned(),
            1 => "lead.company.industry == 'banking' && verdict.lane == 'smb'".to_owned(),
            2 => "lead.text.contains('quote')".to_owned(),
            3 => "lead.value > 5000.0".to_owned(),
            _ => match n % 10 {
                0 => format!("lead.text.contains('word{n}')"),
                1 => format!("lead.value > {}.0", 1_000_000 + n),
                2 => format!(
                    "lead.company.industry == '{}' && lead.company.employees > {}",
                    industry(n / 10),
                    n % 700
                ),
                _ => format!(
                    "lead.company.country == '{}' && lead.company.industry == '{}'",
                    country(n),
                    industry(n / 7)
                ),
            },
        };
        let then = if n == 1 { "only = \"rep.country == lead.company.country\"" } else { "tag = [\"a\"]" };
        write!(rules, "[[rules]]\nid = \"rule-{n}\"\nwhen = \"{when}\"\n{then}\n")?;
    }

    std::fs::write(folder.join("tenant.toml"), TENANT)?;
    std::fs::write(folder.join("reps.csv"), reps)?;
    std::fs::write(folder.join("teams.toml"), teams)?;
    std::fs::write(folder.join("territories.toml"), territories)?;
    std::fs::write(folder.join("rules.toml"), rules)?;
    Ok(())
}
