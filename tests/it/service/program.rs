//! The program as it is installed: processes that are killed, stopped and started again, and a database server of a
//! test's own for the same.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::harness::{cache, program};

/// How long anything may take before a test gives up on it.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LONG;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not within {LONG:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How programs are started: over which database, with which state folder, and what else.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) database: String,
    pub(crate) state: PathBuf,
    pub(crate) also: Vec<String>,
}

impl Start {
    /// With a state folder below this one; compiled plugins are shared by all tests.
    pub(crate) fn new(database: &str, folder: &Path, name: &str) -> Self {
        let state = folder.join(name);
        std::fs::create_dir_all(&state).expect("a folder");
        std::fs::create_dir_all(cache()).expect("a folder");
        std::os::unix::fs::symlink(cache(), state.join("plugins")).expect("a link");
        Self { database: database.to_owned(), state, also: Vec::new() }
    }

    /// With one more flag.
    pub(crate) fn and(mut self, flag: &str) -> Self {
        self.also.push(flag.to_owned());
        self
    }

    fn arguments(&self, verb: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = verb.iter().map(|&word| word.to_owned()).collect();
        all.extend(["--database".to_owned(), self.database.clone()]);
        all.extend(["--state".to_owned(), self.state.display().to_string()]);
        all.extend(self.also.iter().cloned());
        all
    }

    /// Runs a verb to its end; what it printed.
    pub(crate) fn run(&self, verb: &[&str]) -> String {
        let mut command = without_settings(Command::new(program()));
        let out = command.args(self.arguments(verb)).output().expect("the program starts");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{verb:?}: {said}");
        String::from_utf8(out.stdout).expect("UTF-8").trim().to_owned()
    }

    /// Serves at a port that the system chooses; not yet ready.
    pub(crate) fn serve(&self) -> Host {
        Host::new(without_settings(Command::new(program())).args(self.serve_arguments()))
    }

    /// The same as the last words of a shell's command line, which `exec "$@"` makes the program.
    pub(crate) fn serve_in(&self, shell: &str) -> Host {
        let mut command = without_settings(Command::new("sh"));
        command.args(["-c", shell, "sh"]).arg(program()).args(self.serve_arguments());
        Host::new(&mut command)
    }

    fn serve_arguments(&self) -> Vec<String> {
        let mut all = self.arguments(&["serve"]);
        let roomy = ["--limits-requests-per-second", "1000000", "--limits-burst", "1000000"];
        all.extend(["--listen", "127.0.0.1:0", "--threads", "2", "--connections", "4"].map(str::to_owned));
        all.extend(roomy.map(str::to_owned));
        all
    }
}

/// What the tests are told by the environment is not for the program.
fn without_settings(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LANEWRIGHT_") {
            command.env_remove(name);
        }
    }
    command
}

/// A host that serves; killed when it is dropped.
pub(crate) struct Host {
    child: Child,
    log: Arc<Mutex<Vec<Json>>>,
}

impl Host {
    fn new(command: &mut Command) -> Self {
        let mut child =
            command.stderr(Stdio::piped()).stdin(Stdio::null()).spawn().expect("the program starts");
        let log = Arc::<Mutex<Vec<Json>>>::default();
        let (lines, told) = (BufReader::new(child.stderr.take().expect("a pipe")), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Json::String(line));
                told.lock().expect("a log").push(line);
            }
        });
        Self { child, log }
    }

    /// Where it serves, once it does; nothing while it does not, or no more.
    pub(crate) fn url(&mut self) -> Option<String> {
        let found = |line: &Json| line["message"] == "service started";
        let listen = self.log().iter().find(|line| found(line)).map(|line| line["listen"].clone())?;
        self.is_alive().then(|| format!("http://{}", listen.as_str().expect("an address")))
    }

    /// Where it serves; waits for it.
    pub(crate) fn ready(&mut self) -> String {
        until("the host serves", || {
            if !self.is_alive() {
                panic!("the host has ended: {:#?}", self.log());
            }
            self.url()
        })
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> Vec<Json> {
        self.log.lock().expect("a log").clone()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it has ended");
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        signal("TERM", self.id());
    }

    /// How it ended; waits for it.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        until("the host ends", || self.child.try_wait().expect("a child"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(name: &str, id: u32) {
    let sent = Command::new("kill").args(["-s", name, &id.to_string()]).status().expect("a signal");
    assert!(sent.success());
}

/// A PostgreSQL cluster of a test's own, as durable as in production; it goes with its folder.
pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// Makes one and starts it.
    pub(crate) fn start() -> Self {
        let mut initdb = tool("initdb");
        let folder = tempfile::Builder::new().prefix("lanewright-it-").tempdir_in("/tmp").expect("a folder");
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).expect("permissions");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mut cluster = Self { folder, port, server: None };
        let data = cluster.data();
        let made = initdb
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "-D",
                &data,
            ])
            .output()
            .expect("initdb starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        cluster.go_on();
        cluster
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// A URL of its database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts the server, after it was stopped or killed, and waits until it answers.
    pub(crate) fn go_on(&mut self) {
        let port = self.port.to_string();
        until("the server answers", || {
            // What a killed one leaves is in the way until the last of its processes has noticed.
            let ended =
                self.server.as_mut().is_none_or(|server| server.try_wait().expect("a child").is_some());
            if ended {
                let socket = format!("unix_socket_directories={}", self.folder.path().display());
                let log =
                    std::fs::File::options().create(true).append(true).open(self.folder.path().join("log"));
                let server = tool("postgres")
                    .args([
                        "-D",
                        &self.data(),
                        "-p",
                        &port,
                        "-c",
                        "listen_addresses=127.0.0.1",
                        "-c",
                        &socket,
                    ])
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(log.expect("a file"))
                    .spawn();
                self.server = Some(server.expect("the server starts"));
            }
            let asked = tool("pg_isready").args(["-q", "-h", "127.0.0.1", "-p", &port]).status();
            asked.expect("pg_isready starts").success().then_some(())
        });
    }

    /// SIGKILL for the process that the others belong to.
    pub(crate) fn kill(&mut self) {
        let mut server = self.server.take().expect("a server");
        server.kill().expect("it can be killed");
        server.wait().expect("it has ended");
    }

    /// Stops it in good order, whoever is connected.
    pub(crate) fn stop(&mut self) {
        let stopped = tool("pg_ctl").args(["stop", "-w", "-m", "fast", "-D", &self.data()]).output();
        assert!(stopped.expect("pg_ctl starts").status.success());
        self.server.take().expect("a server").wait().expect("it has ended");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = tool("pg_ctl").args(["stop", "-w", "-m", "immediate", "-D", &self.data()]).output();
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// One of PostgreSQL's programs, run by whoever may.
fn tool(name: &str) -> Command {
    let variable = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; `cargo xtask test` sets it"))
    };
    let path = Path::new(&variable("LANEWRIGHT_TEST_PG_BIN")).join(name);
    let user = variable("LANEWRIGHT_TEST_PG_USER");
    let mut command = match user.as_str() {
        "" => Command::new(path),
        user => {
            let mut command = Command::new("setpriv");
            command.args(["--clear-groups", "--reuid", user, "--regid", user, "--"]).arg(path);
            command
        }
    };
    command.env("LC_ALL", "C").current_dir("/");
    command
}
