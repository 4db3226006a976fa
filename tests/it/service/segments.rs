//! Models by segment: which part of a model spoke is told with the decision, and goes, comes back and is run again with it.

use std::fmt::Write as _;

use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use super::harness::{BOTH, Host, Service};
use super::learning::{folder, import, lead};

/// Deals of a year by size: with large customers each rep wins one industry, with small ones the other, and with those between
/// nothing tells who wins.
fn history_by_size(service: &Service) -> String {
    let now = service.clock.now();
    let mut history = "id,rep,opened_at,closed_at,outcome,industry,source,size\n".to_owned();
    for number in 0..1_800_usize {
        let rep = ["ana", "bo"][number % 2];
        let industry = ["healthcare", "retail"][number / 2 % 2];
        let size = ["large", "mid", "small"][number / 4 % 3];
        let luck = number / 12 % 4;
        let strong = (rep == "ana") == (industry == "healthcare");
        let won = match size {
            "large" => (luck == 0) != strong,
            "small" => (luck == 0) == strong,
            _ => luck < 2,
        };
        let outcome = if won { "won" } else { "lost" };
        let hours = i64::try_from(4 * (1_800 - number)).expect("hours");
        let closed = now - SignedDuration::from_hours(hours);
        let opened = closed - SignedDuration::from_hours(24 * 20);
        writeln!(history, "old-{number},{rep},{opened},{closed},{outcome},{industry},web-form,{size}")
            .expect("written");
    }
    history
}

/// Whether a part speaks for a lead is in its trace; versions go, come back and are replayed as those of one part do.
#[test]
fn a_part_speaks_where_it_is_better_and_the_whole_for_every_other_lead() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let (_, key) =
            service.tenant(folder("[learning]\nby = [\"industry\"]\nsegment = \"field.size\"\n").path());
        let (host, other) = (service.host(), &service.hosts[1]);
        import(host, &key, &history_by_size(&service));
        let (status, model) = host.ask("POST", "/v1/models", &key, None);
        assert_eq!(status, 200, "{model:#}");
        let segments = &model["report"]["segments"];
        assert_eq!(
            (&segments["field"], &segments["others"]),
            (&json!("field.size"), &json!(0)),
            "{segments:#}"
        );
        let parts = segments["parts"].as_array().expect("parts");
        let told: Vec<(&str, bool)> = parts
            .iter()
            .map(|part| (part["word"].as_str().unwrap_or_default(), part["counts"] == true))
            .collect();
        assert_eq!(told, [("large", true), ("mid", false), ("small", true)], "{segments:#}");
        let (_, audit) = host.ask("GET", "/v1/audit?kind=model.trained", &key, None);
        let counting = json!({"by": "field.size", "counting": ["large", "small"]});
        assert_eq!(audit["items"][0]["body"]["segments"], counting, "{audit:#}");

        let decided = |host: &Host, name: &str, size: Option<&str>, industry: &str| {
            let mut lead = lead(name, industry);
            if let Some(size) = size {
                lead["fields"] = json!({"size": size});
            }
            host.lead(&key, &lead);
            let path = format!("/v1/leads/{name}/decisions/1");
            let (_, decision) = host.ask("GET", &path, &key, None);
            let (_, replayed) = other.ask("POST", &format!("{path}/replay"), &key, None);
            assert_eq!(replayed["same"], true, "{replayed:#}");
            let (_, told) = host.ask("GET", &format!("{path}/win?rep=ana"), &key, None);
            let win = decision["trace"]["score"]["win"].clone();
            assert_eq!(told["segment"], win["segment"], "{told:#}");
            // Over all sizes nothing tells who wins, so the whole does not pass its gates.
            let spoke = !win["segment"].is_null();
            assert_eq!((told["as_decided"] == true, win["untrusted"].is_null()), (spoke, spoke), "{told:#}");
            let estimates = win["estimates"].as_array().map(Vec::len);
            assert_eq!(estimates, Some(if spoke { 2 } else { 0 }), "{win:#}");
            (decision["outcome"]["rep"].as_str().unwrap_or_default().to_owned(), win["segment"].clone())
        };
        let part = |word: &str| json!({"fact": "field.size", "word": word});
        for (name, size, industry, rep, segment) in [
            ("one", Some("Large"), "healthcare", Some("ana"), part("large")),
            ("two", Some("large"), "retail", Some("bo"), part("large")),
            ("three", Some("small"), "healthcare", Some("bo"), part("small")),
            ("four", Some("small"), "retail", Some("ana"), part("small")),
            ("five", Some("mid"), "retail", None, Json::Null),
            ("six", Some("huge"), "retail", None, Json::Null),
            ("seven", None, "retail", None, Json::Null),
        ] {
            let (got, spoke) = decided(host, name, size, industry);
            assert_eq!(spoke, segment, "{name}");
            assert!(rep.is_none_or(|rep| rep == got), "{name}: {got}");
        }

        // A model without parts is another version, and the one with them comes back as it was.
        let tenant = "acme".parse().expect("an id");
        let whole = folder("[learning]\nby = [\"industry\", \"field.size\"]\n");
        service.publish(&tenant, whole.path());
        let (_, second) = host.ask("POST", "/v1/models", &key, None);
        assert_eq!(
            (&second["version"], &second["report"]["segments"]),
            (&json!(2), &Json::Null),
            "{second:#}"
        );
        assert_eq!(second["report"]["gates"], model["report"]["gates"], "parts leave the whole as it is");
        assert_eq!(decided(other, "eight", Some("large"), "retail").1, Json::Null);
        let (status, compared) = host.ask("GET", "/v1/models/1/comparison?with=2", &key, None);
        assert_eq!((status, &compared["verdict"]), (200, &json!("too-few")), "{compared:#}");
        let (status, back) = other.ask("PUT", "/v1/models/in-force", &key, Some(&json!({"model": 1})));
        assert_eq!((status, back), (200, json!({"model": 1})));
        assert_eq!(decided(host, "nine", Some("large"), "retail"), ("bo".to_owned(), part("large")));
        let (_, replayed) = other.ask("POST", "/v1/leads/eight/decisions/1/replay", &key, None);
        assert_eq!(replayed["same"], true, "{replayed:#}");
    }
}
