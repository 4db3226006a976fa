//! Load, and the proof that nothing of it was lost, doubled or half done.
//!
//! Clients send leads and what happens to them, each under a key of its own, again and again until it is acknowledged.
//! Meanwhile a test does its worst to hosts and database. [`Load::check`] then reads everything back through the API, the
//! database and the destination of effects, and compares it with what was acknowledged.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lanewright::config::{self, Disk};
use lanewright::decision::Decision;
use lanewright::effects::{self, Deliverer, Stepped, effect_id};
use lanewright::fetch::Reach;
use lanewright::lead::TenantId;
use lanewright::learning::Model;
use lanewright::plugin::Plan;
use lanewright::replay::{Replayed, replay};
use lanewright::store::{EffectFilter, NewDestination, Options, OutboxRow, Store};
use lanewright::tenant::{Published, Tenant};
use serde_json::{Value as Json, json};
use sqlx::{Connection as _, Row as _};

use super::harness::runtime;
use super::program::{Start, until};
use crate::harness::{sandbox, with_stack};

/// A tenant that runs out of room now and then, so that leads wait and are decided again.
const FOLDER: [(&str, &str); 3] = [
    (
        "tenant.toml",
        r#"[tenant]
id = "acme"
name = "Acme"
currency = "USD"
timezone = "UTC"

[[lanes]]
id = "sales"
name = "Sales"
definition = "Companies that want a demo, a quote or prices."
team = "sales"

[matching]
threshold = 0

[plugins.fallback.settings]
chain = ["round-robin", { hold = "full" }]
"#,
    ),
    ("teams.toml", "[[teams]]\nid = \"sales\"\nname = \"Sales\"\n"),
    (
        "reps.csv",
        "id,name,team,max_open,daily_cap\nana,Ana,sales,8,\nben,Ben,sales,12,\ncleo,Cleo,sales,20,25\n\
         dan,Dan,sales,30,\neve,Eve,sales,9,40\n",
    ),
];

/// Leads of a rep at most in a day, by that folder.
const DAILY: [(&str, u64); 2] = [("cleo", 25), ("eve", 40)];

/// Numbers that look like chance and are the same in every run.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        seed.hash(&mut hasher);
        Self(hasher.finish())
    }

    /// One below this.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) % end
    }
}

/// Something that was acknowledged.
#[derive(Debug, Clone)]
struct Acknowledged {
    key: String,
    path: String,
    body: Json,
    status: u16,
    answer: Json,
}

/// What clients and tests share.
struct Shared {
    key: String,
    /// Where hosts are to be asked; a killed one leaves its place empty.
    urls: Mutex<Vec<Option<String>>>,
    acknowledged: Mutex<Vec<Acknowledged>>,
    /// Statuses and codes of what was refused.
    refused: Mutex<BTreeMap<String, usize>>,
    unavailable_without_retry_after: AtomicUsize,
    enough: AtomicBool,
}

/// A tenant under load.
pub(crate) struct Load {
    database: String,
    folder: tempfile::TempDir,
    receiver: Receiver,
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Makes the tenant, with everything that is to be done outside going to a server of ours.
    pub(crate) fn new(start: &Start, hosts: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in FOLDER {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        start.run(&["tenant", "import", folder.path().to_str().expect("UTF-8")]);
        let key = start.run(&["tenant", "key", "acme", "admin"]);
        let receiver = Receiver::start();
        let to = NewDestination {
            destination: "crm".to_owned(),
            kind: "webhook".to_owned(),
            target: receiver.url.clone(),
            link: None,
            effects: "[]".to_owned(),
            secret: None,
        };
        with_store(&start.database, async |store, tenant| {
            let now = Timestamp::now().as_millisecond();
            store.of(tenant).put_destination(now, "test", &to, None).await.expect("a destination");
        });
        let shared = Arc::new(Shared {
            key,
            urls: Mutex::new(vec![None; hosts]),
            acknowledged: Mutex::default(),
            refused: Mutex::default(),
            unavailable_without_retry_after: AtomicUsize::new(0),
            enough: AtomicBool::new(false),
        });
        Self { database: start.database.clone(), folder, receiver, shared, clients: Vec::new() }
    }

    /// Whose key it is done with.
    pub(crate) fn key(&self) -> &str {
        &self.shared.key
    }

    /// Says where a host is, or that it is gone.
    pub(crate) fn host(&self, number: usize, url: Option<String>) {
        self.shared.urls.lock().expect("urls")[number] = url;
    }

    /// So many clients begin.
    pub(crate) fn begin(&mut self, clients: usize, seed: impl Hash + Copy) {
        for client in 0..clients {
            let (shared, chance) = (Arc::clone(&self.shared), Chance::new((seed, client)));
            self.clients.push(std::thread::spawn(move || shared.client(client, chance)));
        }
    }

    /// What was acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.shared.acknowledged.lock().expect("acknowledged").len()
    }

    /// Waits until so much more is acknowledged.
    pub(crate) fn more(&self, more: usize) {
        let goal = self.acknowledged() + more;
        until("the next acknowledgements", || {
            assert!(!self.clients.iter().any(JoinHandle::is_finished), "a client gave up");
            (self.acknowledged() >= goal).then_some(())
        });
    }

    /// How often something was refused with this status and code.
    pub(crate) fn refused(&self, with: &str) -> usize {
        self.shared.refused.lock().expect("refused").get(with).copied().unwrap_or_default()
    }

    /// Lets every client end what it has begun.
    pub(crate) fn end(&mut self) {
        self.shared.enough.store(true, Ordering::SeqCst);
        for client in self.clients.drain(..) {
            client.join().expect("a client ends");
        }
    }

    /// Everything that was acknowledged is there, once, as it was acknowledged, and nothing else is.
    pub(crate) fn check(mut self, case: impl Debug) -> Checked {
        let case = format!("{case:?}");
        self.end();
        assert_eq!(self.shared.unavailable_without_retry_after.load(Ordering::SeqCst), 0, "{case}");
        self.deliver(&case);
        let decisions = self.decisions();
        self.answers(&case);
        assert_eq!(self.decisions().len(), decisions.len(), "{case}: asking again has decided again");
        let bodies = self.bodies();
        self.leads(&case, &decisions, &bodies);
        self.reps(&case, &decisions);
        let (effects, again) = self.effects(&case, &decisions);
        self.replayed(&case, &bodies);
        let refused = std::mem::take(&mut *self.shared.refused.lock().expect("refused"));
        let leads = bodies.keys().filter(|(_, number)| *number == 1).count();
        Checked {
            acknowledged: self.acknowledged(),
            leads,
            decisions: decisions.len(),
            effects,
            again,
            refused,
        }
    }

    /// Lets time pass for the effects alone, until none is open.
    fn deliver(&self, case: &str) {
        with_store(&self.database, async |store, tenant| {
            let deliverer = Deliverer::new(Reach::Anywhere, None, Arc::new(|_, _, _| None));
            // A claim of a killed host is over after a minute.
            for minutes in 2..600 {
                let now = Timestamp::now() + SignedDuration::from_mins(minutes);
                while effects::step(now, store, &deliverer).await.expect("a step") != Stepped::Nothing {}
                if effects_of(store, tenant).await.iter().all(|effect| effect.state != "open") {
                    return;
                }
            }
            panic!("{case}: effects are open still");
        });
    }

    /// All decisions as the API lists them, the first first.
    fn decisions(&self) -> Vec<Json> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let (status, page) = self.shared.get(&format!("/v1/decisions?limit=500{cursor}"));
            assert_eq!(status, 200, "{page}");
            all.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        all.reverse();
        all
    }

    /// All decisions as the database has them, by lead and number.
    fn bodies(&self) -> BTreeMap<(String, u64), Json> {
        with_store(&self.database, async |store, tenant| {
            let found = store.of(tenant).decisions_after((-1, -1), i64::MAX).await.expect("decisions");
            let read = found.into_iter().map(|(_, _, json)| {
                let json: Json = serde_json::from_str(&json.expect("a body")).expect("JSON");
                let id = json["lead"].as_str().expect("an id").to_owned();
                ((id, json["number"].as_u64().expect("a number")), json)
            });
            read.collect()
        })
    }

    /// Asked again under its key, everything is answered as it was.
    fn answers(&self, case: &str) {
        let acknowledged = self.shared.acknowledged.lock().expect("acknowledged").clone();
        let mut chance = Chance::new("again");
        for was in &acknowledged {
            let (status, mut answer) = self.shared.insist(&mut chance, &was.path, &was.key, &was.body);
            let mut expect = was.answer.clone();
            // A line of what followed explains itself once.
            for of in [&mut answer, &mut expect] {
                for line in of["decisions"].as_array_mut().into_iter().flatten() {
                    line.as_object_mut().expect("a line").remove("why");
                }
            }
            assert_eq!((status, answer), (was.status, expect), "{case}: {was:?}");
        }
    }

    /// Every lead was decided once for having come, and numbers have no holes.
    fn leads(&self, case: &str, decisions: &[Json], bodies: &BTreeMap<(String, u64), Json>) {
        let acknowledged = self.shared.acknowledged.lock().expect("acknowledged").clone();
        let mut by_lead: BTreeMap<&str, Vec<(u64, &str)>> = BTreeMap::new();
        for line in decisions {
            let of = by_lead.entry(line["lead"].as_str().expect("an id")).or_default();
            of.push((line["number"].as_u64().expect("a number"), line["trigger"].as_str().expect("a word")));
        }
        let sent: BTreeSet<&str> = acknowledged.iter().filter_map(|was| was.body["id"].as_str()).collect();
        assert_eq!(by_lead.keys().copied().collect::<BTreeSet<_>>(), sent, "{case}");
        let declined = |lead: &str| {
            let path = format!("/v1/leads/{lead}/decline");
            acknowledged.iter().filter(|was| was.path == path && was.status == 200).count()
        };
        for (lead, of) in &by_lead {
            let numbers: Vec<u64> = of.iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, (1..=of.len() as u64).collect::<Vec<_>>(), "{case}: {lead}");
            let arrived: Vec<u64> =
                of.iter().filter(|(_, why)| *why == "arrived").map(|(number, _)| *number).collect();
            assert_eq!(arrived, [1], "{case}: {lead} {of:?}");
            let times = of.iter().filter(|(_, why)| *why == "declined").count();
            assert_eq!(times, declined(lead), "{case}: {lead} {of:?}");
        }
        for was in acknowledged.iter().filter(|was| was.path == "/v1/leads") {
            let stored = &bodies[&(was.body["id"].as_str().expect("an id").to_owned(), 1)];
            for (name, value) in was.answer.as_object().expect("an object") {
                let kept = stored.get(name).cloned().unwrap_or_default();
                let empty = value.as_array().is_some_and(Vec::is_empty) && kept.is_null();
                assert!(empty || kept == *value, "{case}: {name} of {was:?} is {kept}");
            }
        }
    }

    /// Counters and caps are what the decisions say.
    fn reps(&self, case: &str, decisions: &[Json]) {
        let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
        let (today, items) = until("reps of one day", || {
            let before = day(Timestamp::now());
            let (status, reps) = self.shared.get("/v1/reps");
            assert_eq!(status, 200, "{reps}");
            (day(Timestamp::now()) == before)
                .then(|| (before, reps["items"].as_array().expect("reps").clone()))
        });
        let acknowledged = self.shared.acknowledged.lock().expect("acknowledged").clone();
        let closed: BTreeSet<String> = acknowledged
            .iter()
            .filter(|was| was.status == 200)
            .filter_map(|was| {
                was.path.strip_prefix("/v1/leads/")?.strip_suffix("/outcome").map(str::to_owned)
            })
            .collect();
        // Whoever had a lead before its last decision never had it, as far as counters go.
        let last: HashMap<&str, &Json> =
            decisions.iter().map(|line| (line["lead"].as_str().expect("an id"), line)).collect();
        let of_day = |line: &&&Json| {
            let at: Timestamp = line["at"].as_str().and_then(|at| at.parse().ok()).expect("a time");
            day(at) == today
        };
        let signs = self.new_leads();
        for rep in &items {
            let id = rep["rep"].as_str().expect("an id");
            let has: Vec<&&Json> = last.values().filter(|line| line["rep"] == rep["rep"]).collect();
            let open =
                has.iter().filter(|line| !closed.contains(line["lead"].as_str().expect("an id"))).count();
            let expect = (
                open as u64,
                has.iter().copied().filter(|line| of_day(line)).count() as u64,
                has.len() as u64,
            );
            let number = |name: &str| rep[name].as_u64().expect("a number");
            assert_eq!(
                (number("open"), number("new_today"), number("new_in_seven_days")),
                expect,
                "{case}: {id}"
            );
            assert_eq!(signs.get(id).copied().unwrap_or_default(), has.len() as i64, "{case}: {id}");
            assert!(number("open") <= number("max_open"), "{case}: {rep}");
            let cap = DAILY.iter().find(|(of, _)| *of == id).map_or(u64::MAX, |(_, cap)| *cap);
            assert!(number("new_today") <= cap, "{case}: {rep}");
        }
    }

    /// The sums of new leads by rep.
    fn new_leads(&self) -> BTreeMap<String, i64> {
        runtime().block_on(async {
            sqlx::any::install_default_drivers();
            let mut connection = sqlx::AnyConnection::connect(&self.database).await.expect("the database");
            let text = "SELECT rep, CAST(SUM(sign) AS BIGINT) AS leads FROM new_leads GROUP BY rep";
            let rows = sqlx::query(text).fetch_all(&mut connection).await.expect("rows");
            rows.iter().map(|row| (row.get("rep"), row.get("leads"))).collect()
        })
    }

    /// Each effect was delivered under an id that is its own and always the same; how many there are, and how many
    /// deliveries there were beyond that.
    fn effects(&self, case: &str, decisions: &[Json]) -> (usize, usize) {
        let rows = with_store(&self.database, async |store, tenant| effects_of(store, tenant).await);
        let (mut met, received) = (0, self.receiver.received.lock().expect("received"));
        let ids: BTreeSet<String> = rows.iter().map(effect_id).collect();
        assert_eq!(ids.len(), rows.len(), "{case}: two effects have one id");
        for row in &rows {
            assert_eq!((row.state.as_str(), row.destination.as_str()), ("done", "crm"), "{case}: {row:?}");
            let got =
                received.get(&effect_id(row)).unwrap_or_else(|| panic!("{case}: {row:?} never arrived"));
            assert!(got.taken > 0, "{case}: {row:?}");
            let event: Json = serde_json::from_str(&got.body).expect("JSON");
            let found = (&event["id"], &event["subject"], &event["data"]["decision"]["number"]);
            assert_eq!(found, (&json!(effect_id(row)), &json!(row.lead), &json!(row.number)), "{case}");
            met += got.times;
        }
        assert_eq!(received.keys().cloned().collect::<BTreeSet<_>>(), ids, "{case}: an effect of nobody's");
        let told: BTreeSet<(String, i64)> = rows
            .iter()
            .filter(|row| row.kind == "decision")
            .map(|row| (row.lead.clone(), row.number))
            .collect();
        let made: BTreeSet<(String, i64)> = decisions
            .iter()
            .map(|line| {
                (line["lead"].as_str().expect("an id").to_owned(), line["number"].as_i64().expect("a number"))
            })
            .collect();
        assert_eq!(told, made, "{case}");
        (rows.len(), met - rows.len())
    }

    /// Every decision comes out the same when it is run again from what it recorded.
    fn replayed(&self, case: &str, bodies: &BTreeMap<(String, u64), Json>) {
        // Models were trained meanwhile, and a decision names the one that it was made by.
        let models = with_store(&self.database, async |store, tenant| {
            let store = store.of(tenant);
            let mut models = Vec::new();
            for row in store.models(1000).await.expect("models") {
                let body = store.model(row.version).await.expect("read").expect("a model");
                models.push(Arc::new(Model::read(row.version, &body).expect("a model")));
            }
            models
        });
        with_stack(|| {
            let plugins = sandbox(Plan::DEFAULT, 4);
            let set_up = |model: Option<Arc<Model>>| {
                let config = config::load(self.folder.path()).expect("a folder");
                let published = Published { model, ..Published::default() };
                Tenant::new(config, &Disk(self.folder.path()), &plugins, &published).expect("a tenant")
            };
            let mut tenants: BTreeMap<Option<i64>, Tenant> = BTreeMap::from([(None, set_up(None))]);
            tenants.extend(models.into_iter().map(|model| (Some(model.name().version), set_up(Some(model)))));
            for (name, body) in bodies {
                let decision: Decision = serde_json::from_value(body.clone()).expect("a decision");
                let model = decision.trace.versions.model.as_ref().map(|model| model.version);
                let again = replay(&tenants[&model], &decision).expect("it can be run again");
                assert_eq!(again, Replayed::Same, "{case}: {name:?}");
            }
        });
    }
}

/// What was checked, for whoever wants the numbers.
#[derive(Debug)]
#[expect(dead_code, reason = "they are printed, and nobody asks for one alone")]
pub(crate) struct Checked {
    pub(crate) acknowledged: usize,
    pub(crate) leads: usize,
    pub(crate) decisions: usize,
    pub(crate) effects: usize,
    /// Deliveries beyond the first.
    pub(crate) again: usize,
    pub(crate) refused: BTreeMap<String, usize>,
}

impl Shared {
    /// Sends leads, and what happens to some of them, one after the other.
    fn client(&self, client: usize, mut chance: Chance) {
        let mut open = VecDeque::new();
        for number in 0.. {
            if self.enough.load(Ordering::SeqCst) {
                return;
            }
            let id = format!("c{client}-{number}");
            let lead = json!({
                "id": id, "source": "web-form", "text": "What would the team plan cost for 12 users?",
                "contact": {"email": format!("{id}@{id}.example"), "language": "en"},
                "company": {"name": format!("Freight {id}"), "employees": 45, "country": "US"},
            });
            let decided = self.done(&mut chance, "/v1/leads", &lead);
            let was_assigned = decided["outcome"]["kind"] == "assigned";
            match chance.below(8) {
                0..=1 if was_assigned => {
                    self.done(&mut chance, &format!("/v1/leads/{id}/decline"), &json!({}));
                    open.push_back(id);
                }
                2..=5 if was_assigned => self.won(&mut chance, &id),
                _ => open.push_back(id),
            }
            // Where there is no more room, some is made.
            for id in open.drain(..if was_assigned { 0 } else { open.len().min(2) }) {
                self.won(&mut chance, &id);
            }
        }
    }

    fn won(&self, chance: &mut Chance, lead: &str) {
        self.done(chance, &format!("/v1/leads/{lead}/outcome"), &json!({"outcome": "won", "value": 1200.0}));
    }

    /// Does something once, however often it has to be sent.
    fn done(&self, chance: &mut Chance, path: &str, body: &Json) -> Json {
        let key = format!("{:016x}", chance.below(u64::MAX));
        let (status, answer) = self.insist(chance, path, &key, body);
        let acknowledged =
            Acknowledged { key, path: path.to_owned(), body: body.clone(), status, answer: answer.clone() };
        self.acknowledged.lock().expect("acknowledged").push(acknowledged);
        answer
    }

    /// Sends it until it is acknowledged.
    fn insist(&self, chance: &mut Chance, path: &str, key: &str, body: &Json) -> (u16, Json) {
        let agent = agent();
        until("an acknowledgement", || {
            let Some(url) = self.url(chance) else {
                sleep(Duration::from_millis(2));
                return None;
            };
            let request = agent.post(format!("{url}{path}")).content_type("application/json");
            let request = request.header("authorization", format!("Bearer {}", self.key));
            // Whoever is killed in the middle answers nothing, or half of it.
            let mut response = request.header("idempotency-key", key).send(body.to_string()).ok()?;
            let status = response.status().as_u16();
            let retry = response.headers().contains_key("retry-after");
            let text = response.body_mut().read_to_string().ok()?;
            let answer: Json =
                serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {status} {text}"));
            match status {
                200 | 201 => Some((status, answer)),
                503 | 504 | 429 => {
                    let code = format!("{status} {}", answer["code"].as_str().unwrap_or_default());
                    self.unavailable_without_retry_after
                        .fetch_add(usize::from(status == 503 && !retry), Ordering::SeqCst);
                    *self.refused.lock().expect("refused").entry(code).or_default() += 1;
                    None
                }
                _ => panic!("{path} {body}: {status} {answer:#}"),
            }
        })
    }

    fn url(&self, chance: &mut Chance) -> Option<String> {
        let urls = self.urls.lock().expect("urls");
        let up: Vec<&String> = urls.iter().flatten().collect();
        (!up.is_empty()).then(|| up[chance.below(up.len() as u64) as usize].clone())
    }

    fn get(&self, path: &str) -> (u16, Json) {
        let url = self.url(&mut Chance::new(path)).expect("a host");
        let request =
            agent().get(format!("{url}{path}")).header("authorization", format!("Bearer {}", self.key));
        let mut response = request.call().expect("an answer");
        let text = response.body_mut().with_config().limit(1 << 30).read_to_string().expect("text");
        (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Json::String(text)))
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.timeout_global(Some(Duration::from_secs(60))).build().into()
}

fn with_store<T>(database: &str, work: impl AsyncFnOnce(&Store, &TenantId) -> T) -> T {
    runtime().block_on(async {
        let options = Options { url: database.to_owned(), connections: 2 };
        let store = Store::open(&options).await.expect("the database opens");
        let done = work(&store, &"acme".parse().expect("an id")).await;
        store.close().await;
        done
    })
}

async fn effects_of(store: &Store, tenant: &TenantId) -> Vec<OutboxRow> {
    let start = (-1, -1, String::new());
    store.of(tenant).effects(EffectFilter::default(), &start, i64::MAX).await.expect("effects")
}

/// What arrived under an id.
struct Received {
    body: String,
    /// How often it came, and how often it was taken.
    times: usize,
    taken: usize,
}

/// A server that takes webhooks, most of them at once, and remembers all.
struct Receiver {
    url: String,
    received: Arc<Mutex<HashMap<String, Received>>>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let received = Arc::<Mutex<HashMap<String, Received>>>::default();
        let taken = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let taken = Arc::clone(&taken);
                // A sender that is killed in the middle is its own affair.
                std::thread::spawn(move || drop(take(stream, &taken)));
            }
        });
        Self { url, received }
    }
}

fn take(stream: TcpStream, received: &Mutex<HashMap<String, Received>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(&stream);
    loop {
        let (mut id, mut length, mut line) = (String::new(), 0, String::new());
        while lines.read_line(&mut line)? > 0 && line != "\r\n" {
            let (name, value) = line.split_once(':').unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "webhook-id" => id = value.trim().to_owned(),
                "content-length" => length = value.trim().parse().expect("a length"),
                _ => {}
            }
            line.clear();
        }
        if line.is_empty() {
            return Ok(());
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body)?;
        let body = String::from_utf8(body).expect("UTF-8");
        // One in sixteen is refused the first time.
        let refuse = Chance::new(&id).below(16) == 0;
        let status = {
            let mut received = received.lock().expect("received");
            let of =
                received.entry(id).or_insert_with(|| Received { body: body.clone(), times: 0, taken: 0 });
            assert_eq!(of.body, body, "one id, two events");
            of.times += 1;
            let refuse = refuse && of.times == 1;
            of.taken += usize::from(!refuse);
            if refuse { "500 Internal Server Error" } else { "204 No Content" }
        };
        (&stream).write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes())?;
    }
}
