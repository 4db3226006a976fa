//! What a plugin can ask of the host: the imports of the interface, or values in a test.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::bindings::imports::lanewright::plugin as imports;
use crate::{Failure, Lane, Level, Profile, Value};

/// What a plugin can ask of the host. Each call crosses the sandbox's wall, so ask once and keep the
/// answer; texts to embed go in one call.
pub trait Host {
    /// The tenant's settings for this plugin, as JSON; [`settings`] reads them into a type.
    fn json(&self) -> String;
    /// The tenant's lanes.
    fn lanes(&self) -> Vec<Lane>;
    /// What [`Plugin::prepare`](crate::Plugin::prepare) made.
    fn prepared(&self) -> Vec<u8>;
    /// A custom field of the lead. What is asked for is recorded in the decision's trace.
    fn field(&self, name: &str) -> Option<Value>;
    /// Several of them in one call, in the order asked.
    fn fields(&self, names: &[String]) -> Vec<Option<Value>>;
    /// Names of the lead's custom fields.
    fn field_names(&self) -> Vec<String>;
    /// A line for the decision's trace.
    fn log(&self, level: Level, message: &str);
    /// Unit vectors, one text after the other, [`Host::dimensions`] numbers each.
    fn embed(&self, texts: &[String]) -> Vec<f32>;
    /// Numbers in one vector.
    fn dimensions(&self) -> u32;
    /// Cosine similarity of a text to each of the others, -1 to 1.
    fn similarity(&self, text: &str, others: &[String]) -> Vec<f32>;
    /// Profiles of reps by their numbers in this call.
    fn profiles(&self, reps: &[u32]) -> Vec<Profile>;
    /// Ids of the tenant's teams.
    fn teams(&self) -> Vec<String>;
}

/// The settings in the plugin's own type.
pub fn settings<T: DeserializeOwned>(host: &dyn Host) -> Result<T, Failure> {
    serde_json::from_str(&host.json()).map_err(|error| Failure::Settings(error.to_string()))
}

/// For plugins that have nothing to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// The host behind the imports.
#[doc(hidden)]
pub(crate) struct Sandbox;

impl Host for Sandbox {
    fn json(&self) -> String {
        imports::settings::json()
    }
    fn lanes(&self) -> Vec<Lane> {
        imports::settings::lanes()
    }
    fn prepared(&self) -> Vec<u8> {
        imports::settings::prepared()
    }
    fn field(&self, name: &str) -> Option<Value> {
        imports::fields::get(name)
    }
    fn fields(&self, names: &[String]) -> Vec<Option<Value>> {
        imports::fields::get_many(names)
    }
    fn field_names(&self) -> Vec<String> {
        imports::fields::names()
    }
    fn log(&self, level: Level, message: &str) {
        imports::log::write(level, message);
    }
    fn embed(&self, texts: &[String]) -> Vec<f32> {
        imports::text::embed(texts)
    }
    fn dimensions(&self) -> u32 {
        imports::text::dimensions()
    }
    fn similarity(&self, text: &str, others: &[String]) -> Vec<f32> {
        imports::text::similarity(text, others)
    }
    fn profiles(&self, reps: &[u32]) -> Vec<Profile> {
        imports::directory::profiles(reps)
    }
    fn teams(&self) -> Vec<String> {
        imports::directory::teams()
    }
}

/// A host made of values, for native tests.
///
/// Its text model is [`TestHost::embedding`], a function of the test's own; the default counts letters,
/// which is enough to tell equal texts from different ones.
pub struct TestHost {
    /// What [`Host::json`] says; `{}` by default.
    pub settings: String,
    /// What [`Host::lanes`] says.
    pub lanes: Vec<Lane>,
    /// What [`Host::prepared`] says.
    pub prepared: Vec<u8>,
    /// The lead's custom fields.
    pub fields: BTreeMap<String, Value>,
    /// The tenant's people.
    pub profiles: Vec<Profile>,
    /// The tenant's teams.
    pub teams: Vec<String>,
    /// One text to one unit vector; all of one length.
    pub embedding: fn(&str) -> Vec<f32>,
    /// What was logged.
    pub logged: RefCell<Vec<(Level, String)>>,
}

impl Default for TestHost {
    fn default() -> Self {
        Self {
            settings: "{}".to_owned(),
            lanes: Vec::new(),
            prepared: Vec::new(),
            fields: BTreeMap::new(),
            profiles: Vec::new(),
            teams: Vec::new(),
            embedding: letters,
            logged: RefCell::new(Vec::new()),
        }
    }
}

/// Counts of the 26 letters, brought to unit length.
fn letters(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0_f32; 26];
    for c in text.chars().flat_map(char::to_lowercase).filter(char::is_ascii_lowercase) {
        vector[c as usize - 'a' as usize] += 1.0;
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
    vector
}

impl Host for TestHost {
    fn json(&self) -> String {
        self.settings.clone()
    }
    fn lanes(&self) -> Vec<Lane> {
        self.lanes.clone()
    }
    fn prepared(&self) -> Vec<u8> {
        self.prepared.clone()
    }
    fn field(&self, name: &str) -> Option<Value> {
        self.fields.get(name).cloned()
    }
    fn fields(&self, names: &[String]) -> Vec<Option<Value>> {
        names.iter().map(|name| self.field(name)).collect()
    }
    fn field_names(&self) -> Vec<String> {
        self.fields.keys().cloned().collect()
    }
    fn log(&self, level: Level, message: &str) {
        self.logged.borrow_mut().push((level, message.to_owned()));
    }
    fn embed(&self, texts: &[String]) -> Vec<f32> {
        texts.iter().flat_map(|text| (self.embedding)(text)).collect()
    }
    fn dimensions(&self) -> u32 {
        (self.embedding)("").len() as u32
    }
    fn similarity(&self, text: &str, others: &[String]) -> Vec<f32> {
        let one = (self.embedding)(text);
        others
            .iter()
            .map(|other| one.iter().zip((self.embedding)(other)).map(|(a, b)| a * b).sum::<f32>())
            .collect()
    }
    fn profiles(&self, reps: &[u32]) -> Vec<Profile> {
        reps.iter().filter_map(|n| self.profiles.iter().find(|p| p.rep == *n).cloned()).collect()
    }
    fn teams(&self) -> Vec<String> {
        self.teams.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_setting_is_told() {
        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Mine {
            floor: u32,
        }
        let check = |json: &str, expect: Result<Mine, &str>| {
            let host = TestHost { settings: json.to_owned(), ..TestHost::default() };
            match (settings::<Mine>(&host), expect) {
                (Ok(got), Ok(want)) => assert_eq!(got, want),
                (Err(Failure::Settings(got)), Err(want)) => assert!(got.contains(want), "{got}"),
                (got, want) => panic!("{json}: got {got:?}, expected {want:?}"),
            }
        };
        check(r#"{"floor": 3}"#, Ok(Mine { floor: 3 }));
        check(r#"{"flour": 3}"#, Err("unknown field `flour`"));
        check("{", Err("EOF"));
    }

    #[test]
    fn test_host_tells_texts_apart() {
        let host = TestHost::default();
        let [same, other] =
            host.similarity("seats", &["seats".into(), "zoo".into()]).try_into().expect("two answers");
        assert!(same > 0.99 && other < 0.3, "{same} {other}");
        assert_eq!(host.embed(&["a".into(), "b".into()]).len() as u32, 2 * host.dimensions());
    }
}
