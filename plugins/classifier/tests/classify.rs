//! The classifier through the traits a host calls, with a text model of the test's own.

use lanewright_classifier::StandardClassifier;
use lanewright_sdk::*;
use proptest::prelude::*;

/// A vector of 256 numbers that depends on the words, and nothing else.
fn embedding(text: &str) -> Vec<f32> {
    let mut vector = vec![0f32; 256];
    for word in text.split_whitespace() {
        let hash = word.bytes().fold(0x811c_9dc5u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
        for turn in 0..8 {
            let at = hash.rotate_left(turn * 4);
            vector[at as usize % 256] += if at >> 9 & 1 == 0 { 1.0 } else { -1.0 };
        }
    }
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|v| *v /= length);
    }
    vector
}

fn lane(id: &str, definition: &str, examples: &[&str]) -> Lane {
    Lane {
        id: id.to_owned(),
        name: id.replace('-', " "),
        definition: definition.to_owned(),
        examples: examples.iter().map(|example| (*example).to_owned()).collect(),
        team: None,
    }
}

fn standard() -> Vec<Lane> {
    ["enterprise", "smb", "self-serve", "partner"].map(|id| lane(id, "", &[])).to_vec()
}

fn invented() -> Vec<Lane> {
    vec![
        lane("lab", "microscopes, reagents and pipettes for laboratories", &[]),
        lane("clinic", "beds, lamps and chairs for clinics and doctors", &["a lamp for my practice"]),
    ]
}

fn host(settings: &str, lanes: Vec<Lane>) -> TestHost {
    let mut host = TestHost { settings: settings.to_owned(), lanes, embedding, ..TestHost::default() };
    let settings = lanewright_sdk::settings(&host).expect("settings that can be read");
    assert_eq!(StandardClassifier::check(&settings, &host.lanes), [], "settings without issues");
    host.prepared = StandardClassifier::prepare(&host, &settings, &host.lanes).expect("bytes");
    let again = StandardClassifier::prepare(&host, &settings, &host.lanes).expect("bytes");
    assert_eq!(host.prepared, again, "the same settings and lanes make the same bytes");
    host
}

fn lead(text: &str) -> Lead {
    Lead { id: "1".into(), source: "email".into(), text: text.into(), ..Lead::default() }
}

/// What every verdict has to be, whatever the text.
fn is_valid(host: &TestHost, lead: &Lead, policy: Policy) -> Verdict {
    let verdict = StandardClassifier::classify(host, lead, policy).expect("a verdict");
    let known = |id: &str| host.lanes.iter().any(|lane| lane.id == id);
    assert_eq!(verdict.ranking.len(), host.lanes.len());
    assert!(
        verdict
            .ranking
            .iter()
            .all(|r| known(&r.lane) && r.score.is_finite() && (0.0..=1.0).contains(&r.score))
    );
    assert!(verdict.ranking.iter().map(|r| r.score).sum::<f32>() <= 1.0);
    assert!(verdict.ranking.is_sorted_by(|a, b| a.score >= b.score));
    assert!((0.0..=100.0).contains(&verdict.intent));
    match &verdict.lane {
        Some(lane) => assert_eq!(*lane, verdict.ranking[0].lane),
        None => assert_eq!(policy, Policy::Strict),
    }
    for signal in &verdict.signals {
        let (start, end) = (signal.start as usize, signal.end as usize);
        assert!(start < end && lead.text.get(start..end).is_some(), "{signal:?} in {:?}", lead.text);
        assert!(!signal.kind.contains("seats-"), "{signal:?} is of the classifier's own bookkeeping");
    }
    assert!(!verdict.reason.is_empty() && verdict.reason.len() < 700, "{}", verdict.reason);
    verdict
}

#[test]
fn any_unicode_gets_a_verdict() {
    let hosts = [host("{}", standard()), host("{}", invented())];
    let texts = [
        String::new(),
        " \n\t".into(),
        "\u{0}\u{1}\u{fffd}".into(),
        "🤷‍♀️ 12 👩‍👩‍👧 seats".into(),
        "e\u{301}\u{301}\u{301} 40 usuarios".into(),
        "İ ß ŁÓDŹ Ǆ ﬁ 400 Leute".into(),
        "١٢٣ مستخدم 請問 300 人 の導入".into(),
        "𝟙𝟚𝟛 users, ½ user, ² seats".into(),
        "1,2,3,4,5.6.7.8 users 99999999999999999999999999 seats".into(),
        "$$$ €€ £5 ¥ ₹₹ 5€€ $1.2.3 k m 5k€".into(),
        "one hundred thousand million billion two users".into(),
        "10-20-30-40 users — 5–6 seats".into(),
        "’'’' don't l'équipe 'quoted' 12 of us".into(),
        "x".repeat(65_536),
        "9".repeat(65_536),
        "1 ".repeat(32_768),
        "seats ".repeat(10_900),
        "400 users. ".repeat(5_900),
        "é".repeat(32_768),
        "by the end of ".repeat(4_600),
    ];
    for host in &hosts {
        for text in &texts {
            for policy in [Policy::BestMatch, Policy::Strict] {
                let start = std::time::Instant::now();
                is_valid(host, &lead(text), policy);
                assert!(start.elapsed().as_millis() < 1000, "{} bytes took too long", text.len());
            }
        }
    }
}

#[test]
fn quotes_what_it_saw() {
    let own = r#"{"competitors": ["Acme CRM 3"], "products": ["Turbo"], "words": {"risk": ["old boiler"]}}"#;
    let host = host(own, standard());
    let check = |text: &str, kind: &str, expect: &[(&str, &str)]| {
        let lead = lead(text);
        let verdict = is_valid(&host, &lead, Policy::BestMatch);
        let found: Vec<(&str, &str)> = verdict
            .signals
            .iter()
            .filter(|signal| signal.kind == kind)
            .map(|signal| (&text[signal.start as usize..signal.end as usize], signal.value.as_str()))
            .collect();
        assert_eq!(found, expect, "{kind} in {text:?}");
    };
    check("We need SSO for 1,200 users in our company.", "seats", &[("1,200 users", "1200")]);
    check("We need SSO for 1,200 users in our company.", "security", &[("SSO", "SSO")]);
    check("A roll-out for 200-1500 users with an RFP.", "seats", &[("200-1500 users", "200-1500")]);
    check(
        "A demo and a quote for our 400-person company please, our team needs SSO",
        "seats",
        &[("400-person", "400")],
    );
    check("Price for our office, thirty of us would use it", "seats", &[("thirty of us", "30")]);
    check("Un devis pour 25 utilisateurs", "seats", &[("25 utilisateurs", "25")]);
    check("Angebot für 40 Nutzer bis Freitag", "deadline", &[("bis Freitag", "bis Freitag")]);
    check(
        "Can you send a quote by the end of March?",
        "deadline",
        &[("by the end of March", "by the end of March")],
    );
    check("We were acquired in April.", "deadline", &[]);
    check("We can spend up to $1,500 a month", "budget", &[("up to $1,500 a month", "1500 USD/month")]);
    check("We compare you with Power BI", "competitor", &[("Power BI", "Power BI")]);
    check("We left ACME CRM 3 last year", "competitor", &[("ACME CRM 3", "Acme CRM 3")]);
    check("Is Turbo in it?", "product", &[("Turbo", "Turbo")]);
    check("There is an old boiler here", "risk", &[("old boiler", "old boiler")]);
}

#[test]
fn a_lane_of_the_tenants_own_is_found_by_its_definition() {
    let host = host("{}", invented());
    let verdict = is_valid(&host, &lead("pipettes and reagents"), Policy::BestMatch);
    assert_eq!(verdict.lane.as_deref(), Some("lab"));
}

#[test]
fn eight_examples_teach_a_lane() {
    let examples = |word: &str| (0..8).map(|n| format!("{word} please number {n}")).collect::<Vec<_>>();
    let (red, blue) = (examples("crimson"), examples("azure"));
    let texts = |all: &[String]| lane("x", "", &all.iter().map(String::as_str).collect::<Vec<_>>()).examples;
    let lanes = vec![
        Lane { examples: texts(&red), ..lane("one", "", &[]) },
        Lane { examples: texts(&blue), ..lane("two", "", &[]) },
    ];
    let host = host("{}", lanes);
    let verdict = is_valid(&host, &lead("azure please"), Policy::BestMatch);
    assert_eq!(verdict.lane.as_deref(), Some("two"));
}

#[test]
fn standard_and_own_lanes_stand_side_by_side() {
    let mut lanes = standard();
    lanes.extend(invented());
    let host = host("{}", lanes);
    is_valid(&host, &lead("we would like to resell your product to our clients"), Policy::Strict);
    let renamed = r#"{"standard_lanes": {"partner": "lab"}}"#;
    let host = self::host(renamed, invented());
    is_valid(&host, &lead("pipettes"), Policy::BestMatch);
}

#[test]
fn wrong_settings_are_told_with_their_place() {
    let check = |settings: &str, expect: &[&str]| {
        let settings = serde_json::from_str(settings).expect("settings that can be read");
        let paths: Vec<String> =
            StandardClassifier::check(&settings, &standard()).into_iter().map(|issue| issue.path).collect();
        assert_eq!(paths, expect);
    };
    check("{}", &[]);
    check(r#"{"high": 2}"#, &["/high"]);
    check(r#"{"high": 0.2}"#, &["/high"]);
    check(
        r#"{"standard_lanes": {"big": "smb", "smb": "nobody"}}"#,
        &["/standard_lanes/big", "/standard_lanes/smb"],
    );
    check(r#"{"competitors": ["fine", "???"]}"#, &["/competitors/1"]);
    check(r#"{"words": {"a/b": ["…"]}}"#, &["/words/a~1b/0"]);
    let unknown = serde_json::from_str::<lanewright_classifier::Settings>(r#"{"hihg": 1}"#);
    assert!(unknown.is_err_and(|error| error.to_string().contains("hihg")));
    let schema: serde_json::Value = serde_json::from_str(&StandardClassifier::schema()).expect("JSON");
    assert_eq!(schema["properties"].as_object().map(serde_json::Map::len), Some(8));
}

#[test]
fn bytes_of_another_version_are_the_plugins_fault() {
    for prepared in [Vec::new(), b"LWCP9\0\0\0".to_vec(), b"LWCP1\0\0\0\0".to_vec()] {
        let host = TestHost { prepared, embedding, lanes: standard(), ..TestHost::default() };
        let answer = StandardClassifier::classify(&host, &lead("hello"), Policy::BestMatch);
        assert!(matches!(answer, Err(Failure::Internal(_))), "{answer:?}");
    }
}

#[test]
fn another_text_model_is_told() {
    let host = TestHost { lanes: invented(), ..TestHost::default() };
    let settings = lanewright_sdk::settings(&host).expect("settings");
    let answer = StandardClassifier::prepare(&host, &settings, &host.lanes);
    assert!(matches!(answer, Err(Failure::Internal(told)) if told.contains("dimensions")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_text_gets_a_valid_verdict(
        words in proptest::collection::vec(
            prop_oneof![
                "\\PC{0,12}",
                "[0-9]{1,7}[,.]?[0-9]{0,3}(k|m|th|%|€)?",
                proptest::sample::select(vec![
                    "users", "of", "us", "by", "the", "end", "march", "$", "€", "-", "–", ".", "\n", "team", "sso",
                    "hundred", "two", "and", "usd", "before", "friday", "just", "me", "resell", "é", "…", "'",
                ]).prop_map(str::to_owned),
            ],
            0..40,
        ),
        title in proptest::option::of("\\PC{0,20}"),
        employees in proptest::option::of(any::<u32>()),
    ) {
        thread_local! {
            static HOSTS: [TestHost; 2] = [host("{}", standard()), host("{}", invented())];
        }
        let mut lead = lead(&words.join(" "));
        lead.contact.title = title;
        lead.company.employees = employees;
        HOSTS.with(|hosts| {
            for host in hosts {
                is_valid(host, &lead, Policy::BestMatch);
                is_valid(host, &lead, Policy::Strict);
            }
        });
    }
}
