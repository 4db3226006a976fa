//! Every file of `deploy/` names only keys, variables and flags that there are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::given::OTHERS;
use super::{Given, Settings, rows};

/// The files of `deploy/` by their paths below it.
fn files() -> BTreeMap<String, String> {
    fn walk(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                walk(root, &path, files)?;
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                files.insert(name, fs::read_to_string(&path)?);
            }
        }
        Ok(())
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let mut files = BTreeMap::new();
    walk(&root, &root, &mut files).unwrap();
    files
}

/// Lines that are no comments.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with('#'))
}

/// The number that stands behind these words.
#[track_caller]
fn number(text: &str, words: &str) -> u64 {
    let mut numbers = lines(text).filter_map(|line| line.strip_prefix(words)?.trim().parse().ok());
    numbers.next().unwrap_or_else(|| panic!("no {words:?}"))
}

#[test]
fn variables_are_known() {
    let mut found = 0;
    for (file, text) in files() {
        let words = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
        for word in words.filter(|word| word.starts_with("LANEWRIGHT_")) {
            let known = OTHERS.contains(&word) || rows().iter().any(|row| row.variable == word);
            assert!(known, "{file}: there is no variable {word}");
            found += 1;
        }
    }
    assert!(found >= 7, "variables are found");
}

#[test]
fn flags_and_verbs_are_known() {
    let known = |flag: &str| flag == "config" || rows().iter().any(|row| row.flag.as_deref() == Some(flag));
    let mut started = Vec::new();
    for (file, text) in files() {
        // What starts the program: a unit's and an image's command, a pod's arguments.
        let starts = |line: &&str| {
            ["ExecStart=", "CMD ", "ENTRYPOINT ", "- --"].iter().any(|start| line.starts_with(start))
        };
        for line in lines(&text).filter(starts) {
            started.push(file.clone());
            let words = line.split(|c: char| c.is_whitespace() || "[]\",=".contains(c));
            for flag in words.filter_map(|word| word.strip_prefix("--")) {
                assert!(known(flag), "{file}: there is no flag --{flag}");
            }
        }
        if text.contains("/usr/local/bin/lanewright") {
            assert!(text.contains("serve"), "{file} starts the service");
        }
    }
    started.dedup();
    assert_eq!(started, ["Containerfile", "kubernetes/deployment.yaml", "lanewright.service"]);
}

#[test]
fn the_pods_settings_are_right() {
    let text = &files()["kubernetes/deployment.yaml"];
    let (_, rest) = text.split_once("  lanewright.toml: |\n").unwrap();
    let block = rest.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
    let toml: Vec<&str> = block.map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    // The secrets stand where the pod's variables say; here they are files of ours.
    let secrets = &files()["kubernetes/secret.example.yaml"];
    let secret = |name: &str| {
        let mut values = lines(secrets).filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        values.next().unwrap_or_else(|| panic!("no secret {name}"))
    };
    let variables = [
        ("LANEWRIGHT_DATABASE_FILE", write("database", secret("database"))),
        ("LANEWRIGHT_SMTP_URL_FILE", write("smtp", secret("smtp"))),
        ("LANEWRIGHT_SECRETS_KEY_FILE", write("key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")),
    ];
    for (name, _) in &variables {
        assert!(text.contains(name), "the pod gives {name}");
    }
    let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let file = Some(write("lanewright.toml", &toml.join("\n")));
    let settings = Settings::load(&Given { file, variables, flags: vec![] });
    let settings = settings.unwrap_or_else(|problems| panic!("{:#?}", problems.0));

    let mut ports = lines(text).filter_map(|line| line.strip_prefix("containerPort: ")?.parse::<u16>().ok());
    assert_eq!(ports.next(), Some(settings.listen.port()));
    assert_eq!(ports.next(), settings.metrics_listen.map(|listen| listen.port()));
    let sleep = number(text, "seconds:");
    let grace = number(text, "terminationGracePeriodSeconds:");
    assert!(grace > sleep + settings.drain.as_secs(), "a pod is killed before it is drained");
    let probes: Vec<&str> = lines(text).filter_map(|line| line.strip_prefix("path: ")).collect();
    assert_eq!(probes, ["/livez", "/readyz", "/livez"]);
}

#[test]
fn the_unit_drains_and_may_compile() {
    let text = &files()["lanewright.service"];
    let settings = Settings::load(&Given::default()).unwrap();
    assert!(number(text, "TimeoutStopSec=") > settings.drain.as_secs(), "it is killed before it is drained");
    let says = |line: &str| assert!(lines(text).any(|other| other == line), "the unit has no {line}");
    says("MemoryDenyWriteExecute=no");
    says("StateDirectory=lanewright");
    says("DynamicUser=yes");
}
