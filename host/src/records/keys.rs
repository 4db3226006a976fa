//! What people and companies are told apart by: texts in, keys out. Two with the same key are the same.
//!
//! Keys are for comparing, never for showing. Upper and lower case, accents and punctuation do not count;
//! of a company's name its legal form does not count either, and of an address only the part that somebody
//! registered, where that is not a provider of mail for anybody.

use std::collections::HashSet;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Legal forms as [`fold`] leaves them; where one ends with another, both are cut off.
const LEGAL_FORMS: &[&str] = &[
    // Anywhere in English
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "co",
    "company",
    "ltd",
    "limited",
    "llc",
    "llp",
    "lp",
    "plc",
    "pty",
    "pte",
    "pvt",
    "private limited",
    "pbc",
    // German
    "gmbh",
    "ggmbh",
    "mbh",
    "ag",
    "kg",
    "kgaa",
    "ohg",
    "gbr",
    "ug",
    "haftungsbeschrankt",
    "se",
    "eg",
    "ev",
    // Romance
    "sa",
    "sas",
    "sasu",
    "sarl",
    "sa rl",
    "eurl",
    "sci",
    "snc",
    "srl",
    "srls",
    "spa",
    "sl",
    "slu",
    "sau",
    "sca",
    "sab",
    "de cv",
    "sapi",
    "lda",
    "unipessoal",
    "unipessoal lda",
    "ltda",
    "eireli",
    "me",
    // Dutch and Nordic
    "bv",
    "nv",
    "bvba",
    "vof",
    "cv",
    "ab",
    "as",
    "asa",
    "aps",
    "a s",
    "oy",
    "oyj",
    "hf",
    "ehf",
    // Further east
    "sp z oo",
    "sro",
    "zrt",
    "kft",
    "nyrt",
    "bt",
    "doo",
    "dd",
    "ood",
    "eood",
    "ad",
    "uab",
    "sia",
    "ou",
    "ooo",
    "oao",
    "pao",
    "zao",
    "anonim sirketi",
    "limited sirketi",
    "sti",
    // Asia
    "kk",
    "kabushiki kaisha",
    "gk",
    "yk",
    "bhd",
    "sdn bhd",
    "tbk",
    "jsc",
];

/// Words that stand between a name and its form, as in "Roth & Co.".
const JOINTS: &[&str] = &["and", "und", "et", "e", "y", "i"];

/// A company's key: "ACME, Inc." and "Acme" are one. `None` where nothing is left to go by.
pub fn company_key(name: &str) -> Option<String> {
    let mut key = fold(name)?;
    let shorter = |key: &str| {
        let (rest, last) = key.rsplit_once(' ')?;
        if JOINTS.contains(&last) {
            return Some(rest.len());
        }
        let form = |form: &&str| key.strip_suffix(*form).and_then(|rest| rest.strip_suffix(' '));
        LEGAL_FORMS.iter().filter_map(form).map(str::len).min()
    };
    while let Some(length) = shorter(&key) {
        key.truncate(length);
    }
    Some(key)
}

/// A person's key: "José  DA SILVA" and "Jose da Silva" are one.
pub fn person_key(name: &str) -> Option<String> {
    fold(name)
}

/// The company's domain as an address tells it; `None` where it is a provider's.
pub fn company_domain_of(email: &str) -> Option<String> {
    let (_, host) = email.rsplit_once('@')?;
    registrable(host).filter(|domain| !is_free_mail(domain))
}

/// The part of a host that somebody registered, in lower case and ASCII; `None` for addresses, bare names
/// and public suffixes. A top-level domain that is not on the public suffix list counts as one suffix.
pub fn registrable(host: &str) -> Option<String> {
    let url::Host::Domain(host) = url::Host::parse(host).ok()? else { return None };
    psl::domain_str(host.trim_end_matches('.')).map(str::to_owned)
}

/// Whether a registrable domain is a provider of mail for anybody, and so says nothing about a company.
pub fn is_free_mail(domain: &str) -> bool {
    static PROVIDERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
        // One a line, `#` begins a note.
        let entry = |line: &'static str| line.split('#').next().unwrap_or_default().trim();
        include_str!("free-mail.txt").lines().map(entry).filter(|entry| !entry.is_empty()).collect()
    });
    PROVIDERS.contains(domain)
}

/// Words in one case, without accents and punctuation; initials stand together, so that "S. A." is "SA".
fn fold(text: &str) -> Option<String> {
    // Through upper case, where ß is SS; the capital ẞ has a small letter only.
    let text = text.nfkd().collect::<String>().to_uppercase();
    // Marks of other scripts, such as vowels, are letters; only what sits on Latin, Greek and Cyrillic goes.
    let text: String = text.nfkd().filter(|c| !('\u{300}'..='\u{36F}').contains(c)).collect();
    let text = text.to_lowercase().replace('ς', "σ").replace('ß', "ss");
    let mut words = String::new();
    let mut initials = false;
    let separate = |c: char| !(c.is_alphanumeric() || is_combining_mark(c) || ".'’`".contains(c));
    for word in text.split(separate) {
        let word: String = word.chars().filter(|c| !".'’`".contains(*c)).collect();
        if word.is_empty() {
            continue;
        }
        let initial = word.chars().count() == 1;
        if !(words.is_empty() || initials && initial) {
            words.push(' ');
        }
        words.push_str(&word);
        initials = initial;
    }
    // Marks that came to stand together take their order.
    (!words.is_empty()).then(|| words.nfkd().collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn companies() {
        let check = |names: &[&str], expect: Option<&str>| {
            for name in names {
                assert_eq!(company_key(name).as_deref(), expect, "{name}");
            }
        };
        check(
            &["Acme", "ACME, Inc.", "acme inc", "Acme Corporation", "Acme & Co. Ltd.", "Acmé GmbH"],
            Some("acme"),
        );
        check(&["Roth GmbH & Co. KG", "Roth", "ROTH GmbH und Co KG", "Roth KGaA"], Some("roth"));
        check(
            &["Sol S.A.", "Sol SA", "SOL S. A.", "Sol, Lda", "Sol Unipessoal, Lda.", "Sol S.A. de C.V."],
            Some("sol"),
        );
        check(&["Lux S.à r.l.", "Lux SARL", "Lux SpA", "Lux S.p.A."], Some("lux"));
        check(&["Wisła Sp. z o.o.", "Wisła"], Some("wisła"));
        check(&["Nord A/S", "Nord AS", "Nord ApS", "Nord Oy", "NORD AB"], Some("nord"));
        check(&["Kuala Sdn. Bhd.", "Kuala Pte. Ltd."], Some("kuala"));
        check(&["L'Oréal", "L’OREAL S.A."], Some("loreal"));
        check(&["Straße AG", "STRASSE", "STRAẞE"], Some("strasse"));
        // A name that is nothing but a form is a name, and words inside stay.
        check(&["AG", "a.g."], Some("ag"));
        check(&["SE Software"], Some("se software"));
        check(&["株式会社"], Some("株式会社"));
        check(&["", " ", "-", "…"], None);
    }

    #[test]
    fn people() {
        let check =
            |name: &str, expect: Option<&str>| assert_eq!(person_key(name).as_deref(), expect, "{name}");
        check(" José  DA SILVA ", Some("jose da silva"));
        check("J. R. Ek", Some("jr ek"));
        check("Anne-Marie O'Neill", Some("anne marie oneill"));
        check("राम", person_key("राम").as_deref());
        assert_ne!(person_key("राम"), person_key("रम"));
        check("?", None);
    }

    #[test]
    fn domains() {
        let check = |email: &str, expect: Option<&str>| {
            assert_eq!(company_domain_of(email).as_deref(), expect, "{email}")
        };
        check("ana@mail.acme.co.uk", Some("acme.co.uk"));
        check("ana@gmail.com", None);
        check("ana@yahoo.co.uk", None);
        check("ana@localhost", None);
        check("ana", None);
    }

    proptest! {
        #[test]
        fn case_does_not_count(name in "\\PC{0,24}|[a-zA-ZÀ-ž ,.&'-]{0,24}") {
            // The iota below a Greek vowel becomes a letter beside it in capitals, which marks can then stand on.
            prop_assume!(!name.nfkd().any(|c| c == '\u{345}'));
            for key in [company_key, person_key] {
                prop_assert_eq!(key(&name), key(&name.to_uppercase()));
                prop_assert_eq!(key(&name), key(&name.to_lowercase()));
            }
        }

        #[test]
        fn a_key_is_its_own_key(name in "\\PC{0,24}|([a-z]{1,6} ){0,3}(inc|gmbh & co kg|s.a.)") {
            if let Some(key) = company_key(&name) {
                prop_assert_eq!(company_key(&key), Some(key));
            }
        }
    }
}
