//! What is given, and what becomes of it: settings, or every problem at once.

use std::fs;

use expect_test::{Expect, expect};

use super::*;

/// A file, variables and flags.
struct Case<'a> {
    file: &'a str,
    variables: &'a [(&'a str, &'a str)],
    flags: &'a [(&'static str, &'a str)],
}

const NOTHING: Case<'_> = Case { file: "", variables: &[], flags: &[] };

impl Case<'_> {
    /// What comes of it; `$DIR` in a value is the folder of the case. Files `good.key` and `bad.key` are in it.
    fn load(&self) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        let place = |text: &str| text.replace("$DIR", &at);
        fs::write(folder.path().join("good.key"), format!("{GOOD}\n")).unwrap();
        fs::write(folder.path().join("bad.key"), "short").unwrap();
        fs::write(folder.path().join("lanewright.toml"), place(self.file)).unwrap();
        let given = Given {
            file: (!self.file.is_empty()).then(|| place("$DIR/lanewright.toml")),
            variables: self
                .variables
                .iter()
                .map(|(name, value)| (name.into(), place(value).into()))
                .collect(),
            flags: self.flags.iter().map(|(key, value)| (*key, place(value))).collect(),
        };
        Settings::load(&given).map_err(|problems| {
            let lines: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
            lines.join("\n").replace(&at, "$DIR")
        })
    }
}

const GOOD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The lines of the settings that are not as without anything, or the problems.
#[track_caller]
fn check(case: Case<'_>, expect: Expect) {
    let machine = Settings { threads: 4, ..NOTHING.load().unwrap() };
    let usual = format!("{machine:#?}");
    let found = case.load().map_or_else(
        |problems| problems,
        |settings| {
            let text = format!("{:#?}", Settings { threads: 4, ..settings });
            let unusual = |line: &&str| !usual.lines().any(|other| other == *line);
            text.lines().filter(unusual).map(str::trim).collect::<Vec<_>>().join("\n")
        },
    );
    expect.assert_eq(&found);
}

#[test]
fn without_anything() {
    let settings = Settings { threads: 4, ..NOTHING.load().unwrap() };
    expect![[r#"
        Settings {
            listen: 127.0.0.1:8080,
            metrics_listen: None,
            public_url: "http://127.0.0.1:8080",
            state: "lanewright-data",
            database: Sqlite(
                "lanewright-data/lanewright.db",
            ),
            connections: 4,
            threads: 4,
            drain: 30s,
            allow_private_hosts: false,
            four_eyes: false,
            sigstore_root: None,
            limits: Limits {
                body_bytes: 1048576,
                upload_bytes: 67108864,
                requests_per_second: 1000,
                burst: 2000,
                concurrency: 256,
                waiting_leads: 1024,
                leads_in_memory: 8192,
                idle: 600s,
                timeout: 30s,
            },
            retention: Retention {
                decisions: 7776000s,
                events: 63072000s,
                effects: 2592000s,
                batches: 2592000s,
                answers: 86400s,
            },
            secrets: None,
            smtp: None,
            log: Log {
                format: Json,
                filter: "info",
            },
            otlp: None,
        }
    "#]]
    .assert_debug_eq(&settings);
}

#[test]
fn a_flag_is_stronger_than_a_variable_and_that_than_the_file() {
    let file = "connections = 3\n[limits]\nburst = 5\nconcurrency = 7\nwaiting_leads = 9\n";
    let variables = &[("LANEWRIGHT_LIMITS_CONCURRENCY", "70"), ("LANEWRIGHT_LIMITS_WAITING_LEADS", "90")];
    let flags = &[("limits.waiting_leads", "900")];
    check(
        Case { file, variables, flags },
        expect![[r#"
            connections: 3,
            burst: 5,
            concurrency: 70,
            waiting_leads: 900,"#]],
    );
}

#[test]
fn every_problem_of_all_three_at_once() {
    let file = r#"
listen = "localhost"
conections = 8
drain_seconds = "30"
[limits]
body_bytes = 0
bursts = 5
[smtp]
url = "smtps://user:password@mail.example.com"
[log]
format = "jsn"
[mail]
host = 1
"#;
    let variables = &[
        ("LANEWRIGHT_DATABASE", "mysql://root:password@db/leads"),
        ("LANEWRIGHT_RETENTION_EVENT_DAYS", "3"),
        ("LANEWRIGHT_THREADS", "many"),
        ("LANEWRIGHT_STATE", ""),
    ];
    let flags = &[("otlp.sample_ratio", "1.5"), ("allow_private_hosts", "yes")];
    check(
        Case { file, variables, flags },
        expect![[r#"
        $DIR/lanewright.toml:2: `listen` is "localhost", and must be an IP address and a port
          hint: such as 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080
        $DIR/lanewright.toml:3: there is no key `conections`
          hint: did you mean `connections`?
        $DIR/lanewright.toml:4: `drain_seconds` must be a whole number, found the text "30"
          hint: leave the quotes out: 30
        $DIR/lanewright.toml:6: `limits.body_bytes` is 0, and must be a whole number from 1024 to 67108864
        $DIR/lanewright.toml:7: there is no key `limits.bursts`
          hint: did you mean `limits.burst`?
        $DIR/lanewright.toml:9: there is a mail server and no sender
          hint: set `smtp.from` as well
        $DIR/lanewright.toml:11: `log.format` is "jsn"; did you mean `json`?
        $DIR/lanewright.toml:13: there is no key `mail.host`
          hint: there are listen, metrics_listen, public_url, state, database, database_file, connections, threads, drain_seconds, allow_private_hosts, four_eyes, sigstore_root, [limits], [retention], [secrets], [smtp], [log], [otlp]
        --allow-private-hosts: `allow_private_hosts` is yes, and must be true or false
        --otlp-sample-ratio: `otlp.sample_ratio` is 1.5, and must be a number from 0 to 1
        LANEWRIGHT_DATABASE: `database` must begin with sqlite: or postgres://
          hint: sqlite:lanewright.db, or postgres://user:password@host/name
        LANEWRIGHT_RETENTION_EVENT_DAYS: there is no such variable
          hint: did you mean `LANEWRIGHT_RETENTION_EVENTS_DAYS`?
        LANEWRIGHT_STATE: `state` is empty
          hint: leave it out, and the default holds
        LANEWRIGHT_THREADS: `threads` is many, and must be a whole number from 1 to 1024"#]],
    );
}

#[test]
fn a_weaker_value_is_checked_as_well() {
    let flags = &[("connections", "8")];
    check(
        Case { file: "connections = 0", flags, ..NOTHING },
        expect!["$DIR/lanewright.toml:1: `connections` is 0, and must be a whole number from 1 to 1000"],
    );
}

#[test]
fn what_is_no_toml() {
    check(
        Case { file: "listen = \"127.0.0.1:80\nthreads == 1\n", ..NOTHING },
        expect![[r#"
        $DIR/lanewright.toml:1: this is not TOML: invalid basic string, expected `"`
          hint: a text stands between quotes and ends on its line: name = "Ana"
        $DIR/lanewright.toml:2: this is not TOML: extra `=`, expected nothing
          hint: TOML: key = "text", key = 5, key = true, key = ["a", "b"], [table], [[list of tables]]"#]],
    );
    let file = "connections = 2024-01-01\nstate = 5\nlog = 1\n[otlp]\nheaders = \"a=b\"\n[other]\n";
    check(
        Case { file, ..NOTHING },
        expect![[r#"
        $DIR/lanewright.toml:1: `connections` must be a whole number, found a date
        $DIR/lanewright.toml:2: `state` must be a folder, found 5
          hint: put it between quotes: "5"
        $DIR/lanewright.toml:3: there is no key `log`
          hint: [log] may have format, filter
        $DIR/lanewright.toml:5: `otlp.headers` must be a list, each `name=value`, found one text
          hint: put it between brackets: ["…"]
        $DIR/lanewright.toml:6: there is no key `other`
          hint: there are listen, metrics_listen, public_url, state, database, database_file, connections, threads, drain_seconds, allow_private_hosts, four_eyes, sigstore_root, [limits], [retention], [secrets], [smtp], [log], [otlp]"#]],
    );
    let given = Given { file: Some("nowhere/lanewright.toml".to_owned()), ..Given::default() };
    expect![[r#"
        Err(
            Problems(
                [
                    Problem {
                        file: "nowhere/lanewright.toml",
                        line: 0,
                        message: "the file is not there",
                        hint: Some(
                            "name another with --config or LANEWRIGHT_CONFIG, or none",
                        ),
                    },
                ],
            ),
        )
    "#]]
    .assert_debug_eq(&Settings::load(&given));
}

#[test]
fn databases() {
    #[track_caller]
    fn database(url: &str, expect: Expect) {
        check(Case { flags: &[("database", url)], ..NOTHING }, expect);
    }
    database("sqlite:leads.db", expect![[r#""lanewright-data/leads.db","#]]);
    database(
        "sqlite:///srv/a?b.db",
        expect![[r#"
        --database: `database` has options after `?`, which the service sets itself
          hint: sqlite:lanewright.db, or postgres://user:password@host/name"#]],
    );
    database("sqlite:///srv/leads.db", expect![[r#""/srv/leads.db","#]]);
    database(
        "sqlite::memory:",
        expect![[r#"
        --database: `database` is in memory, and a service must not forget
          hint: sqlite:lanewright.db, or postgres://user:password@host/name"#]],
    );
    database(
        "sqlite:",
        expect![[r#"
        --database: `database` names no file
          hint: sqlite:lanewright.db, or postgres://user:password@host/name"#]],
    );
    database(
        "postgres://leads:password@db/leads",
        expect![[r#"
            database: Postgres(
            [secret],
            connections: 16,"#]],
    );
    database(
        "mysql://db",
        expect![[r#"
        --database: `database` must begin with sqlite: or postgres://
          hint: sqlite:lanewright.db, or postgres://user:password@host/name"#]],
    );
    database(
        "leads.db",
        expect![[r#"
        --database: `database` is no URL: relative URL without a base
          hint: sqlite:lanewright.db, or postgres://user:password@host/name"#]],
    );

    let url = |database: Database| database.url();
    assert_eq!(url(Database::Sqlite("/srv/a%#?.db".into())), "sqlite:///srv/a%25%23%3F.db?mode=rwc");
    assert_eq!(url(Database::Postgres(Secret::new("postgres://db/leads".into()))), "postgres://db/leads");
}

#[test]
fn secrets_come_from_variables_and_files_and_are_never_shown() {
    let variables = |variables| Case { variables, ..NOTHING };
    check(
        variables(&[
            ("LANEWRIGHT_SECRETS_KEY", GOOD),
            ("LANEWRIGHT_SECRETS_OLDER_KEYS_FILE", "$DIR/good.key"),
        ]),
        expect![[r#"
            secrets: Some(
            SecretKeys {
            key: [secret],
            older: [
            [secret],
            ],
            },"#]],
    );
    check(
        variables(&[("LANEWRIGHT_SECRETS_KEY_FILE", "$DIR/bad.key")]),
        expect![[r#"
        LANEWRIGHT_SECRETS_KEY_FILE: `secrets.key_file` is not base64
          hint: make one with: openssl rand -base64 32"#]],
    );
    check(
        variables(&[("LANEWRIGHT_SECRETS_KEY_FILE", "$DIR/no.key")]),
        expect![[r#"
        LANEWRIGHT_SECRETS_KEY_FILE: $DIR/no.key cannot be read: No such file or directory (os error 2)
          hint: look at the path and at the permissions"#]],
    );
    check(
        variables(&[("LANEWRIGHT_SECRETS_KEY", "!!")]),
        expect![[r#"
        LANEWRIGHT_SECRETS_KEY: `secrets.key` is not base64
          hint: make one with: openssl rand -base64 32"#]],
    );
    check(
        variables(&[("LANEWRIGHT_SECRETS_KEY", GOOD), ("LANEWRIGHT_SECRETS_KEY_FILE", "$DIR/good.key")]),
        expect![[r#"
            LANEWRIGHT_SECRETS_KEY_FILE: both `secrets.key` and `secrets.key_file` are given
              hint: leave one of them out"#]],
    );
    check(
        variables(&[("LANEWRIGHT_SECRETS_OLDER_KEYS", GOOD)]),
        expect![[r#"
        LANEWRIGHT_SECRETS_OLDER_KEYS: there are older keys and no key
          hint: set `secrets.key` as well"#]],
    );
    let header =
        "otlp.endpoint = \"http://otel\"\notlp.headers = [\"authorization=Bearer hidden\", \"x = y\"]";
    check(
        Case { file: header, ..NOTHING },
        expect![[r#"
            otlp: Some(
            Otlp {
            endpoint: "http://otel",
            headers: [
            (
            "authorization",
            [secret],
            ),
            (
            "x",
            [secret],
            ),
            ],
            service: "lanewright",
            sample_ratio: 1.0,
            },"#]],
    );
    let settings = Case { file: header, ..NOTHING }.load().unwrap();
    let headers: Vec<_> = settings.otlp.unwrap().headers;
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.expose().as_str())).collect();
    assert_eq!(headers, [("authorization", "Bearer hidden"), ("x", "y")]);
    // The file of a stronger source holds, and so does a stronger value.
    let file = format!("[secrets]\nkey = \"{GOOD}\"\n");
    let by_file =
        Case { file: &file, variables: &[("LANEWRIGHT_SECRETS_KEY_FILE", "$DIR/bad.key")], flags: &[] };
    check(
        by_file,
        expect![[r#"
        LANEWRIGHT_SECRETS_KEY_FILE: `secrets.key_file` is not base64
          hint: make one with: openssl rand -base64 32"#]],
    );
    assert!(rows().iter().all(|row| row.flag.is_some() != SECRETS.contains(&row.key)));
}

const SECRETS: [&str; 4] = ["secrets.key", "secrets.older_keys", "smtp.url", "otlp.headers"];

#[test]
fn where_state_is_kept() {
    #[track_caller]
    fn check(variables: &[(&str, &str)], expect: &str) {
        let state = Case { variables, ..NOTHING }.load().unwrap().state;
        assert_eq!(state, PathBuf::from(expect));
    }
    check(&[], "lanewright-data");
    check(&[("HOME", "/home/ana")], "/home/ana/.local/state/lanewright");
    check(&[("HOME", "/home/ana"), ("XDG_STATE_HOME", "/srv")], "/srv/lanewright");
    check(&[("HOME", "/"), ("STATE_DIRECTORY", "/var/lib/a:/var/lib/b")], "/var/lib/a");
    check(&[("STATE_DIRECTORY", "/var/lib/a"), ("LANEWRIGHT_STATE", "here")], "here");
}

#[test]
fn what_others_put_into_the_environment_is_no_mistake() {
    let variables = &[
        ("LANEWRIGHT_SERVICE_HOST", "10.0.0.1"),
        ("LANEWRIGHT_SERVICE_PORT_HTTP", "80"),
        ("LANEWRIGHT_PORT", "tcp://10.0.0.1:80"),
        ("LANEWRIGHT_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("LANEWRIGHT_CACHE", "/tmp"),
        ("LANEWRIGHT_CONFIG", "x.toml"),
        ("LANGUAGE", "en"),
    ];
    check(Case { variables, ..NOTHING }, expect![[""]]);
}

#[test]
fn every_key_has_a_name_of_its_own_in_each_source() {
    let rows = rows();
    for row in &rows {
        let same = |other: &&Row| other.variable == row.variable || other.key == row.key;
        assert_eq!(rows.iter().filter(same).count(), 1, "{}", row.key);
        assert!(!given::OTHERS.contains(&row.variable.as_str()), "{}", row.key);
        // Its variable is looked at, whatever Kubernetes calls its own.
        let file = format!("LANEWRIGHT_{}", row.key.replace('.', "_").to_uppercase());
        let wrong = Case { variables: &[(&file, "\u{0}")], ..NOTHING }.load();
        let text = matches!(row.key, "state" | "sigstore_root" | "otlp.service");
        assert_eq!(wrong.is_err(), !text, "{}", row.key);
    }
}

#[test]
fn the_example_names_every_key_and_is_right() {
    let file = include_str!("../../../deploy/lanewright.toml");
    let settings = Case { file, ..NOTHING }.load();
    assert!(settings.is_ok(), "{settings:?}");
    for row in rows() {
        let (table, name) = row.key.split_once('.').unwrap_or(("", row.key));
        let is_header = |line: &&str| line.starts_with('[');
        let mut lines =
            file.lines().skip_while(|line| !table.is_empty() && !line.starts_with(&format!("[{table}]")));
        if !table.is_empty() {
            lines.next();
        }
        let names = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{name} = "));
        let inside = lines.take_while(|line| !is_header(line)).any(names);
        let from_file = ["secrets.key", "secrets.older_keys", "otlp.headers_file"].contains(&row.key);
        assert!(inside || from_file, "{} is not in deploy/lanewright.toml", row.key);
    }
}

#[test]
fn the_operators_page_has_the_table() {
    let page = include_str!("../../../docs/operations.md");
    let (_, rest) = page.split_once("<!-- settings: begin -->\n").expect("the table begins");
    let (table, _) = rest.split_once("<!-- settings: end -->").expect("the table ends");
    assert_eq!(table, reference(), "copy the right side into docs/operations.md");
}
