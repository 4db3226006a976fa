//! The sandbox: plugins as components, called under limits, believed only after checks.
//!
//! A component's bytes go through [`Plugins::load`]: looked at and compiled in a child process
//! (`upload`, `interface`, `compile`), kept on disk under the host's key (`cache`), and linked into a
//! [`Prototype`]. With a tenant's settings it becomes a [`Release`], which gives a fresh [`Instance`] for
//! every decision. Each exported call answers with a checked value of ours or a typed [`Failure`], and
//! always with what it used. No other module names the engine.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde_json::Value as Json;
use wasmtime::component::Component;

use crate::digest::Digest;
use crate::failure::Failure;
use crate::lead::Lane;
use crate::text::TextModel;

mod answers;
mod bindings;
pub mod build;
mod cache;
mod caps;
mod compile;
mod convert;
mod engine;
mod exports;
mod given;
mod imports;
mod interface;
mod linked;
mod plan;
mod probe;
mod prune;
mod release;
mod upload;
mod v0_1;
mod version;

pub use answers::{Request, Scores};
pub use compile::{CHILD, child};
pub use convert::visible_text;
pub use engine::{Size, THREAD_STACK};
pub use exports::Exports;
pub use imports::Directory;
pub use interface::Surface;
pub use plan::{Plan, VISIBLE_TEXT};
pub use probe::Probe;
pub use prune::without_export;
pub use release::{
    Called, CandidateRow, Instance, Prototype, Release, ScoreQuestion, Situation, Unstarted, VisibleLead,
    WinEstimate,
};
pub use upload::{Refusal, Stage};
pub use version::InterfaceVersion;

use cache::{Cache, Kind};
use engine::{Class, Sandbox};
use linked::Linked;

/// Bytes of plugins that nobody needs now: a few thousand small ones, or five of the largest.
const LINKED: usize = 512 << 20;

/// Bytes that a plugin takes in memory with so much machine code. Beside the code stand its types and its links: 70 KB
/// for small ones, as `cargo xtask bench density` shows.
fn weight(code: usize) -> usize {
    code + (72 << 10)
}

/// How plugins are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program that compiles when started with [`CHILD`]: this one.
    pub compiler: PathBuf,
    /// Where machine code is kept; `None` compiles anew at every start.
    pub cache: Option<PathBuf>,
    /// Limits of small guests; those of large ones are a fixed multiple.
    pub plan: Plan,
    /// How many instances at once.
    pub size: Size,
}

/// Everything that runs plugins: the engines, their pools, the cache.
pub struct Plugins {
    small: Arc<Sandbox>,
    /// Made when the first large guest is loaded: whoever has none pays nothing for it.
    large: Mutex<Option<Arc<Sandbox>>>,
    size: Size,
    compiler: PathBuf,
    cache: Option<Cache>,
    /// What is linked already; looked up once a tenant, so one lock is enough.
    loaded: Mutex<Linked<Prototype>>,
}

/// The plugins shipped inside the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standard {
    /// Lane definitions and examples to a verdict.
    Classifier,
    /// Weighted factors.
    Scorer,
    /// A chain of steps.
    Fallback,
}

impl Standard {
    /// Its component.
    pub fn component(self) -> &'static [u8] {
        match self {
            Self::Classifier => CLASSIFIER,
            Self::Scorer => SCORER,
            Self::Fallback => FALLBACK,
        }
    }
}

impl Standard {
    const ALL: [Self; 3] = [Self::Classifier, Self::Scorer, Self::Fallback];
}

// Of each there is one in the whole program, so that it is known by where it lies.
static CLASSIFIER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/classifier.wasm"));
static SCORER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/scorer.wasm"));
static FALLBACK: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/fallback.wasm"));

/// What a component is known by. The program's own are part of every tenant, so theirs is worked out once.
fn digest_of(component: &[u8]) -> Digest {
    static OWN: LazyLock<[Digest; 3]> =
        LazyLock::new(|| Standard::ALL.map(|own| Digest::of(own.component())));
    let own = Standard::ALL.iter().position(|own| std::ptr::eq(own.component(), component));
    own.map_or_else(|| Digest::of(component), |place| OWN[place])
}

/// Why a plugin does not run with some settings.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unfit {
    /// It refuses them, for these reasons: pointer and message.
    #[error("it refuses its settings: {}", told(.0))]
    Refused(Vec<(String, String)>),
    /// It cannot tell.
    #[error("it cannot check its settings: {0}")]
    Unchecked(Failure),
    /// It accepts them, and cannot do what it has to do once.
    #[error("it cannot prepare: {0}")]
    Unprepared(Failure),
}

fn told(issues: &[(String, String)]) -> String {
    let issues = issues.iter().map(|(pointer, message)| format!("{pointer} {message}").trim().to_owned());
    issues.collect::<Vec<String>>().join("; ")
}

impl Plugins {
    /// Starts the engine and opens the cache.
    pub fn new(options: Options) -> Result<Self, Failure> {
        let cache = match &options.cache {
            None => None,
            Some(folder) => Some(Cache::open(folder).map_err(|error| Failure::Host {
                message: format!("the cache {} cannot be used: {error}", folder.display()),
            })?),
        };
        Ok(Self {
            small: Sandbox::new(Class::Small, options.plan, options.size)?,
            large: Mutex::default(),
            size: options.size,
            compiler: options.compiler,
            cache,
            loaded: Mutex::new(Linked::new(LINKED)),
        })
    }

    /// The limits that calls of small guests run under; [`Prototype::plan`] has those of each plugin.
    pub fn plan(&self) -> &Plan {
        &self.small.plan
    }

    fn sandbox(&self, class: Class) -> Result<Arc<Sandbox>, Failure> {
        if class == Class::Small {
            return Ok(Arc::clone(&self.small));
        }
        let mut large = self.large.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sandbox) = &*large {
            return Ok(Arc::clone(sandbox));
        }
        let sandbox = Sandbox::new(class, self.small.plan, self.size)?;
        Ok(Arc::clone(large.insert(sandbox)))
    }

    /// A component made ready to be instantiated: linked already, kept on disk, or compiled now.
    pub fn load(&self, component: &[u8]) -> Result<Prototype, Vec<Refusal>> {
        let class = upload::at_a_glance(component, self.plan()).map_err(|refusal| vec![refusal])?;
        let digest = digest_of(component);
        let loaded = || self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(prototype) = loaded().get(&digest) {
            return Ok(prototype.clone());
        }
        let sandbox = self.sandbox(class).map_err(unstarted)?;
        let (component, bytes) = match self.kept(&sandbox, &digest) {
            Some(kept) => kept,
            None => self.compiled(&sandbox, component, &digest)?,
        };
        let prototype = Prototype::new(&sandbox, &component, digest).map_err(unstarted)?;
        loaded().insert(digest, prototype.clone(), weight(bytes));
        Ok(prototype)
    }

    /// Compiles and checks as an upload would be, whatever is kept, and says what the component exports
    /// and imports. [`Plugins::load`] then finds its machine code.
    pub fn inspect(&self, component: &[u8]) -> Result<Surface, Vec<Refusal>> {
        let class = upload::at_a_glance(component, self.plan()).map_err(|refusal| vec![refusal])?;
        let sandbox = self.sandbox(class).map_err(unstarted)?;
        let compiled = compile::compile(&self.compiler, component, class, &sandbox.plan)?;
        self.keep(Kind::Code, &code_name(&sandbox, &Digest::of(component)), &compiled.artifact);
        Ok(compiled.surface)
    }

    /// What a component exports and imports, and the component ready to be instantiated; what this host has compiled
    /// and checked before is not again.
    pub fn admit(&self, component: &[u8]) -> Result<(Surface, Prototype), Vec<Refusal>> {
        let class = upload::at_a_glance(component, self.plan()).map_err(|refusal| vec![refusal])?;
        let name = code_name(&*self.sandbox(class).map_err(unstarted)?, &Digest::of(component));
        let kept = self.cache.as_ref().and_then(|cache| cache.get(Kind::Surface, &name));
        let surface = match kept.and_then(|kept| serde_json::from_slice(&kept).ok()) {
            Some(surface) => surface,
            None => {
                let surface = self.inspect(component)?;
                self.keep(Kind::Surface, &name, &serde_json::to_vec(&surface).unwrap_or_default());
                surface
            }
        };
        Ok((surface, self.load(component)?))
    }

    /// The plugin with settings that it accepts. What it prepares of them is kept beside its code, and then it is not asked
    /// again.
    pub fn release(
        &self,
        prototype: &Prototype,
        settings: &Json,
        lanes: &Arc<[Lane]>,
    ) -> Result<Release, Unfit> {
        let name = set_up_name(prototype, settings, lanes);
        let kept = self.cache.as_ref().and_then(|cache| cache.get(Kind::Ready, &name));
        let prepared = match kept {
            Some(prepared) => prepared,
            None => {
                let issues = prototype.check(settings, lanes).map_err(Unfit::Unchecked)?;
                if !issues.is_empty() {
                    return Err(Unfit::Refused(issues));
                }
                let prepared = prototype.prepare(settings, lanes).map_err(Unfit::Unprepared)?;
                self.keep(Kind::Ready, &name, &prepared);
                prepared
            }
        };
        Ok(prototype.release(settings, Arc::clone(lanes), prepared))
    }

    /// Machine code that is kept, and its length.
    fn kept(&self, sandbox: &Sandbox, digest: &Digest) -> Option<(Component, usize)> {
        let artifact = self.cache.as_ref()?.get(Kind::Code, &code_name(sandbox, digest))?;
        let bytes = artifact.len();
        #[expect(
            unsafe_code,
            reason = "machine code this host made itself, as its authentication code shows"
        )]
        // SAFETY: `Cache::get` gives bytes only if they carry this host's authentication code for exactly
        // this name, and this host keeps under it what its own compiler made.
        let component = unsafe { Component::deserialize(&sandbox.engine, artifact) };
        Some((component.ok()?, bytes))
    }

    fn compiled(
        &self,
        sandbox: &Sandbox,
        component: &[u8],
        digest: &Digest,
    ) -> Result<(Component, usize), Vec<Refusal>> {
        let compiled = compile::compile(&self.compiler, component, sandbox.class, &sandbox.plan)?;
        self.keep(Kind::Code, &code_name(sandbox, digest), &compiled.artifact);
        #[expect(unsafe_code, reason = "machine code our own child process made a moment ago")]
        // SAFETY: the bytes come from our own compiler, through a file that only we can write.
        let component = unsafe { Component::deserialize(&sandbox.engine, &compiled.artifact) };
        let hint = "this is the host's trouble, not the plugin's";
        let bytes = compiled.artifact.len();
        component
            .map(|component| (component, bytes))
            .map_err(|error| vec![Refusal::new(Stage::Compile, format!("{error:#}")).hint(hint)])
    }

    /// A cache that cannot be written costs time, not leads.
    fn keep(&self, kind: Kind, name: &Digest, content: &[u8]) {
        if let Some(cache) = &self.cache {
            let _ = cache.put(kind, name, content);
        }
    }
}

/// A component with settings and lanes, and the text model that it may ask.
fn set_up_name(prototype: &Prototype, settings: &Json, lanes: &[Lane]) -> Digest {
    let (component, text) = (prototype.digest(), settings.to_string());
    let known = serde_json::to_string(lanes).unwrap_or_default();
    let model = TextModel::embedded().digest();
    Digest::of_parts([component.bytes().as_slice(), text.as_bytes(), known.as_bytes(), model.as_bytes()])
}

fn unstarted(failure: Failure) -> Vec<Refusal> {
    vec![Refusal::new(Stage::Instantiate, failure.to_string())]
}

/// Machine code depends on engine and settings as well as on the component.
fn code_name(sandbox: &Sandbox, digest: &Digest) -> Digest {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    sandbox.engine.precompile_compatibility_hash().hash(&mut hasher);
    Digest::of_parts([digest.bytes().as_slice(), hasher.finish().to_le_bytes().as_slice()])
}

/// Where machine code is kept unless told otherwise: the user's cache folder.
pub fn default_cache() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    base.or_else(home).map(|base| base.join("lanewright"))
}
