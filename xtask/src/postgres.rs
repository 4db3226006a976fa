//! A PostgreSQL cluster that lasts as long as the tests do.
//!
//! In comes what the machine has installed ([`Programs`]), out go the variables that tests read
//! ([`Database::told`]). The cluster lies in a fresh folder, on a free port, and is a child of this
//! program instead of a daemon: Ctrl-C reaches both, and where the system can do so it ends the server when
//! we are killed. A folder that a killed run left is known by its lock, which nobody holds any more, and the
//! next run removes it. Durability is as in production: nothing about `fsync` is set.

use std::fs::{File, Permissions, TryLockError};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::run::{Run, program};

/// A database in which tests make others; who sets it is not given one.
const URL: &str = "LANEWRIGHT_TEST_POSTGRES";
/// The folder of PostgreSQL's programs, for tests that start and kill clusters of their own.
const BIN: &str = "LANEWRIGHT_TEST_PG_BIN";
/// Who has to run them: a name of the system, or nothing where the tests' own user can.
const USER: &str = "LANEWRIGHT_TEST_PG_USER";

/// The database that tests and measurements use.
#[derive(Default)]
pub(crate) struct Database {
    /// What they are told of it.
    variables: Vec<(&'static str, String)>,
    /// Nothing where the person has one already.
    _cluster: Option<Cluster>,
}

impl Database {
    /// The person's, or one that lasts as long as this.
    pub(crate) fn provide() -> Result<Self> {
        if std::env::var_os(URL).is_some_and(|url| !url.is_empty()) {
            return Ok(Self { variables: Programs::found()?.variables(), _cluster: None });
        }
        let cluster = Cluster::start()?;
        Ok(Self { variables: cluster.variables(), _cluster: Some(cluster) })
    }

    /// A program that is told of it.
    pub(crate) fn told(&self, run: Run) -> Run {
        self.variables.iter().fold(run, |run, (name, value)| run.env(name, value))
    }
}

/// A server that accepts connections. Dropping it stops the server and removes its folder.
struct Cluster {
    programs: Programs,
    folder: Folder,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// Makes a cluster and waits until it accepts connections.
    fn start() -> Result<Self> {
        let programs = Programs::found()?;
        let folder = Folder::new(&programs.temporary(), programs.user.as_ref())?;
        folder.run(programs.initdb(&folder.data()))?;
        let mut cluster = Self { programs, folder, port: 0, server: None };
        // Between the choice of a port and its use somebody else may have taken it.
        for _ in 0..5 {
            cluster.port = free_port()?;
            if cluster.serve()? {
                return Ok(cluster);
            }
        }
        bail!("PostgreSQL's server ends as soon as it is started:\n{}", cluster.folder.logged())
    }

    /// What tests are told.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", self.port);
        [vec![(URL, url)], self.programs.variables()].concat()
    }

    /// Starts the server; whether it came to accept connections or ended before.
    fn serve(&mut self) -> Result<bool> {
        let (data, socket) = (self.folder.data(), self.folder.socket());
        let server = self.programs.server(&data, &socket, self.port).inside(&self.folder.path);
        let server = self.server.insert(server.logged(&self.folder.log()?)?);
        // A minute, for a machine that has other things to do.
        for _ in 0..2400 {
            if server.try_wait()?.is_some() {
                self.server = None;
                return Ok(false);
            }
            // By its socket, since another's server could answer on the port.
            if self.programs.ready(&socket, self.port).asked().is_some() {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        bail!("PostgreSQL's server does not accept connections:\n{}", self.folder.logged())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        // Told by its own tool it takes its children and its shared memory along.
        if self.folder.run(self.programs.stop(&self.folder.data())).is_err() {
            // It is gone already, or is made to go; either is waited for.
            let _ = server.kill();
        }
        let _ = server.wait();
    }
}

/// PostgreSQL's programs, and who runs them.
pub(crate) struct Programs {
    /// Their folder.
    bin: String,
    /// They refuse to be run by root, so another does it then.
    user: Option<User>,
    /// Whether the system can end the server when we end.
    follows: bool,
}

/// A user of the system.
#[derive(Debug, PartialEq)]
struct User {
    name: String,
    uid: u32,
    gid: u32,
}

impl Programs {
    /// What is installed, and who may run it here.
    pub(crate) fn found() -> Result<Self> {
        let bin = bin().context("PostgreSQL's server is not installed; `cargo xtask setup` adds it")?;
        let follows = program("setpriv", &["--pdeathsig", "QUIT", "true"]).asked().is_some();
        let root = number("-u", &[]) == Some(0);
        if root && !follows {
            bail!(
                "PostgreSQL does not run as root, and `setpriv` of util-linux is not there to run it as another"
            );
        }
        // Packages of PostgreSQL bring the first, systems the second.
        let user = ["postgres", "nobody"].into_iter().find_map(User::named);
        if root && user.is_none() {
            bail!(
                "PostgreSQL does not run as root; add a user for it with\n\n    useradd --system postgres\n"
            );
        }
        Ok(Self { bin, user: user.filter(|_| root), follows })
    }

    /// What tests are told that start clusters of their own.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let user = self.user.as_ref().map_or_else(String::new, |user| user.name.clone());
        vec![(BIN, self.bin.clone()), (USER, user)]
    }

    /// Where folders go: another user may be shut out of ours.
    fn temporary(&self) -> PathBuf {
        self.user.as_ref().map_or_else(std::env::temp_dir, |_| "/tmp".into())
    }

    /// Text is UTF-8 and sorts by bytes whatever the system speaks. What it makes here need not outlive the
    /// machine, so that alone is not flushed.
    fn initdb(&self, data: &Path) -> Run {
        let arguments =
            ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"];
        self.tool(&[], "initdb").args(arguments).args([shown(data)])
    }

    fn server(&self, data: &Path, socket: &Path, port: u16) -> Run {
        let follow: &[&str] = if self.follows { &["--pdeathsig", "QUIT"] } else { &[] };
        self.tool(follow, "postgres").args(["-D", &shown(data), "-p", &port.to_string()]).args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            &format!("unix_socket_directories={}", shown(socket)),
            "-c",
            "max_connections=200",
        ])
    }

    fn ready(&self, socket: &Path, port: u16) -> Run {
        let here = ["-h", &shown(socket), "-p", &port.to_string()];
        self.tool(&[], "pg_isready").args(["-q", "-U", "postgres", "-d", "postgres"]).args(here)
    }

    fn stop(&self, data: &Path) -> Run {
        self.tool(&[], "pg_ctl").args(["stop", "-w", "-m", "immediate", "-D", &shown(data)])
    }

    /// One of them, run by who may.
    fn tool(&self, options: &[&str], name: &str) -> Run {
        let path = format!("{}/{name}", self.bin);
        let run = match &self.user {
            None if options.is_empty() => program(&path, &[]),
            None => program("setpriv", options).args(["--", &path]),
            Some(User { uid, gid, .. }) => program("setpriv", &["--clear-groups"])
                .args(["--reuid", &uid.to_string(), "--regid", &gid.to_string()])
                .args(options)
                .args(["--", &path]),
        };
        // What it says is the same everywhere.
        run.env("LC_ALL", "C").inside(Path::new("/"))
    }
}

impl User {
    fn named(name: &str) -> Option<Self> {
        Some(Self { name: name.to_owned(), uid: number("-u", &[name])?, gid: number("-g", &[name])? })
    }
}

/// What `id` says of a user, or of ours.
fn number(which: &str, user: &[&str]) -> Option<u32> {
    program("id", &[which]).args(user).asked()?.trim().parse().ok()
}

/// The folder of PostgreSQL's programs, where they are installed.
pub(crate) fn bin() -> Option<String> {
    let versions = Path::new(DEBIAN).read_dir().into_iter().flatten().flatten();
    let versions = versions.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let told = program("pg_config", &["--bindir"]).asked();
    let path = std::env::var("PATH").unwrap_or_default();
    places(versions, told.as_deref(), &path).into_iter().find(|place| {
        ["initdb", "pg_ctl", "pg_isready", "postgres"]
            .iter()
            .all(|tool| Path::new(place).join(tool).is_file())
    })
}

/// Debian has each version in a folder of its own, none of them on the path.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Where the programs may be, the best place first.
fn places(mut versions: Vec<String>, told: Option<&str>, path: &str) -> Vec<String> {
    // Numbers, so that 9.6 comes before 10.
    let parts = |version: &str| version.split('.').map(|part| part.parse::<u32>().ok()).collect::<Vec<_>>();
    versions.sort_by_key(|version| std::cmp::Reverse(parts(version)));
    let debian = versions.into_iter().map(|version| format!("{DEBIAN}/{version}/bin"));
    let told = told.map(|place| place.trim().to_owned());
    debian.chain(told).chain(path.split(':').map(str::to_owned)).filter(|place| !place.is_empty()).collect()
}

/// A port that is free at the moment.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A folder that goes when we go.
struct Folder {
    path: PathBuf,
    /// Held as long as the folder is in use; the system lets go of it however we end.
    _lock: File,
}

impl Folder {
    /// A new one below `base`, with a place for data and one for the socket that only `owner` may enter.
    /// Those that killed runs left go.
    fn new(base: &Path, owner: Option<&User>) -> Result<Self> {
        let failed = || format!("cannot make a folder for PostgreSQL in {}", base.display());
        let folder = Self::claimed(base).with_context(failed)?;
        sweep(base, &folder.path).with_context(failed)?;
        std::fs::set_permissions(&folder.path, Permissions::from_mode(0o711)).with_context(failed)?;
        for place in [folder.data(), folder.socket()] {
            std::fs::create_dir(&place).with_context(failed)?;
            std::fs::set_permissions(&place, Permissions::from_mode(0o700)).with_context(failed)?;
            if let Some(User { uid, gid, .. }) = owner {
                chown(&place, Some(*uid), Some(*gid)).with_context(failed)?;
            }
        }
        Ok(folder)
    }

    /// The first free name, taken and locked.
    fn claimed(base: &Path) -> std::io::Result<Self> {
        let names = (0u32..).map(|n| format!("{FOLDER}{}-{n}", std::process::id()));
        for path in names.map(|name| base.join(name)) {
            match std::fs::create_dir(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                made => made?,
            }
            let lock = File::create_new(path.join(LOCK))?;
            match lock.try_lock() {
                Ok(()) => return Ok(Self { path, _lock: lock }),
                // Somebody took it for a leftover in this instant, and removes it.
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    fn socket(&self) -> PathBuf {
        self.path.join("socket")
    }

    /// An empty file for what a program says.
    fn log(&self) -> Result<File> {
        File::create(self.path.join("log")).context("cannot keep what PostgreSQL says")
    }

    /// What the last program said.
    fn logged(&self) -> String {
        std::fs::read_to_string(self.path.join("log")).unwrap_or_default()
    }

    /// Runs a program to its end; what it said is told only where it failed.
    fn run(&self, run: Run) -> Result<()> {
        let line = run.line().to_owned();
        let status = run.inside(&self.path).logged(&self.log()?)?.wait()?;
        if !status.success() {
            bail!("`{line}` failed ({status}):\n{}", self.logged());
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.path) {
            eprintln!("cannot remove {}: {error}", self.path.display());
        }
    }
}

/// What the names of folders begin with.
const FOLDER: &str = "lanewright-postgres-";
/// The file in a folder whose lock says that it is in use.
const LOCK: &str = "lock";

/// Removes what killed runs of ours left below `base`. A server that is still there misses its folder and
/// ends by itself.
fn sweep(base: &Path, own: &Path) -> std::io::Result<()> {
    let us = own.symlink_metadata()?.uid();
    for entry in base.read_dir()?.flatten() {
        let named = entry.file_name().to_str().is_some_and(|name| name.starts_with(FOLDER));
        let ours = || entry.metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == us);
        if !named || !ours() {
            continue;
        }
        let Ok(lock) = File::options().write(true).open(entry.path().join(LOCK)) else { continue };
        if lock.try_lock().is_ok() {
            // What cannot go now is tried again by the next run.
            let _ = remove(&entry.path());
        }
    }
    Ok(())
}

/// The lock goes last, since a folder without it is nobody's.
fn remove(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder.join("data")) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => std::fs::remove_dir_all(folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_taken_then_what_is_told_then_the_path() {
        let check = |versions: &[&str], told, path, expect: &[&str]| {
            let versions = versions.iter().map(|&version| version.to_owned()).collect();
            assert_eq!(places(versions, told, path), expect);
        };
        check(
            &["9.6", "17", "10", "common"],
            Some("/opt/pg/bin\n"),
            "/usr/local/bin:/usr/bin",
            &[
                "/usr/lib/postgresql/17/bin",
                "/usr/lib/postgresql/10/bin",
                "/usr/lib/postgresql/9.6/bin",
                "/usr/lib/postgresql/common/bin",
                "/opt/pg/bin",
                "/usr/local/bin",
                "/usr/bin",
            ],
        );
        check(&[], None, "", &[]);
    }

    #[test]
    fn programs_are_run_by_who_may() {
        let check = |user: Option<User>, follows, expect: [&str; 4]| {
            let programs = Programs { bin: "/pg".to_owned(), user, follows };
            let (data, socket) = (Path::new("/f/data"), Path::new("/f/socket"));
            let runs = [
                programs.initdb(data),
                programs.server(data, socket, 4321),
                programs.ready(socket, 4321),
                programs.stop(data),
            ];
            assert_eq!(runs.each_ref().map(Run::line), expect);
        };
        check(
            None,
            false,
            [
                "/pg/initdb --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync -D /f/data",
                "/pg/postgres -D /f/data -p 4321 -c listen_addresses=127.0.0.1 -c unix_socket_directories=/f/socket \
                 -c max_connections=200",
                "/pg/pg_isready -q -U postgres -d postgres -h /f/socket -p 4321",
                "/pg/pg_ctl stop -w -m immediate -D /f/data",
            ],
        );
        check(
            None,
            true,
            [
                "/pg/initdb --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync -D /f/data",
                "setpriv --pdeathsig QUIT -- \
                 /pg/postgres -D /f/data -p 4321 -c listen_addresses=127.0.0.1 -c unix_socket_directories=/f/socket \
                 -c max_connections=200",
                "/pg/pg_isready -q -U postgres -d postgres -h /f/socket -p 4321",
                "/pg/pg_ctl stop -w -m immediate -D /f/data",
            ],
        );
        check(
            Some(User { name: "postgres".to_owned(), uid: 101, gid: 104 }),
            true,
            [
                "setpriv --clear-groups --reuid 101 --regid 104 -- \
                 /pg/initdb --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync -D /f/data",
                "setpriv --clear-groups --reuid 101 --regid 104 --pdeathsig QUIT -- \
                 /pg/postgres -D /f/data -p 4321 -c listen_addresses=127.0.0.1 -c unix_socket_directories=/f/socket \
                 -c max_connections=200",
                "setpriv --clear-groups --reuid 101 --regid 104 -- \
                 /pg/pg_isready -q -U postgres -d postgres -h /f/socket -p 4321",
                "setpriv --clear-groups --reuid 101 --regid 104 -- /pg/pg_ctl stop -w -m immediate -D /f/data",
            ],
        );
    }

    #[test]
    fn a_cluster_starts_and_leaves_nothing() {
        let cluster = Cluster::start().expect("PostgreSQL is installed");
        let asked = |sql: &str| {
            let url = cluster.variables()[0].1.clone();
            program(&format!("{}/psql", cluster.programs.bin), &["-XAtqc", sql, &url]).asked()
        };
        let settings = "select string_agg(setting, ' ' order by name) from pg_settings \
                        where name in ('fsync', 'listen_addresses', 'max_connections', 'server_encoding')";
        assert_eq!(asked(settings).as_deref(), Some("on 127.0.0.1 200 UTF8\n"));
        let folder = cluster.folder.path.clone();
        let server = cluster.server.as_ref().map(|server| server.id().to_string()).expect("it runs");
        let runs = || program("sh", &["-c", &format!("kill -0 {server}")]).asked().is_some();
        assert_eq!((folder.exists(), runs()), (true, true));
        drop(cluster);
        assert_eq!((folder.exists(), runs()), (false, false));
    }

    #[test]
    fn leftovers_go_and_what_is_in_use_stays() {
        let base = Folder::new(&std::env::temp_dir(), None).expect("a folder");
        let base = base.data();
        let used = Folder::new(&base, None).expect("a folder");
        let left = base.join(format!("{FOLDER}left"));
        std::fs::create_dir_all(left.join("data/base")).expect("a folder");
        File::create(left.join(LOCK)).expect("a file");
        let strange = base.join("something-else");
        std::fs::create_dir(&strange).expect("a folder");
        let next = Folder::new(&base, None).expect("a folder");
        let kept = [&used.path, &left, &strange, &next.path].map(|path| path.exists());
        assert_eq!(kept, [true, false, true, true]);
    }
}
