//! A tenant made ready for its line: its configuration set up, its desk as the database has it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::published::{Deployments, Learned, deployments, published};
use super::{Parts, Refused};
use crate::config::{self, Config, Folder, Place, Problem, Problems};
use crate::counters::{Counted, NewLead, Sign};
use crate::desk::{Desk, Saved};
use crate::digest::Digest;
use crate::effects::Destination;
use crate::health::Watch;
use crate::lead::{LeadId, RepId, RuleId, TeamId, TenantId};
use crate::plugin::Plugins;
use crate::records::Record;
use crate::releases::ReleaseName;
use crate::store::{self, CaseRow, CounterKind, RecordRow, Standing, TenantRow};
use crate::tenant::{Published, Tenant};
use crate::versions::{self, Files, State};

/// A tenant in memory.
pub(super) struct Loaded {
    pub(super) desk: Desk,
    pub(super) tenant: Arc<Tenant>,
    /// The configuration it is set up by.
    pub(super) version: i64,
    /// And the releases.
    pub(super) deployments: Arc<Deployments>,
    /// And what was learned.
    pub(super) learned: Learned,
    /// The one that is in force, as far as is committed.
    pub(super) in_force: Option<i64>,
    /// The last commit it knows of, of its own making or another's.
    pub(super) head: i64,
    /// The tenant's time does not go back.
    pub(super) clock: Timestamp,
    /// Where effects go.
    pub(super) destinations: Vec<Destination>,
    /// When something is due, as the database has it.
    pub(super) wake_at: Option<Timestamp>,
    /// Whether all of it is as of one moment, after whoever asks did, and nothing was decided on it yet.
    pub(super) fresh: bool,
}

/// Why a tenant has no line.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// Nothing was published.
    #[error("no configuration was published yet")]
    Nothing,
    /// There is no such version.
    #[error("there is no version {0} of the configuration")]
    NoVersion(i64),
    /// What was published cannot be set up on this host.
    #[error("version {version} of the configuration cannot be set up: {problems}")]
    Problems {
        /// Which.
        version: i64,
        /// Why.
        problems: Problems,
    },
}

/// Sets a version up, and with it the one that is tried on some accounts.
pub(super) async fn tenant(
    parts: &Arc<Parts>,
    id: &TenantId,
    version: i64,
    published: Arc<Published>,
) -> Result<Arc<Tenant>, Refused> {
    let files = living(parts, id, version).await?;
    with_tried(parts, id, (version, files), published).await
}

async fn with_tried(
    parts: &Arc<Parts>,
    id: &TenantId,
    files: (i64, Files),
    mut published: Arc<Published>,
) -> Result<Arc<Tenant>, Refused> {
    let tried = published.tried.as_ref().and_then(|tried| tried.trying.treatment.configuration());
    if let Some(other) = tried {
        let files = living(parts, id, other).await?;
        let other = with_files(parts, id, (other, files), Arc::clone(&published)).await?;
        if let Some(tried) = &mut Arc::make_mut(&mut published).tried {
            tried.by = Some(other);
        }
    }
    let tenant = with_files(parts, id, files, published).await?;
    match tenant.tried_version().filter(|(_, other)| !same_people(&tenant.config, &other.config)) {
        None => Ok(tenant),
        Some((version, _)) => Err(Refused::Conflict(format!(
            "version {version} has other reps or teams than the one in force, or another time zone: an experiment shares \
             them; publish those first"
        ))),
    }
}

/// Whether two configurations share what is counted: reps in their order and their teams, and when a day begins.
fn same_people(one: &Config, other: &Config) -> bool {
    let reps = |config: &Config| -> Vec<(RepId, TeamId)> {
        config.reps.iter().map(|rep| (rep.id.clone(), rep.team.clone())).collect()
    };
    let teams =
        |config: &Config| -> BTreeSet<TeamId> { config.teams.iter().map(|team| team.id.clone()).collect() };
    reps(one) == reps(other) && teams(one) == teams(other) && one.timezone == other.timezone
}

/// The files of a version that may come into force.
async fn living(parts: &Parts, id: &TenantId, version: i64) -> Result<Files, Refused> {
    let (known, files) = read(parts, id, version).await?;
    // Whoever gave it up while it was on its way into force was first: their change is a commit like any other.
    match known.state {
        State::Discarded => Err(Refused::NotReady(Arc::new(NotReady::NoVersion(version)))),
        _ => Ok(files),
    }
}

/// Sets a version up that decided once, whatever has become of it.
pub(super) async fn as_it_was(
    parts: &Arc<Parts>,
    id: &TenantId,
    version: i64,
    published: Arc<Published>,
) -> Result<Arc<Tenant>, Refused> {
    let (_, files) = read(parts, id, version).await?;
    with_files(parts, id, (version, files), published).await
}

async fn read(parts: &Parts, id: &TenantId, version: i64) -> Result<(versions::Version, Files), Refused> {
    versions::read(&parts.store.of(id), version).await.map_err(|error| match error {
        versions::Error::Store(error) => error.into(),
        _ => Refused::NotReady(Arc::new(NotReady::NoVersion(version))),
    })
}

async fn with_files(
    parts: &Arc<Parts>,
    id: &TenantId,
    (version, files): (i64, Files),
    published: Arc<Published>,
) -> Result<Arc<Tenant>, Refused> {
    let (working, of) = (Arc::clone(parts), id.clone());
    let set_up = parts.threads.run(id, move || set_up(&working, &of, version, &files, &published));
    set_up.await.ok_or(Refused::Broken)?.map_err(|why| Refused::NotReady(Arc::new(why)))
}

fn set_up(
    parts: &Parts,
    id: &TenantId,
    version: i64,
    files: &Files,
    published: &Published,
) -> Result<Arc<Tenant>, NotReady> {
    let problems = |problems| NotReady::Problems { version, problems };
    check(id, files, &parts.plugins, published).map(Arc::new).map_err(problems)
}

/// Sets the folder of a tenant up, as every host would.
pub(super) fn check(
    id: &TenantId,
    folder: &dyn Folder,
    plugins: &Plugins,
    published: &Published,
) -> Result<Tenant, Problems> {
    let tenant = Tenant::new(config::load_from(folder)?, folder, plugins, published)?;
    match tenant.config.tenant == *id {
        true => Ok(tenant),
        false => {
            let place = Place { file: "tenant.toml".to_owned(), line: 0 };
            let message = format!("this is the folder of {}, and not of {id}", tenant.config.tenant);
            Err(Problems(vec![Problem::at(&place, message).hint(format!("write `id = \"{id}\"`"))]))
        }
    }
}

/// New leads older than this count nowhere any more.
const COUNTED: SignedDuration = SignedDuration::from_hours(8 * 24);

/// Records older than this are no longer known to a host that starts anew.
const KNOWN: SignedDuration = SignedDuration::from_hours(24 * 400);

/// The tenant as the database has it. One without a configuration is set up by `first`; a version that was set up
/// before is not set up again.
///
/// What is read first may have changed by the end. It is as of one commit, though, and whatever is decided on it is told
/// where that is no longer the last.
pub(super) async fn load(
    parts: &Arc<Parts>,
    id: &TenantId,
    first: Option<i64>,
    known: Option<&SetUp>,
) -> Result<Loaded, Refused> {
    let (store, now) = (parts.store.of(id), parts.clock.now());
    let standing = store.standing((now - COUNTED).as_millisecond()).await?;
    let nothing = || Refused::NotReady(Arc::new(NotReady::Nothing));
    let (version, learned) =
        (standing.tenant.version.or(first).ok_or_else(nothing)?, Learned::of(&standing.tenant));
    let deployments = Arc::new(deployments(&standing.plugins)?);
    let tenant = match known {
        Some(known)
            if (known.version, &known.learned, &known.deployments) == (version, &learned, &deployments) =>
        {
            Arc::clone(&known.tenant)
        }
        _ => {
            let published = published(parts, id, &deployments, &learned);
            let (published, files) = tokio::try_join!(published, living(parts, id, version))?;
            with_tried(parts, id, (version, files), Arc::new(published)).await?
        }
    };
    let looks_back = tenant.config.looks_back();
    let records = match looks_back {
        true => store.records((now - KNOWN).as_millisecond()).await?,
        false => Vec::new(),
    };
    let destinations =
        standing.destinations.iter().filter_map(|row| Destination::try_from(row).ok()).collect();
    let mut desk = Desk::new(Arc::clone(&tenant));
    let TenantRow { head, clock, wake_at, version: in_force, .. } = standing.tenant;
    desk.restore(saved(standing, records)?).map_err(|error| unreadable(&error.to_string()))?;
    let clock = Timestamp::from_millisecond(clock).unwrap_or_default();
    let wake_at = wake_at.and_then(|at| Timestamp::from_millisecond(at).ok());
    let fresh = !looks_back;
    Ok(Loaded {
        desk,
        tenant,
        version,
        deployments,
        learned,
        in_force,
        head,
        clock,
        destinations,
        wake_at,
        fresh,
    })
}

/// What a tenant was set up by, and what came of it.
#[derive(Clone)]
pub(super) struct SetUp {
    pub(super) version: i64,
    pub(super) deployments: Arc<Deployments>,
    pub(super) learned: Learned,
    pub(super) tenant: Arc<Tenant>,
}

/// The tenant's releases and its model as they are now, for a version that need not be in force: no other is tried in it.
pub(super) async fn published_now(
    parts: &Parts,
    id: &TenantId,
) -> Result<(Arc<Deployments>, Learned, Arc<Published>), Refused> {
    let store = parts.store.of(id);
    let deployments = deployments(&store.plugins().await?)?;
    let learned = Learned::of(&store.row().await?);
    let published = published(parts, id, &deployments, &learned).await?.without_version();
    Ok((Arc::new(deployments), learned, Arc::new(published)))
}

impl Loaded {
    /// Releases of which it is watched how they fare.
    pub(super) fn watched(&self) -> Vec<Watch> {
        let Self { tenant, deployments, .. } = self;
        let mut watches: Vec<Watch> = Vec::new();
        let mut add = |release: &ReleaseName, digest: Digest, stage: &'static str| {
            let Some(deployment) = deployments.get(&release.plugin) else { return };
            // There has to be something to go back to.
            let goes_back = stage != "active" || deployment.good.is_some();
            let watch = Watch {
                release: release.clone(),
                digest,
                stage,
                budget: goes_back.then_some(deployment.budget),
            };
            if !watches.contains(&watch) {
                watches.push(watch);
            }
        };
        let versions = &tenant.active.versions;
        for (role, release) in &versions.releases {
            if let Some(digest) = versions.plugins.get(role) {
                add(release, *digest, "active");
            }
        }
        let tried = tenant.tried_version().map(|(_, tried)| tried);
        if let Some(tried) = tried {
            let versions = &tried.active.versions;
            for (role, release) in &versions.releases {
                if let Some(digest) = versions.plugins.get(role) {
                    add(release, *digest, "active");
                }
            }
        }
        for beside in tenant.candidates.iter().chain(tried.iter().flat_map(|tried| &tried.candidates)) {
            add(&beside.release, beside.digest, beside.stage.as_str());
        }
        watches
    }

    /// By what it is set up.
    pub(super) fn set_up(&self) -> SetUp {
        SetUp {
            version: self.version,
            deployments: Arc::clone(&self.deployments),
            learned: self.learned.clone(),
            tenant: Arc::clone(&self.tenant),
        }
    }

    /// Goes on under a version that comes into force.
    ///
    /// # Errors
    ///
    /// [`Refused::Conflict`] where an experiment holds another version against the one in force, which stays what it is.
    pub(super) async fn adopt(
        &mut self,
        parts: &Arc<Parts>,
        id: &TenantId,
        version: i64,
    ) -> Result<(), Refused> {
        if let Some((experiment, tried)) = self.learned.tries_version().filter(|_| version != self.version) {
            let promoted = self.tenant.promoted() == Some(version);
            if !promoted {
                return Err(Refused::Conflict(format!(
                    "experiment {experiment} holds version {tried} against the one in force; promote or stop it first"
                )));
            }
        }
        self.go_by(parts, id, version).await
    }

    /// Goes on under another version, in force or not.
    pub(super) async fn go_by(
        &mut self,
        parts: &Arc<Parts>,
        id: &TenantId,
        version: i64,
    ) -> Result<(), Refused> {
        if version != self.version {
            // As they are now: where they have changed since the desk was read, the commit is told that it is behind.
            let (deployments, learned, published) = published_now(parts, id).await?;
            let tenant = tenant(parts, id, version, published).await?;
            (self.deployments, self.learned) = (deployments, learned);
            self.desk.adopt(Arc::clone(&tenant));
            (self.tenant, self.version) = (tenant, version);
        }
        Ok(())
    }

    /// Takes up leads that were put away.
    pub(super) fn take_up(&mut self, leads: Vec<CaseRow>) -> Result<(), Refused> {
        self.fresh = false;
        let cases = leads.into_iter().map(case).collect::<Result<_, _>>()?;
        let saved = Saved { cases, ..Saved::default() };
        self.desk.restore(saved).map_err(|error| unreadable(&error.to_string()))
    }
}

fn saved(standing: Standing, records: Vec<RecordRow>) -> Result<Saved, Refused> {
    let Standing { tenant, leads, counters, new_leads, .. } = standing;
    let mut counted = Counted::default();
    let (mut absent, mut booked) = (Vec::new(), Vec::new());
    for row in counters {
        let what = || format!("the counter {} {}", row.kind, row.id);
        match CounterKind::of(&row.kind).ok_or_else(|| unreadable(&what()))? {
            CounterKind::Rep => counted.reps.push((id::<RepId>(&row.id)?, json(&row.value, what)?)),
            CounterKind::Queue => counted.queues.push((row.id.clone(), json(&row.value, what)?)),
            CounterKind::First => counted.first = Some(json(&row.value, what)?),
            CounterKind::Absent => absent.push((id::<RepId>(&row.id)?, json(&row.value, what)?)),
            CounterKind::Booked => booked.push((id::<RepId>(&row.id)?, json(&row.value, what)?)),
        }
    }
    for row in new_leads {
        let what = || format!("a new lead of {}", row.rep);
        counted.new_leads.push(NewLead {
            at: Timestamp::from_millisecond(row.at).map_err(|_| unreadable(&what()))?,
            rep: id::<RepId>(&row.rep)?,
            team: id::<TeamId>(&row.team)?,
            rules: json::<Vec<RuleId>>(&row.rules, what)?,
            sign: if row.sign < 0 { Sign::Minus } else { Sign::Plus },
        });
    }
    let record = |row: store::RecordRow| json::<Record>(&row.record, || format!("the record {}", row.id));
    Ok(Saved {
        cases: leads.into_iter().map(case).collect::<Result<_, _>>()?,
        counted,
        records: records.into_iter().map(record).collect::<Result<_, _>>()?,
        absent,
        booked,
        arrivals: tenant.arrivals.try_into().unwrap_or_default(),
    })
}

fn case(row: CaseRow) -> Result<(LeadId, String, Option<String>), Refused> {
    Ok((id(&row.lead)?, row.state, row.kept))
}

fn id<T: std::str::FromStr>(text: &str) -> Result<T, Refused> {
    text.parse().map_err(|_| unreadable(&format!("the id {text:?}")))
}

fn json<T: serde::de::DeserializeOwned>(text: &str, what: impl Fn() -> String) -> Result<T, Refused> {
    serde_json::from_str(text).map_err(|error| unreadable(&format!("{} ({error})", what())))
}

pub(super) fn unreadable(what: &str) -> Refused {
    store::Error::Unreadable { what: what.to_owned() }.into()
}
