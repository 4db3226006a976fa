//! What is learned, from the command line: `lanewright model`, `report` and `suggestions` against a real service.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use lanewright::access::Role;
use serde_json::{Value as Json, json};

use super::harness::{BOTH, Host, On, Service};
use crate::harness::program;

/// The program with a key and a service.
struct Away<'s> {
    folder: tempfile::TempDir,
    url: &'s str,
}

impl Away<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        let key = self.folder.path().join("key");
        let mut command = Command::new(program());
        command.args(arguments).args(["--to", self.url, "--key-file"]).arg(key);
        command.output().expect("the program starts")
    }

    /// What it prints where it ends like this.
    fn told(&self, arguments: &[&str], code: i32) -> (String, String) {
        let out = self.run(arguments);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let (told, said) = (text(out.stdout), text(out.stderr));
        assert_eq!(out.status.code(), Some(code), "{arguments:?}: {told}{said}");
        (told, said)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }
}

/// Two reps who differ in nothing but their deals: one wins three of four in healthcare, the other in retail.
fn history(service: &Service) -> String {
    let mut history = "id,rep,opened_at,closed_at,outcome,industry\n".to_owned();
    for number in 0..400_i64 {
        let (rep, industry) =
            [("ana", "healthcare"), ("ana", "retail"), ("bo", "healthcare"), ("bo", "retail")]
                [usize::try_from(number % 4).expect("a place")];
        let strong = (rep == "ana") == (industry == "healthcare");
        let outcome = if (number / 4 % 4 == 0) != strong { "won" } else { "lost" };
        let closed = service.clock.now() - jiff::SignedDuration::from_hours(12 * (400 - number));
        let opened = closed - jiff::SignedDuration::from_hours(24 * 20);
        writeln!(history, "old-{number},{rep},{opened},{closed},{outcome},{industry}").expect("written");
    }
    history
}

fn tenant(folder: &Path) {
    let write = |name: &str, content: &str| std::fs::write(folder.join(name), content).expect("a file");
    write(
        "tenant.toml",
        "[tenant]\nid = \"acme\"\nname = \"Acme\"\ncurrency = \"EUR\"\ntimezone = \"UTC\"\n\n\
         [[lanes]]\nid = \"sales\"\nname = \"Sales\"\ndefinition = \"Companies that ask for a price.\"\nteam = \"sales\"\n",
    );
    write("teams.toml", "[[teams]]\nid = \"sales\"\nname = \"Sales\"\n");
    write("reps.csv", "id,name,team,max_open\nana,Ana Lima,sales,1000\nbo,Bo Ek,sales,1000\n");
}

#[test]
fn models_are_trained_compared_and_put_in_force_from_the_command_line() {
    let service = Service::new(On::Sqlite, 1);
    let folder = tempfile::tempdir().expect("a folder");
    tenant(folder.path());
    let (_, key) = service.tenant(folder.path());
    let away = Away { folder, url: &service.host().url };
    away.file("key", &format!("{key}\n"));

    let (_, said) = away.told(&["model", "compare", "1"], 3);
    assert!(said.contains("no model is in force; say with --with"), "{said}");
    let bad = history(&service).replacen("old-3,bo,", "old-3,bo,soon", 1)
        + "lost,,2026-01-01,2026-02-01,maybe,retail\n";
    let (told, said) = away.told(&["model", "import", &away.file("bad.csv", &bad)], 1);
    assert_eq!(told, "399 deals are learned from when a model is trained next\n");
    let lines: Vec<&str> =
        said.lines().filter_map(|line| line.split_once("bad.csv, ")).map(|(_, line)| line).collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].starts_with("line 5: `opened_at` is \"soon"), "{said}");
    assert!(lines[1].starts_with("line 402: `outcome` is \"maybe\""), "{said}");
    let line = json!({"id": "late", "rep": "bo", "opened_at": "2026-02-01", "outcome": "won", "closed_at": "2026-02-20"});
    let (told, _) = away.told(&["model", "import", &away.file("late.jsonl", &line.to_string())], 0);
    assert!(told.starts_with("1 deals"), "{told}");

    let (told, _) = away.told(&["model", "train"], 0);
    assert!(told.starts_with("model 1, in force: made at "), "{told}");
    assert!(told.contains("It counts: both gates are passed."), "{told}");
    let (told, _) = away.told(&["model", "train", "--keep-out"], 0);
    assert!(told.starts_with("model 2: made at "), "{told}");
    let (told, _) = away.told(&["model", "compare", "2"], 0);
    assert!(
        told.contains("On 0 deals that closed after both were trained") && told.contains("too few"),
        "{told}"
    );
    let (told, _) = away.told(&["model", "use", "2"], 0);
    assert_eq!(told, "model 2 is in force\n");
    let (told, _) = away.told(&["model", "list"], 0);
    let rows: Vec<Vec<&str>> = told.lines().skip(2).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..3], ["2", "in", "force"], "{told}");
    assert_eq!((rows[1][0], rows[1].last()), ("1", Some(&"passed")), "{told}");
    assert!(told.contains("the next is trained at 2026-03-09T"), "{told}");
    let (shown, _) = away.told(&["model", "show", "1"], 0);
    assert!(shown.starts_with("model 1: made at "), "{shown}");
    service.host().lead(&key, &json!({"id": "why", "text": "Price?", "company": {"industry": "Retail"}}));
    let (told, _) = away.told(&["model", "explain", "why", "--rep", "bo"], 0);
    assert!(
        told.starts_with("bo wins it with ")
            && told.contains("by model 2\nthe rep won 75 of 99 retail deals"),
        "{told}"
    );
    let effects = told.lines().skip(3).filter_map(|line| line.split_whitespace().last()?.parse::<f64>().ok());
    let effects: Vec<f64> = effects.map(f64::abs).collect();
    assert!(effects.len() >= 4 && effects.is_sorted_by(|one, other| one >= other), "{told}");
    let (_, said) = away.told(&["model", "explain", "nothing"], 3);
    assert!(said.contains("decision 1 of lead nothing"), "{said}");
    let (told, _) = away.told(&["model", "use", "none"], 0);
    assert_eq!(told, "no model is in force: nothing learned counts\n");
    let (_, said) = away.told(&["model", "use", "9"], 3);
    assert!(said.starts_with("lanewright: "), "{said}");
    away.told(&["model", "use", "newest"], 2);
}

#[test]
fn the_report_and_suggestions_come_from_the_service() {
    let service = Service::new(On::Sqlite, 1);
    let folder = tempfile::tempdir().expect("a folder");
    tenant(folder.path());
    let (_, key) = service.tenant(folder.path());
    let host = service.host();
    let away = Away { folder, url: &host.url };
    away.file("key", &key);
    away.told(&["model", "import", &away.file("history.csv", &history(&service))], 0);
    host.lead(
        &key,
        &json!({"id": "one", "text": "What would the team plan cost?", "company": {"industry": "Retail"}}),
    );

    let (told, _) = away.told(&["report", "--format", "table"], 0);
    assert!(told.starts_with("1 lead, from 2025-03-02 to 2026-03-02\n"), "{told}");
    for part in ["Targets", "Match scores", "Funnel by industry", "Readiness", "Suggestions"] {
        assert!(told.lines().any(|line| line.starts_with(part)), "{part}: {told}");
    }
    let (told, _) = away.told(&["report", "--by", "lane", "--from", "2026-01-01T00:00:00Z"], 0);
    let json: Json = serde_json::from_str(&told).expect("JSON where nobody looks");
    assert_eq!((&json["segment"], &json["from"]), (&json!("lane"), &json!("2026-01-01T00:00:00Z")));
    let (_, said) = away.told(&["report", "--by", "shoe-size"], 3);
    assert!(said.contains("`lane` or one of industry, channel"), "{said}");
    let page = away.folder.path().join("report.html");
    let (told, _) = away.told(&["report", "--html", page.to_str().expect("UTF-8")], 0);
    assert_eq!(told, "");
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("1 lead, from 2025-03-02"), "{page}");

    // Each won more than 15 deals of a year in both industries, and in one of them more often than the others win.
    let (told, _) = away.told(&["suggestions"], 0);
    let tags = |told: &str| told.lines().filter(|line| line.contains("expertise")).count();
    let rows: Vec<&str> = told.lines().filter(|line| line.contains("expertise")).collect();
    let ([first, second, ..], 2) = (&rows[..], tags(&told)) else { panic!("{told}") };
    let id = |row: &str| row.split_whitespace().next().unwrap_or_default().to_owned();
    let (accepted, _) = away.told(&["suggestions", "accept", &id(first)], 0);
    assert_eq!(accepted, format!("{} is accepted and not suggested again\n", id(first)));
    away.told(&["suggestions", "dismiss", &id(second)], 0);
    let (told, _) = away.told(&["suggestions"], 0);
    assert!(tags(&told) == 0 && !told.contains(&id(first)) && !told.contains(&id(second)), "{told}");
    away.told(&["suggestions", "accept", "nothing"], 3);
    away.told(&["suggestions", "accept"], 2);
}

/// What somebody says of a lead; how that is answered.
fn say(host: &Host, key: &str, lead: &str, what: &str, body: &Json) -> u16 {
    host.ask("POST", &format!("/v1/leads/{lead}/{what}"), key, Some(body)).0
}

#[test]
fn what_people_say_of_leads_and_who_waits_is_told() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let folder = tempfile::tempdir().expect("a folder");
        tenant(folder.path());
        std::fs::write(
            folder.path().join("reps.csv"),
            "id,name,team,max_open\nana,Ana Lima,sales,2\nbo,Bo Ek,sales,2\n",
        )
        .expect("a file");
        let (id, key) = service.tenant(folder.path());
        let (host, other) = (service.host(), &service.hosts[1]);
        let lead = |number: usize| {
            let lead = json!({"id": format!("lead-{number}"), "text": "What would the team plan cost?",
                "contact": {"email": format!("io@account-{number}.example")}});
            host.lead(&key, &lead)["outcome"]["rep"].as_str().map(str::to_owned)
        };
        // The first week, and the next.
        let mut got: Vec<Option<String>> = (0..2).map(lead).collect();
        service.pass(10);
        assert_eq!(say(other, &key, "lead-0", "touch", &json!({})), 200);
        service.pass(20);
        assert_eq!(say(other, &key, "lead-1", "touch", &json!({})), 200);
        service.pass(7 * 24 * 60);
        got.extend((2..8).map(lead));
        service.pass(90);

        let (first, second) = (got[0].clone().expect("a rep"), got[1].clone().expect("a rep"));
        let theirs = service.key(&id, Role::Rep, Some(&first));
        for (lead, what, body, expect) in [
            ("lead-0", "accept", json!({"satisfaction": 2, "reason": "it is mine"}), 200),
            ("lead-0", "feedback", json!({"satisfaction": 3}), 200),
            ("lead-0", "feedback", json!({"satisfaction": 6}), 400),
            ("lead-0", "outcome", json!({"outcome": "first-touch", "satisfaction": 3}), 400),
            ("lead-0", "outcome", json!({"outcome": "won", "value": 100, "satisfaction": 4}), 200),
            // A later word replaces an earlier one.
            ("lead-0", "outcome", json!({"outcome": "won", "satisfaction": 5}), 200),
            ("lead-1", "outcome", json!({"outcome": "lost", "satisfaction": 1}), 200),
        ] {
            assert_eq!(say(other, &key, lead, what, &body), expect, "{lead} {what} {body}");
        }
        // Their own, also when it is closed, and nobody else's; nobody has one that waits.
        let rated = json!({"satisfaction": 4, "note": "good fit"});
        assert_eq!(say(host, &theirs, "lead-0", "feedback", &rated), 200);
        let of_others = usize::from(first == second);
        assert_eq!(say(host, &theirs, "lead-1", "feedback", &rated), [404, 200][of_others]);
        let (_, stands) = host.ask("GET", "/v1/leads?status=waiting", &key, None);
        let stands = stands["items"].as_array().expect("leads");
        let waiting = stands.len();
        let waits = stands.first().and_then(|lead| lead["lead"].as_str()).expect("one that waits");
        assert_eq!(say(host, &key, waits, "feedback", &rated), 409);

        let (_, told) = other.ask("GET", "/v1/analytics", &key, None);
        let satisfaction = &told["analytics"]["satisfaction"];
        let customers = &satisfaction["customers"];
        assert_eq!((&customers["n"], &customers["mean"]), (&json!(2), &json!(3.0)), "{satisfaction:#}");
        assert_eq!(satisfaction["reps"]["mean"], 4.0, "{satisfaction:#}");
        let low = customers["low"].as_f64().expect("an interval");
        assert!(low > 1.0 && low < 2.0, "{satisfaction:#}");
        let trend = told["analytics"]["trend"].as_array().expect("weeks");
        let weeks: Vec<(&Json, &Json, &Json)> =
            trend.iter().map(|week| (&week["week"], &week["leads"], &week["minutes"]["median"])).collect();
        let expect =
            [(&json!("2026-03-02"), &json!(2), &json!(20.0)), (&json!("2026-03-09"), &json!(6), &Json::Null)];
        assert_eq!(weeks, expect, "{trend:#?}");
        let (_, audit) = host.ask("GET", "/v1/readiness", &key, None);
        let text = audit.to_string();
        let queue = format!(
            "{} for a rep now, the oldest for 1.5 hours",
            match waiting {
                1 => "1 lead waits".to_owned(),
                many => format!("{many} leads wait"),
            }
        );
        assert!(text.contains(&queue), "{queue}: {text}");
    }
}

#[test]
fn the_report_of_a_folder_needs_no_service() {
    let folder = tempfile::tempdir().expect("a folder");
    tenant(folder.path());
    let history = "id,rep,opened_at,touched_at,closed_at,outcome,industry,value\n\
        a,ana,2026-01-05T08:00:00Z,2026-01-05T08:04:00Z,2026-01-20,won,retail,900\n\
        b,bo,2026-01-07T08:00:00Z,2026-01-07T08:10:00Z,2026-01-22,lost,retail,\n\
        c,,2026-01-14T08:00:00Z,,,,healthcare,\n\
        d,bo,2024-01-14,,2024-02-01,won,healthcare,10\n\
        e,bo,soon,,,,healthcare,\n";
    let path = folder.path().to_str().expect("UTF-8");
    let history_file = folder.path().join("history.csv");
    std::fs::write(&history_file, history).expect("a file");
    let run = |arguments: &[&str]| {
        let out = Command::new(program())
            .args(["report", "--until", "2026-03-01T00:00:00Z"])
            .args(arguments)
            .env_remove("LANEWRIGHT_URL")
            .output()
            .expect("the program starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (out.status.code(), text(out.stdout), text(out.stderr))
    };
    let (code, told, said) = run(&["--folder", path]);
    assert_eq!(code, Some(1), "{told}{said}");
    assert!(said.contains("line 6: `opened_at` is \"soon"), "{said}");
    let told: Json = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["leads"], &told["segment"]), (&json!(3), &json!("industry")), "{told:#}");
    let analytics = &told["analytics"];
    assert_eq!(analytics["trend"][0]["minutes"]["median"], 7.0, "{analytics:#}");
    assert_eq!(
        analytics["trend"][1],
        json!({"week": "2026-01-12", "leads": 1, "minutes": null, "in_time": null})
    );
    // What a history does not say is not made up.
    assert_eq!(
        (&analytics["quality"], &analytics["overrides"], &analytics["lift"]),
        (&Json::Null, &Json::Null, &Json::Null)
    );
    let audit = told["readiness"].to_string();
    assert!(audit.contains("the history does not say how long leads wait for a rep"), "{audit}");

    std::fs::write(&history_file, history.lines().take(5).collect::<Vec<_>>().join("\n")).expect("a file");
    let (code, told, said) = run(&["--folder", path, "--format", "table", "--by", "lane"]);
    assert_eq!((code, &*said), (Some(0), ""), "{told}");
    assert!(told.starts_with("3 leads, from 2025-03-01 to 2026-03-01\n"), "{told}");
    for (arguments, code, word) in [
        (vec!["--folder", path, "--by", "shoe-size"], Some(3), "`lane` or one of"),
        (vec!["--folder", path, "--history", "nowhere.csv"], Some(3), "nowhere.csv cannot be read"),
        (vec!["--history", "nowhere.csv"], Some(2), "--folder"),
        (vec![], Some(2), "--to"),
    ] {
        let (found, told, said) = run(&arguments);
        assert!(found == code && said.contains(word), "{arguments:?}: {found:?} {told}{said}");
    }
}
