//! What the machine needs, and how to add what it lacks.
//!
//! [`NEEDS`] is the whole list: a further need is a further row. With everything there this is quiet and
//! instant. What is missing is installed where that is possible without asking (Debian packages as root,
//! parts of the toolchain through rustup); otherwise the exact command is told and setup fails. Nothing is
//! ever skipped; what only tests take is not asked of who only builds.

use anyhow::{Context, Result, bail};

use crate::postgres;
use crate::run::{Run, program};

/// Something that must be on the machine.
struct Need {
    name: &'static str,
    /// What would not work without it.
    why: &'static str,
    /// What takes it.
    takes: Work,
    /// Whether it is there.
    seen: fn() -> bool,
    /// How it gets there.
    get: Get,
}

/// What a machine is used for; whoever tests builds as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Work {
    /// Programs and plugins are built and run.
    Build,
    /// All tests run.
    Test,
}

/// How a missing thing is added.
enum Get {
    /// A part of the Rust toolchain.
    Rustup(&'static [&'static str]),
    /// Packages of Debian and its descendants, with options of `apt-get` for when nobody is asked.
    Debian { packages: &'static [&'static str], options: &'static [&'static str] },
}

const NEEDS: [Need; 7] = [
    Need {
        name: "a C compiler",
        why: "dependencies with parts in C, and linking",
        takes: Work::Build,
        seen: || program("cc", &["--version"]).asked().is_some(),
        get: Get::Debian { packages: &["gcc", "libc6-dev"], options: &[] },
    },
    Need {
        name: "the target wasm32-unknown-unknown",
        why: "plugins are compiled for it",
        takes: Work::Build,
        seen: wasm_target,
        get: Get::Rustup(&["target", "add", "wasm32-unknown-unknown"]),
    },
    Need {
        name: "PostgreSQL's server",
        why: "the store is tested on a cluster that is made for it",
        takes: Work::Test,
        seen: || postgres::bin().is_some(),
        get: Get::Debian { packages: &["postgresql"], options: &NO_CLUSTER },
    },
    Need {
        name: "a registry",
        why: "plugins are pushed to it and pulled from it in tests that start their own",
        takes: Work::Test,
        seen: || program("docker-registry", &["--version"]).asked().is_some(),
        get: Get::Debian { packages: &["docker-registry"], options: &NO_REGISTRY },
    },
    Need {
        name: "Node.js 20 with npm",
        why: "plugins in JavaScript and TypeScript are built by the tests",
        takes: Work::Test,
        seen: node,
        get: Get::Debian { packages: &["nodejs", "npm"], options: &[] },
    },
    Need {
        name: "Python with venv",
        why: "plugins in Python are built by the tests",
        takes: Work::Test,
        seen: || program("python3", &["-c", "import venv, ensurepip"]).asked().is_some(),
        get: Get::Debian { packages: &["python3", "python3-venv"], options: &[] },
    },
    Need {
        name: "clang for WebAssembly",
        why: "plugins in C are built by the tests",
        takes: Work::Test,
        seen: clang,
        get: Get::Debian { packages: &["clang", "lld", "wasi-libc", "libclang-rt-dev-wasm32"], options: &[] },
    },
];

/// Debian's package would also serve, now and with the machine. The first is forbidden while it is installed, as
/// the policy of services has it; the second is taken back.
const NO_REGISTRY: [&str; 4] = [
    "-o",
    "DPkg::Pre-Invoke::=test -e /usr/sbin/policy-rc.d || \
     { printf '#!/bin/sh\\n# lanewright\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d; }",
    "-o",
    "DPkg::Post-Invoke::=grep -qs '^# lanewright' /usr/sbin/policy-rc.d && rm /usr/sbin/policy-rc.d; \
     update-rc.d docker-registry disable >/dev/null 2>&1; \
     deb-systemd-helper disable docker-registry.service >/dev/null 2>&1; true",
];

/// With its linker, the C library and what compiled code calls: it makes a module of nothing.
fn clang() -> bool {
    let module = "clang --target=wasm32-wasi -mexec-model=reactor -include stdlib.h -x c /dev/null -o -";
    let words: Vec<&str> = module.split_whitespace().collect();
    program(words[0], &words[1..]).asked().is_some()
}

fn node() -> bool {
    let version = program("node", &["--version"]).asked().unwrap_or_default();
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    major.is_some_and(|major: u32| major >= 20) && program("npm", &["--version"]).asked().is_some()
}

/// Debian's package would also make a cluster and start it, now and with the machine. Its own setting says
/// no, and only while it is installed.
const NO_CLUSTER: [&str; 4] = [
    "-o",
    "DPkg::Pre-Invoke::=mkdir -p /etc/postgresql-common/createcluster.d && \
     echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/lanewright.conf",
    "-o",
    "DPkg::Post-Invoke::=rm -f /etc/postgresql-common/createcluster.d/lanewright.conf",
];

/// Adds what the machine lacks for some work.
pub(crate) fn run(work: Work) -> Result<()> {
    let missing: Vec<&Need> =
        NEEDS.iter().filter(|need| need.takes <= work).filter(|need| !(need.seen)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let machine = Machine::here();
    for need in missing {
        eprintln!("missing: {} ({})", need.name, need.why);
        match plan(&need.get, machine) {
            Plan::Tell(command) => bail!("{} is missing; install it with\n\n    {command}\n", need.name),
            Plan::Run(commands) => install(commands).with_context(|| format!("cannot add {}", need.name))?,
        }
        if !(need.seen)() {
            bail!("{} is still missing after it was installed", need.name);
        }
    }
    Ok(())
}

/// What can be done here without asking.
#[derive(Debug, Clone, Copy)]
struct Machine {
    root: bool,
    apt: bool,
    rustup: bool,
}

impl Machine {
    fn here() -> Self {
        Self {
            root: program("id", &["-u"]).asked().is_some_and(|id| id.trim() == "0"),
            apt: program("apt-get", &["--version"]).asked().is_some(),
            rustup: program("rustup", &["--version"]).asked().is_some(),
        }
    }
}

/// What to do about a missing thing.
#[derive(Debug, PartialEq)]
enum Plan {
    /// Commands in order.
    Run(Vec<Vec<&'static str>>),
    /// A command for the person.
    Tell(String),
}

fn plan(get: &Get, machine: Machine) -> Plan {
    match get {
        Get::Rustup(arguments) if machine.rustup => Plan::Run(vec![[&["rustup"], *arguments].concat()]),
        Get::Rustup(arguments) => Plan::Tell(format!(
            "rustup {}\n\n(rustup itself comes from https://rustup.rs; with another toolchain, install its package for that)",
            arguments.join(" ")
        )),
        Get::Debian { packages, options } if machine.apt && machine.root => Plan::Run(vec![
            // A fresh machine has no list of packages yet.
            vec!["apt-get", "update", "--quiet"],
            [&["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"], *options, *packages]
                .concat(),
        ]),
        Get::Debian { packages, .. } if machine.apt => {
            Plan::Tell(format!("sudo apt-get install --yes {}", packages.join(" ")))
        }
        Get::Debian { packages, .. } => Plan::Tell(format!(
            "apt-get install --yes {}\n\n(the names are Debian's; other systems have the same under their own)",
            packages.join(" ")
        )),
    }
}

fn install(commands: Vec<Vec<&str>>) -> Result<()> {
    commands
        .into_iter()
        .filter_map(|command| command.split_first().map(|(name, rest)| program(name, rest)))
        .try_for_each(|run: Run| run.env("DEBIAN_FRONTEND", "noninteractive").shown())
}

/// The compiler knows where a target's library would be; with rustup or without it.
fn wasm_target() -> bool {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    program(&rustc, &["--print", "target-libdir", "--target", "wasm32-unknown-unknown"])
        .asked()
        .is_some_and(|folder| std::path::Path::new(folder.trim()).is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WASM: Get = Get::Rustup(&["target", "add", "wasm32-unknown-unknown"]);
    const GCC: Get = Get::Debian { packages: &["gcc", "libc6-dev"], options: &[] };
    const POSTGRES: Get = Get::Debian { packages: &["postgresql"], options: &["-o", "no-cluster"] };

    fn check(get: Get, [root, apt, rustup]: [bool; 3], expect: &str) {
        let told = match plan(&get, Machine { root, apt, rustup }) {
            Plan::Run(commands) => commands.iter().map(|c| format!("run {}\n", c.join(" "))).collect(),
            Plan::Tell(command) => format!("tell {}\n", command.lines().next().unwrap_or_default()),
        };
        assert_eq!(told, expect);
    }

    #[test]
    fn installs_where_it_may_and_tells_where_it_may_not() {
        let apt = "run apt-get update --quiet\n\
                   run apt-get install --yes --quiet --no-install-recommends gcc libc6-dev\n";
        check(GCC, [true, true, false], apt);
        check(GCC, [false, true, true], "tell sudo apt-get install --yes gcc libc6-dev\n");
        check(GCC, [true, false, true], "tell apt-get install --yes gcc libc6-dev\n");
        let postgres = "run apt-get update --quiet\n\
                        run apt-get install --yes --quiet --no-install-recommends -o no-cluster postgresql\n";
        check(POSTGRES, [true, true, false], postgres);
        check(POSTGRES, [false, true, false], "tell sudo apt-get install --yes postgresql\n");
        check(WASM, [false, false, true], "run rustup target add wasm32-unknown-unknown\n");
        check(WASM, [true, true, false], "tell rustup target add wasm32-unknown-unknown\n");
    }

    #[test]
    fn building_takes_no_database() {
        let names = |work| NEEDS.iter().filter(|need| need.takes <= work).map(|need| need.name).collect();
        let build: Vec<&str> = names(Work::Build);
        let test: Vec<&str> = names(Work::Test);
        assert_eq!(build, ["a C compiler", "the target wasm32-unknown-unknown"]);
        let others = [
            "PostgreSQL's server",
            "a registry",
            "Node.js 20 with npm",
            "Python with venv",
            "clang for WebAssembly",
        ];
        assert_eq!(test, [&build[..], &others].concat());
    }

    #[test]
    fn a_command_that_fails_is_an_error() {
        assert!(install(vec![vec!["true"], vec!["false"]]).is_err());
        assert!(install(vec![vec!["true"]]).is_ok());
    }
}
