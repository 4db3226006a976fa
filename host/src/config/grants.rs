//! What a plugin asks, beside what a folder grants it, place by place.
//!
//! A plugin gets what is granted of what it asks, and goes without the rest; whoever publishes or activates it sees both
//! what it lacks and what it was granted and does not ask.

use std::collections::BTreeSet;

use url::Origin;

use super::{Place, PluginChoice, PluginSource, Plugins, Problem};
use crate::lead::PluginId;
use crate::trust::{Asks, Manifest, Role};

/// One place that a plugin has in a folder, and how what it asks differs from what it is granted there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// Such as `classifier` or `enricher:firmographics`; absent where no place of the folder names the plugin.
    pub place: Option<String>,
    /// What it asks and is not granted.
    pub missing: Vec<Difference>,
    /// What it is granted and does not ask.
    pub unasked: Vec<Difference>,
}

/// Something that is asked or granted alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Of which kind it is.
    pub kind: Kind,
    /// Its name; `*` for all fields.
    pub name: String,
    /// How to grant it, or to grant no more than what is asked.
    pub hint: String,
}

/// What can be asked and granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A host that an enricher asks.
    Host,
    /// A custom field of leads.
    Field,
    /// A secret that an enricher sends.
    Secret,
}

impl Kind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Field => "field",
            Self::Secret => "secret",
        }
    }
}

/// What a manifest asks beside what the places of the plugin grant; of a folder that names it nowhere, or where there is
/// none yet, all of it is missing. Empty lists where both are the same.
pub fn compare(manifest: &Manifest, plugin: &PluginId, plugins: Option<&Plugins>) -> Vec<Grants> {
    let asks = &manifest.asks;
    let places: Vec<Spot<'_>> = plugins.map(|plugins| spots(plugins, plugin)).unwrap_or_default();
    if places.is_empty() {
        let (hosts, fields) = (asks.origins.iter(), asks.fields.iter());
        let list = |kind: Kind, name: &str| Difference {
            kind,
            name: name.to_owned(),
            hint: format!("where tenant.toml names the plugin, {}", how(kind, name)),
        };
        let missing = hosts
            .map(|host| list(Kind::Host, host.as_str()))
            .chain(fields.map(|field| list(Kind::Field, field.as_str())))
            .chain(asks.secrets.iter().map(|secret| list(Kind::Secret, secret.as_str())));
        return vec![Grants { place: None, missing: missing.collect(), unasked: Vec::new() }];
    }
    places.iter().map(|spot| spot.compare(asks)).collect()
}

/// Why a plugin can do nothing in a place of the folder: an enricher that asks hosts and is granted none of them. What
/// else it lacks, it goes without.
pub fn in_vain(manifest: &Manifest, plugin: &PluginId, plugins: &Plugins) -> Vec<Problem> {
    let asked = &manifest.asks.origins;
    let lost = |spot: &Spot<'_>| {
        let hosts = spot.hosts()?;
        (!asked.is_empty() && !asked.iter().any(|host| hosts.contains(host.as_str()))).then(|| {
            let list: Vec<String> = asked.iter().map(|host| format!("\"{host}\"")).collect();
            let message = format!(
                "{} is granted none of the hosts that it asks, and could find nothing out",
                spot.name
            );
            Problem::at(spot.place, message)
                .hint(format!("write hosts = [{}], or some of them", list.join(", ")))
        })
    };
    spots(plugins, plugin).iter().filter_map(lost).collect()
}

/// A place that names a plugin.
struct Spot<'p> {
    name: String,
    place: &'p Place,
    choice: &'p PluginChoice,
    /// Of an enricher: hosts, and secrets by name.
    outside: Option<(Vec<String>, Vec<String>)>,
}

fn spots<'p>(plugins: &'p Plugins, plugin: &PluginId) -> Vec<Spot<'p>> {
    let Plugins { classifier, scorer, fallback, enrichers } = plugins;
    let of = |role: Role, choice: &'p PluginChoice| Spot {
        name: role.to_string(),
        place: &choice.place,
        choice,
        outside: None,
    };
    let roles = [(Role::Classifier, classifier), (Role::Scorer, scorer), (Role::Fallback, fallback)];
    let enrichers = enrichers.iter().map(|enricher| Spot {
        name: format!("enricher:{}", enricher.name),
        place: &enricher.plugin.place,
        choice: &enricher.plugin,
        outside: Some((
            enricher.hosts.iter().map(Origin::ascii_serialization).collect(),
            enricher.secrets.keys().map(ToString::to_string).collect(),
        )),
    });
    let all = roles.into_iter().map(|(role, choice)| of(role, choice)).chain(enrichers);
    all.filter(|spot| spot.choice.source == PluginSource::Published(plugin.clone())).collect()
}

impl Spot<'_> {
    fn hosts(&self) -> Option<BTreeSet<&str>> {
        self.outside.as_ref().map(|(hosts, _)| set(hosts))
    }

    fn compare(&self, asks: &Asks) -> Grants {
        let (mut missing, mut unasked) = (Vec::new(), Vec::new());
        let mut both = |kind: Kind, asked: BTreeSet<&str>, granted: BTreeSet<&str>| {
            let difference = |name: &&str, hint: String| Difference { kind, name: (*name).to_owned(), hint };
            let place = format!("{}:{}", self.place.file, self.place.line);
            let add = |name: &&str| difference(name, format!("at {place}, {}", how(kind, name)));
            let take = |name: &&str| difference(name, format!("leave it out at {place}"));
            missing.extend(asked.difference(&granted).map(add));
            unasked.extend(granted.difference(&asked).map(take));
        };
        let fields: BTreeSet<&str> = asks.fields.iter().map(|field| field.as_str()).collect();
        if let Some((hosts, secrets)) = &self.outside {
            both(Kind::Host, asks.origins.iter().map(|host| host.as_str()).collect(), set(hosts));
            both(Kind::Secret, asks.secrets.iter().map(|secret| secret.as_str()).collect(), set(secrets));
        }
        match &self.choice.fields {
            Some(granted) => both(Kind::Field, fields, granted.iter().map(String::as_str).collect()),
            None => {
                let list: Vec<String> = fields.iter().map(|field| format!("{field:?}")).collect();
                let hint = format!("write fields = [{}] to grant it no more than that", list.join(", "));
                unasked.push(Difference { kind: Kind::Field, name: "*".to_owned(), hint });
            }
        }
        Grants { place: Some(self.name.clone()), missing, unasked }
    }
}

fn set(texts: &[String]) -> BTreeSet<&str> {
    texts.iter().map(String::as_str).collect()
}

/// What to write to grant something.
fn how(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Host => format!("add \"{name}\" to `hosts`"),
        Kind::Field => format!("add \"{name}\" to `fields`, or leave `fields` out to grant all"),
        Kind::Secret => {
            format!(
                "add {name} = \"https://…\" to `secrets`, with the host it goes to, and set it with PUT /v1/secrets/{name}"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::choices;

    fn check(asks: serde_json::Value, folder: &str, expect: &[&str], vain: &[&str]) {
        let manifest: Manifest = serde_json::from_value(json!({"publisher": "lanes", "name": "fit",
            "version": "1.0.0", "description": "d", "licence": "MIT", "interface": "0.2.0", "roles": ["enricher"],
            "asks": asks}))
        .expect("a manifest");
        let (plugins, plugin) = (choices(folder).expect("TOML"), "fit".parse().expect("an id"));
        let line = |place: &Option<String>, sign: &str, difference: &Difference| {
            let Difference { kind, name, hint } = difference;
            format!("{} {sign} {} {name}: {hint}", place.as_deref().unwrap_or("-"), kind.as_str())
        };
        let lines = |Grants { place, missing, unasked }: &Grants| {
            let missing = missing.iter().map(|it| line(place, "lacks", it));
            missing.chain(unasked.iter().map(|it| line(place, "has", it))).collect::<Vec<_>>()
        };
        let found = compare(&manifest, &plugin, Some(&plugins));
        let found: Vec<String> = found.iter().flat_map(lines).collect();
        assert_eq!(found, expect, "{folder}");
        let found: Vec<String> =
            in_vain(&manifest, &plugin, &plugins).iter().map(|it| it.message.clone()).collect();
        assert_eq!(found, vain, "{folder}");
    }

    #[test]
    fn what_is_asked_and_what_is_granted() {
        let api = "https://api.example.com";
        let asks = || json!({"origins": [api], "fields": ["budget"], "secrets": ["crm"]});
        check(
            asks(),
            "[plugins.classifier]\nplugin = \"other\"\n",
            &[
                "- lacks host https://api.example.com: where tenant.toml names the plugin, add \"https://api.example.com\" to `hosts`",
                "- lacks field budget: where tenant.toml names the plugin, add \"budget\" to `fields`, or leave `fields` out to grant all",
                "- lacks secret crm: where tenant.toml names the plugin, add crm = \"https://…\" to `secrets`, with the host it goes to, and set it with PUT /v1/secrets/crm",
            ],
            &[],
        );
        let named = "[[plugins.enrichers]]\nname = \"e\"\nplugin = \"fit\"\n";
        check(
            asks(),
            &format!("{named}hosts = [\"https://b.example\"]\nfields = [\"size\"]\n"),
            &[
                "enricher:e lacks host https://api.example.com: at tenant.toml:1, add \"https://api.example.com\" to `hosts`",
                "enricher:e lacks secret crm: at tenant.toml:1, add crm = \"https://…\" to `secrets`, with the host it goes to, and set it with PUT /v1/secrets/crm",
                "enricher:e lacks field budget: at tenant.toml:1, add \"budget\" to `fields`, or leave `fields` out to grant all",
                "enricher:e has host https://b.example: leave it out at tenant.toml:1",
                "enricher:e has field size: leave it out at tenant.toml:1",
            ],
            &["enricher:e is granted none of the hosts that it asks, and could find nothing out"],
        );
        let all = format!("hosts = [\"{api}\"]\nfields = [\"budget\"]\nsecrets = {{ crm = \"{api}\" }}\n");
        check(asks(), &format!("{named}{all}"), &[], &[]);
        check(
            asks(),
            &format!("{named}hosts = [\"{api}\"]\nsecrets = {{ crm = \"{api}\" }}\n"),
            &["enricher:e has field *: write fields = [\"budget\"] to grant it no more than that"],
            &[],
        );
        // In another role it asks nobody.
        check(json!({"origins": [api]}), "[plugins.scorer]\nplugin = \"fit\"\nfields = []\n", &[], &[]);
    }
}
