use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::pipeline::fixture;
use crate::plugin::visible_text;

fn now() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

/// A message with one part: the lead's part at the same path as JSON, or what was reported.
fn check(path: &str, part: Json, expect: Result<Json, &str>) {
    let pointer = format!("/{}", path.replace('.', "/"));
    let mut message = json!({"id": "1", "text": "hello", "contact": {}, "company": {}, "fields": {}});
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    message.pointer_mut(parent).unwrap()[name] = part.clone();
    let found = normalise(&message, &fixture::config(), now()).unwrap();
    let lead = serde_json::to_value(&found.lead).unwrap();
    let reported: Vec<(&str, &str)> =
        found.dropped.iter().map(|dropped| (&*dropped.field, &*dropped.problem)).collect();
    match expect {
        Ok(expect) => {
            assert_eq!(lead.pointer(&pointer), Some(&expect), "{path}: {part}");
            assert_eq!(reported, [], "{path}: {part}");
        }
        Err(problem) => {
            assert_eq!(reported, [(path, problem)], "{path}: {part}");
            assert!(lead.pointer(&pointer).is_none_or(|part| part.is_null() || part == "unknown"), "{lead}");
        }
    }
}

#[test]
fn plain_texts() {
    check("text", json!("  two\nlines \u{0}"), Ok(json!("two\nlines")));
    check("source", json!(" Demo Request"), Ok(json!("demo-request")));
    check("source", json!("PARTNER_referral"), Ok(json!("partner-referral")));
    check("source", json!(["web"]), Err("expected text, found a list"));
    check("contact.name", json!(" Ana\t\u{7} da  Silva\u{0}"), Ok(json!("Ana da Silva")));
    check("contact.name", json!(""), Ok(Json::Null));
    check("contact.name", Json::Null, Ok(Json::Null));
    check("contact.title", json!(7), Err("expected text, found 7"));
    check("contact.title", json!("x".repeat(1025)), Err("expected at most 1024 bytes, found 1025"));
    check("company.industry", json!("Financial  Services"), Ok(json!("financial services")));
}

#[test]
fn emails() {
    check("contact.email", json!(" Ana.Silva@Acme.Example "), Ok(json!("ana.silva@acme.example")));
    check("contact.email", json!("ana"), Err("expected an e-mail address, found \"ana\""));
    check(
        "contact.email",
        json!("ana@localhost"),
        Err("expected an e-mail address, found \"ana@localhost\""),
    );
    check(
        "contact.email",
        json!("Ana <ana@acme.example>"),
        Err("expected an e-mail address, found \"Ana <ana@acme.example>\""),
    );
}

#[test]
fn domains() {
    let wrong = |part: &str, problem: &str| {
        check("company.domain", json!(part), Err(problem));
    };
    for (part, domain) in [
        ("acme.example", "acme.example"),
        ("https://www.Acme.co.uk/x?y#z", "acme.co.uk"),
        ("http://shop.acme.com.br:8080", "acme.com.br"),
        ("ACME.DE.", "acme.de"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("//acme.example", "acme.example"),
    ] {
        check("company.domain", json!(part), Ok(json!(domain)));
    }
    wrong("n/a", "expected a domain such as example.com, found \"n/a\"");
    wrong("co.uk", "expected a domain such as example.com, found \"co.uk\"");
    wrong("10.0.0.1", "expected a domain such as example.com, found \"10.0.0.1\"");
    wrong("ana@acme.example", "expected a domain such as example.com, found \"ana@acme.example\"");
    wrong("ftp://acme.example", "expected a domain such as example.com, found \"ftp://acme.example\"");
    wrong("Gmail.com", "gmail.com is a mail provider and says nothing about the company");
}

#[test]
fn a_domain_comes_from_the_address_where_nothing_else_names_it() {
    let check = |domain: Option<&str>, email: &str, expect: Option<&str>| {
        let message = json!({"id": "1", "contact": {"email": email}, "company": {"domain": domain}});
        let found = normalise(&message, &fixture::config(), now()).unwrap().lead.company.domain;
        assert_eq!(found.as_deref(), expect, "{domain:?} {email}");
    };
    check(None, "ana@mail.acme.co.uk", Some("acme.co.uk"));
    check(Some("acme.example"), "ana@other.example", Some("acme.example"));
    check(Some("n/a"), "ana@acme.example", Some("acme.example"));
    check(None, "ana@gmail.com", None);
    check(None, "ana@yahoo.co.uk", None);
}

#[test]
fn phones() {
    check("contact.phone", json!("+351 21 000 00 00"), Ok(json!("+351210000000")));
    check("contact.phone", json!("21 000 00 00"), Ok(json!("+351210000000")));
    check(
        "contact.phone",
        json!("(020) 7946 0958"),
        Err("expected a phone number with its country code or of PT, found \"(020) 7946 0958\""),
    );
    check(
        "contact.phone",
        json!("call me"),
        Err("expected a phone number with its country code or of PT, found \"call me\""),
    );
    let message = json!({"id": "1", "contact": {"phone": "(020) 7946 0958"}, "company": {"country": "gb"}});
    let found = normalise(&message, &fixture::config(), now()).unwrap();
    assert_eq!(found.lead.contact.phone.as_deref(), Some("+442079460958"), "{:?}", found.dropped);
}

#[test]
fn places() {
    check("company.country", json!(" pt "), Ok(json!("PT")));
    check(
        "company.country",
        json!("UK"),
        Err(
            "expected a country's two letters in ISO 3166, such as PT, found \"UK\"; the United Kingdom is GB",
        ),
    );
    check(
        "company.country",
        json!("PRT"),
        Err("expected a country's two letters in ISO 3166, such as PT, found \"PRT\""),
    );
    check("company.region", json!("us-ca"), Ok(json!("US-CA")));
    for region in ["CA", "US-", "US-CALI", "XX-1"] {
        let problem = format!("expected a region in ISO 3166-2, such as US-CA, found \"{region}\"");
        check("company.region", json!(region), Err(&problem));
    }
    let check = |country: &str, region: &str, expect: (Option<&str>, Option<&str>), reported: usize| {
        let message = json!({"id": "1", "company": {"country": country, "region": region}});
        let found = normalise(&message, &fixture::config(), now()).unwrap();
        let company = &found.lead.company;
        assert_eq!((company.country.as_deref(), company.region.as_deref()), expect);
        assert_eq!(found.dropped.len(), reported, "{:?}", found.dropped);
    };
    check("US", "US-CA", (Some("US"), Some("US-CA")), 0);
    check("DE", "US-CA", (Some("DE"), None), 1);
    check("", "US-CA", (Some("US"), Some("US-CA")), 0);
    check("Germany", "DE-BY", (Some("DE"), Some("DE-BY")), 1);
}

#[test]
fn languages_and_zones() {
    check("contact.language", json!("PT_br"), Ok(json!("pt-BR")));
    check("contact.language", json!("zh-Hant-TW"), Ok(json!("zh-Hant-TW")));
    for tag in ["Portuguese please", "und", "p"] {
        let problem = format!("expected a language in BCP 47, such as pt-BR, found \"{tag}\"");
        check("contact.language", json!(tag), Err(&problem));
    }
    check("contact.timezone", json!("europe/lisbon"), Ok(json!("Europe/Lisbon")));
    for name in ["Lisbon", "../../etc/passwd", "+01:00"] {
        let problem = format!("expected a time zone such as Europe/Lisbon, found \"{name}\"");
        check("contact.timezone", json!(name), Err(&problem));
    }
}

#[test]
fn numbers() {
    check("company.employees", json!(40), Ok(json!(40)));
    check("company.employees", json!(40.0), Ok(json!(40)));
    check("company.employees", json!("lots"), Err("expected a whole number of people, found \"lots\""));
    for number in [json!(-1), json!(2.5), json!(5_000_000_000_u64), json!(1e300)] {
        let problem = format!("expected a whole number of people, found {number}");
        check("company.employees", number, Err(&problem));
    }
    check("value", json!(50_000), Ok(json!(50_000.0)));
    check("value", json!(-0.0), Ok(json!(0.0)));
    check("value", json!(-1), Err("expected an amount of at least 0 as a number, found -1"));
    check(
        "company.revenue",
        json!("1.000"),
        Err("expected an amount of at least 0 as a number, found \"1.000\""),
    );
}

#[test]
fn times() {
    check("received_at", json!("2026-01-05T09:00:00+01:00"), Ok(json!("2026-01-05T08:00:00Z")));
    check("received_at", Json::Null, Ok(json!("2026-03-02T10:00:00Z")));
    for time in ["yesterday", "1969-12-31T23:59:59Z"] {
        let message = json!({"id": "1", "text": "hi", "received_at": time});
        let found = normalise(&message, &fixture::config(), now()).unwrap();
        assert_eq!(found.lead.received_at, now());
        let problem = format!("expected a time such as 2026-03-02T10:00:00Z, found \"{time}\"");
        assert_eq!(found.dropped, [Dropped { field: "received_at".to_owned(), problem }]);
    }
}

#[test]
fn lists_and_fields() {
    check(
        "products",
        json!(["Analytics", " analytics ", "Platform", ""]),
        Ok(json!(["analytics", "platform"])),
    );
    let list = |part: Json, field: &str, problem: &str, products: &[&str]| {
        let found = normalise(&json!({"id": "1", "text": "hi", "products": part}), &fixture::config(), now());
        let found = found.unwrap();
        assert_eq!(found.dropped, [Dropped { field: field.to_owned(), problem: problem.to_owned() }]);
        assert_eq!(found.lead.products, products);
    };
    list(json!("analytics"), "products", "expected a list of names, found \"analytics\"", &[]);
    list(json!([1, "platform"]), "products[0]", "expected text, found 1", &["platform"]);

    check("fields.plan", json!("2026-03-02T10:00:00Z"), Ok(json!({"text": "2026-03-02T10:00:00Z"})));
    check("fields.seats", json!(40), Ok(json!({"number": 40.0})));
    check("fields.trial", json!(true), Ok(json!({"flag": true})));
    check("fields.tools", json!(["a", "b"]), Ok(json!({"texts": ["a", "b"]})));
    let shapes = "expected text, a number, true, false or a list of texts, found an object";
    check("fields.nested", json!({"a": 1}), Err(shapes));
    check(
        "fields.mixed",
        json!(["a", 1]),
        Err("expected a list of texts, found a list with something else in it"),
    );
}

#[test]
fn what_no_lead_has_is_reported() {
    let nobody = "no lead has this; custom fields belong into `fields`";
    let message = json!({"id": "1", "text": "hi", "lane": "smb", "note": null, "contact": {"fax": 1}});
    let found = normalise(&message, &fixture::config(), now()).unwrap();
    let reported: Vec<_> = found.dropped.iter().map(|dropped| (&*dropped.field, &*dropped.problem)).collect();
    assert_eq!(reported, [("lane", nobody), ("contact.fax", nobody)]);

    let mut message = Map::from_iter((0..500).map(|i| (format!("x{i}"), json!(1))));
    message.insert("id".to_owned(), json!(1));
    message.insert("text".to_owned(), json!("hi"));
    let found = normalise(&Json::Object(message), &fixture::config(), now()).unwrap();
    assert_eq!(found.dropped.len(), MAX_REPORTS + 1);
    assert_eq!(found.dropped[MAX_REPORTS].problem, "400 more parts were dropped");
}

#[test]
fn refusals() {
    let check = |message: Json, expect: Refusal| {
        let found = normalise(&message, &fixture::config(), now());
        assert_eq!(found, Err(expect.clone()), "{message}");
        assert!(!expect.hint().is_empty());
    };
    check(json!([1]), Refusal::NotAnObject { found: "a list".to_owned() });
    check(Json::Null, Refusal::NotAnObject { found: "nothing".to_owned() });
    check(json!({"text": "hi"}), Refusal::NoId);
    check(json!({"id": " ", "text": "hi"}), Refusal::NoId);
    check(json!({"id": 1.5, "text": "hi"}), Refusal::IdShape { found: "1.5".to_owned() });
    check(json!({"id": "a\nb", "text": "hi"}), Refusal::BadId(IdError::Character('\n')));
    check(json!({"id": "x".repeat(129), "text": "hi"}), Refusal::BadId(IdError::TooLong(129)));
    check(json!({"id": "1", "text": " \u{0} ", "contact": {"name": "Ana"}}), Refusal::Nothing);
    check(json!({"id": "1", "contact": {"email": "nonsense"}}), Refusal::Nothing);
    for enough in [
        json!({"text": "hi"}),
        json!({"contact": {"email": "a@b.example"}}),
        json!({"company": {"name": "b"}}),
    ] {
        let mut message = enough;
        message["id"] = json!(17);
        let found = normalise(&message, &fixture::config(), now()).unwrap();
        assert_eq!(found.lead.id.as_str(), "17");
    }
}

#[test]
fn accounts_are_found_by_domain() {
    let check = |email: &str, expect: Option<&str>| {
        let message = json!({"id": "1", "contact": {"email": email}});
        let found = normalise(&message, &fixture::config(), now()).unwrap();
        assert_eq!(found.account.as_deref(), expect);
    };
    check("bo@mail.named.example", Some("named.example"));
    check("bo@stranger.example", None);
}

#[test]
fn long_texts() {
    let check = |bytes: usize, kept: usize, visible: usize| {
        // Two bytes a character, behind one of one byte: every even cut is inside a character.
        let text = format!("x{}", "é".repeat(bytes / 2));
        let found = normalise(&json!({"id": "1", "text": text}), &fixture::config(), now()).unwrap();
        assert_eq!(found.lead.text.len(), kept);
        assert_eq!(visible_text(&found.lead.text).len(), visible);
        assert_eq!(found.dropped.is_empty(), text.len() == kept, "{:?}", found.dropped);
    };
    check(10, 11, 11);
    check(1 << 17, (1 << 17) + 1, (64 << 10) - 1);
    check((1 << 20) - 2, (1 << 20) - 1, (64 << 10) - 1);
    check(1 << 21, (1 << 20) - 1, (64 << 10) - 1);
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
        "[+0-9 ()./-]{0,30}".prop_map(Json::from),
        "[a-z0-9.@:/_-]{0,30}".prop_map(Json::from),
        "[A-Z]{2}(-[A-Z0-9]{1,3})?".prop_map(Json::from),
        Just(json!("US")),
        Just(json!("ana@acme.example")),
    ];
    leaf.prop_recursive(3, 40, 6, |inner| {
        let names = prop_oneof![
            any::<String>(),
            prop::sample::select(vec![
                "id",
                "source",
                "received_at",
                "text",
                "contact",
                "company",
                "products",
                "value",
                "fields",
                "name",
                "email",
                "phone",
                "title",
                "language",
                "timezone",
                "domain",
                "industry",
                "employees",
                "revenue",
                "country",
                "region",
            ])
            .prop_map(str::to_owned),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec((names, inner), 0..12)
                .prop_map(|parts| Json::Object(parts.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn nothing_makes_it_panic(
        message in any_json(), contact in any_json(), company in any_json(), whole in any::<bool>(),
    ) {
        let mut message = message;
        if whole && let Json::Object(message) = &mut message {
            message.insert("id".to_owned(), json!("1"));
            message.insert("contact".to_owned(), contact);
            message.insert("company".to_owned(), company);
        }
        if let Ok(found) = normalise(&message, &fixture::config(), now()) {
            // A lead in its proper form stays as it is.
            let mut lead = serde_json::to_value(&found.lead).unwrap();
            lead["fields"] = json!({});
            let again = normalise(&lead, &fixture::config(), now());
            let expect = Lead { fields: BTreeMap::new(), ..found.lead };
            prop_assert_eq!(again.map(|again| (again.lead, again.dropped)), Ok((expect, vec![])));
        }
    }

    #[test]
    fn any_phone_is_read_or_reported(
        number in prop_oneof!["[+0-9 ()./-]{0,40}", any::<String>()],
        home in prop::option::of("[A-Z]{2}"),
    ) {
        let read = parts::phone(&json!(number), home.as_deref());
        prop_assert!(read.is_err() || read.is_ok_and(|number| number.starts_with('+')));
    }
}
