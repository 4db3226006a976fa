//! Threads that run plugins, shared fairly between tenants.
//!
//! ```text
//! work of a tenant ─▶ its own queue ─▶ whoever has used least so far is next ─▶ a free thread
//! ```
//!
//! Work is run in pieces, a lead each, and none is interrupted: what one may take is bounded by its plugins' fuel. The
//! next piece is that of the tenant whose pieces took least time so far (start-time fair queueing, Goyal et al. 1996),
//! so that one with a thousand slow leads keeps another waiting for a piece and no longer. While somebody else had work
//! lately, no tenant takes the last thread, since with it goes the last processor ([`LATELY`]). One thread more than are
//! meant to be busy is there for whoever comes while others have all of them, and the processor prefers it to
//! them: who comes seldom does not wait for those that never end. A guest that runs for long asks now and then whether that
//! thread has work, and gives way to it ([`give_way`]): left to itself, the system lets a thread go on for milliseconds.

use std::any::Any;
use std::cell::OnceCell;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::lead::TenantId;

/// The threads of a host.
pub struct Threads {
    shared: Arc<Shared>,
    handles: Vec<JoinHandle<()>>,
}

/// A piece of work.
type Work = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Shared {
    queues: Mutex<Queues>,
    /// There is work.
    more: Condvar,
    /// There is work beside that of a tenant that is busy already.
    beside: Condvar,
    /// Whoever takes that has some, or is about to look.
    beside_at_work: AtomicBool,
}

thread_local! {
    /// Of a thread that takes whatever there is: whose.
    static OF: OnceCell<Arc<Shared>> = const { OnceCell::new() };
}

/// Leaves the processor to the thread that is kept for whoever comes, where this is another of its host's and that one
/// has work. For whoever runs for long, about every millisecond; what it costs where nobody waits is a look.
pub fn give_way() {
    if has_to_give_way() {
        std::thread::yield_now();
    }
}

fn has_to_give_way() -> bool {
    OF.with(|of| of.get().is_some_and(|shared| shared.beside_at_work.load(Ordering::Relaxed)))
}

/// What a thread takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// Whatever there is.
    Any,
    /// Work of tenants that have none under way, while others have.
    Beside,
}

/// By how much the processor puts threads that take whatever there is behind the one that does not (`nice`): what both
/// want of it goes to that one three times out of four.
#[cfg(target_os = "linux")]
const BEHIND: i32 = 5;

/// How long a thread is left to a tenant that had work: one who has a lead now and then, and less than a second between
/// them, finds a processor free.
const LATELY: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Queues {
    tenants: HashMap<TenantId, Queue>,
    /// Pieces that one tenant may have under way while nobody else is here.
    permits: usize,
    /// The two tenants who had work last, the later one first, and when they had.
    lately: [Option<(TenantId, Instant)>; 2],
    /// The time that the last piece began at, as its tenant's time stood: nobody who comes now is behind it.
    clock: Duration,
    /// How far the tenant is that has used most.
    furthest: Duration,
    /// Pieces that wait or are under way, of all tenants.
    pieces: usize,
    ending: bool,
}

/// What waits of one tenant.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Work>,
    running: usize,
    /// What its pieces took, counted from when it last came.
    used: Duration,
}

impl Threads {
    /// So many threads, each with so many bytes of stack, and one more that no tenant takes beside them.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub fn new(number: usize, stack: usize) -> io::Result<Self> {
        let number = number.max(1);
        let shared = Arc::new(Shared::default());
        shared.lock().permits = number;
        let start = |place: usize| {
            let (shared, takes) =
                (Arc::clone(&shared), if place == number { Takes::Beside } else { Takes::Any });
            let thread = std::thread::Builder::new().name(format!("plugins-{place}")).stack_size(stack);
            thread.spawn(move || {
                if takes == Takes::Any {
                    let _ = OF.with(|of| of.set(Arc::clone(&shared)));
                }
                shared.work(takes);
            })
        };
        let handles = (0..=number).map(start).collect::<io::Result<_>>()?;
        Ok(Self { shared, handles })
    }

    /// Has a piece of a tenant's work done in its turn.
    pub fn spawn(&self, tenant: &TenantId, work: impl FnOnce() + Send + 'static) {
        let mut queues = self.shared.lock();
        queues.push(tenant, Box::new(work), Instant::now());
        self.shared.wake(&queues);
    }

    /// Begins a piece of work at once, whether anybody waits for it or not; nothing comes of it where it panicked.
    pub fn run<T: Send + 'static>(
        &self,
        tenant: &TenantId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send + 'static {
        let (answer, answered) = oneshot::channel();
        self.spawn(tenant, move || drop(answer.send(work())));
        async { answered.await.ok() }
    }

    /// Begins many pieces at once; their answers in their order, and nothing where one panicked.
    pub fn all<T: Send + 'static, W: FnOnce() -> T + Send + 'static>(
        &self,
        tenant: &TenantId,
        pieces: impl IntoIterator<Item = W>,
    ) -> impl Future<Output = Option<Vec<T>>> + Send + 'static {
        let begun: Vec<_> = pieces.into_iter().map(|piece| self.run(tenant, piece)).collect();
        async {
            let mut done = Vec::with_capacity(begun.len());
            for piece in begun {
                done.push(piece.await?);
            }
            Some(done)
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.lock().ending = true;
        self.shared.more.notify_all();
        self.shared.beside.notify_all();
        let here = std::thread::current().id();
        for handle in self.handles.drain(..) {
            // The last to let go may be one of them.
            if handle.thread().id() != here {
                let _ = handle.join();
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody looks who may take what waits.
    fn wake(&self, queues: &Queues) {
        self.more.notify_one();
        self.wake_beside(queues);
    }

    fn wake_beside(&self, queues: &Queues) {
        if queues.tenants.len() > 1 {
            self.beside_at_work.store(true, Ordering::Relaxed);
            self.beside.notify_one();
        }
    }

    /// What a thread does until there is nothing left and nobody brings more.
    fn work(&self, takes: Takes) {
        #[cfg(target_os = "linux")]
        if takes == Takes::Any {
            // Of this thread alone. Where it is refused, all are equals.
            let _ = rustix::process::nice(BEHIND);
        }
        let news = match takes {
            Takes::Any => &self.more,
            Takes::Beside => &self.beside,
        };
        let mut queues = self.lock();
        loop {
            let Some((tenant, work)) = queues.next(takes, Instant::now()) else {
                if queues.ending {
                    return;
                }
                if takes == Takes::Beside {
                    self.beside_at_work.store(false, Ordering::Relaxed);
                }
                queues = match takes == Takes::Any && queues.withholds() {
                    // Nobody tells when whoever it is left to has been away for long enough.
                    true => news.wait_timeout(queues, LATELY).unwrap_or_else(PoisonError::into_inner).0,
                    false => news.wait(queues).unwrap_or_else(PoisonError::into_inner),
                };
                continue;
            };
            if queues.begins() {
                // Whoever is kept for others had nobody to work beside when it looked.
                self.wake_beside(&queues);
            }
            drop(queues);
            let began = Instant::now();
            let done = catch_unwind(AssertUnwindSafe(work));
            let ended = Instant::now();
            queues = self.lock();
            queues.done(&tenant, ended - began, ended);
            // It had all its permits, perhaps, and more of it waits.
            self.wake(&queues);
            if done.is_err() {
                panicked(done);
            }
        }
    }
}

/// Whoever waits for it is told by the channel that closed; it takes nobody else along.
fn panicked(_: Result<(), Box<dyn Any + Send>>) {
    tracing::error!("what was worked out on the threads of plugins panicked");
}

impl Queues {
    fn push(&mut self, tenant: &TenantId, work: Work, now: Instant) {
        self.saw(tenant, now);
        let queue = self.tenants.entry(tenant.clone()).or_default();
        if queue.waiting.is_empty() && queue.running == 0 {
            // Whoever was away has saved nothing up.
            queue.used = queue.used.max(self.clock);
        }
        queue.waiting.push_back(work);
        self.pieces += 1;
    }

    fn saw(&mut self, tenant: &TenantId, now: Instant) {
        if self.lately[0].as_ref().is_none_or(|(last, _)| last != tenant) {
            self.lately.swap(0, 1);
        }
        self.lately[0] = Some((tenant.clone(), now));
    }

    /// All threads, or one less where somebody else had work lately.
    fn permits_of(&self, tenant: &TenantId, now: Instant) -> usize {
        let is_here = |(other, at): &(TenantId, Instant)| other != tenant && now.duration_since(*at) < LATELY;
        let others = self.lately.iter().flatten().any(is_here);
        (self.permits - usize::from(others)).max(1)
    }

    /// The first piece of whoever has used least and may have another under way.
    fn next(&mut self, takes: Takes, now: Instant) -> Option<(TenantId, Work)> {
        if takes == Takes::Beside && self.tenants.values().all(|queue| queue.running == 0) {
            return None;
        }
        let permits = |tenant| match takes {
            Takes::Any => self.permits_of(tenant, now),
            Takes::Beside => 1,
        };
        let may = self
            .tenants
            .iter()
            .filter(|(tenant, queue)| !queue.waiting.is_empty() && queue.running < permits(tenant));
        // Of equals the one with the smaller id, so that nothing depends on a table's order.
        let (tenant, _) = may.min_by(|(a, x), (b, y)| x.used.cmp(&y.used).then_with(|| a.cmp(b)))?;
        let tenant = tenant.clone();
        let queue = self.tenants.get_mut(&tenant)?;
        let work = queue.waiting.pop_front()?;
        queue.running += 1;
        self.clock = self.clock.max(queue.used);
        Some((tenant, work))
    }

    /// Whether something waits though a thread is free.
    fn withholds(&self) -> bool {
        self.tenants.values().any(|queue| !queue.waiting.is_empty())
    }

    /// Whether the only piece under way has just begun, and others wait.
    fn begins(&self) -> bool {
        self.pieces > 1 && self.tenants.values().map(|queue| queue.running).sum::<usize>() == 1
    }

    fn done(&mut self, tenant: &TenantId, took: Duration, now: Instant) {
        self.saw(tenant, now);
        let Some(queue) = self.tenants.get_mut(tenant) else { return };
        queue.running -= 1;
        queue.used += took;
        self.furthest = self.furthest.max(queue.used);
        self.pieces -= 1;
        if self.pieces == 0 {
            // Nobody competes any more: whoever comes now begins where all the others are.
            self.clock = self.furthest;
            self.tenants.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn id(name: &str) -> TenantId {
        name.parse().expect("an id")
    }

    #[test]
    fn who_has_used_least_is_next() {
        let check = |name: &str, came: &[&str], expect: &[&str]| {
            let mut queues = Queues { permits: 1, ..Queues::default() };
            let mut now = Instant::now();
            came.iter().for_each(|tenant| queues.push(&id(tenant), Box::new(|| {}), now));
            let mut order = Vec::new();
            while let Some((tenant, _)) = queues.next(Takes::Any, now) {
                // A piece of `slow` takes three times as long.
                let took = Duration::from_millis(if tenant.as_str() == "slow" { 3 } else { 1 });
                now += took;
                order.push(tenant.to_string());
                queues.done(&tenant, took, now);
            }
            assert_eq!(order, expect, "{name}");
        };
        check("one alone", &["a", "a"], &["a", "a"]);
        check("in turns", &["a", "a", "a", "b", "b"], &["a", "b", "a", "b", "a"]);
        check(
            "by time and not by number",
            &["slow", "slow", "slow", "b", "b", "b", "b"],
            &["b", "slow", "b", "b", "b", "slow", "slow"],
        );
    }

    #[test]
    fn where_nobody_competes_nobody_is_remembered() {
        let mut queues = Queues { permits: 1, ..Queues::default() };
        let tenants = ["a", "b", "c"];
        for round in 1..=3 {
            let now = Instant::now();
            tenants.iter().for_each(|tenant| queues.push(&id(tenant), Box::new(|| {}), now));
            while let Some((tenant, _)) = queues.next(Takes::Any, now) {
                queues.done(&tenant, Duration::from_millis(1), now);
            }
            assert!(queues.tenants.is_empty());
            assert_eq!(queues.clock, Duration::from_millis(round), "all are where the furthest was");
        }
    }

    #[test]
    fn the_last_thread_is_left_to_whoever_was_here_lately() {
        let check = |name: &str, threads: usize, had: &[(&str, u64)], expect: usize| {
            let mut queues = Queues { permits: threads, ..Queues::default() };
            let began = Instant::now();
            let at = |milliseconds| began + Duration::from_millis(milliseconds);
            for (tenant, milliseconds) in had {
                queues.push(&id(tenant), Box::new(|| {}), at(*milliseconds));
                assert!(queues.next(Takes::Any, at(*milliseconds)).is_some(), "{name}: {tenant}");
                queues.done(&id(tenant), Duration::ZERO, at(*milliseconds));
            }
            (0..10).for_each(|_| queues.push(&id("hog"), Box::new(|| {}), at(2_000)));
            let taken = std::iter::from_fn(|| queues.next(Takes::Any, at(2_000))).count();
            assert_eq!(taken, expect, "{name}");
        };
        check("nobody else", 4, &[], 4);
        check("nobody else, though it was here itself", 4, &[("hog", 1_990), ("hog", 1_995)], 4);
        check("another, a moment ago", 4, &[("other", 1_001)], 3);
        check("another, too long ago", 4, &[("other", 1_000)], 4);
        check("another before itself", 4, &[("other", 1_500), ("hog", 1_600)], 3);
        check("another one came twice", 4, &[("a", 100), ("hog", 1_500), ("a", 1_600), ("hog", 1_700)], 3);
        check("two, of whom one is here still", 4, &[("hog", 10), ("a", 100), ("b", 1_500)], 3);
    }

    #[test]
    fn one_thread_is_everybodys() {
        let mut queues = Queues { permits: 1, ..Queues::default() };
        let now = Instant::now();
        for tenant in ["a", "b"] {
            queues.push(&id(tenant), Box::new(|| {}), now);
            assert!(queues.next(Takes::Any, now).is_some(), "{tenant} has it though another was here");
            queues.done(&id(tenant), Duration::ZERO, now);
        }
    }

    #[test]
    fn whoever_has_been_away_has_saved_nothing_up() {
        let threads = Threads::new(1, 1 << 20).expect("threads");
        {
            let mut queues = threads.shared.lock();
            queues.clock = Duration::from_secs(100);
        }
        let (told, heard) = mpsc::channel();
        threads.spawn(&id("late"), move || told.send(()).expect("is heard"));
        heard.recv().expect("is done");
        let queues = threads.shared.lock();
        assert!(queues.clock >= Duration::from_secs(100));
    }

    #[test]
    fn a_tenant_that_has_every_thread_keeps_nobody_from_the_last() {
        let threads = Threads::new(2, 1 << 20).expect("threads");
        let (told, heard) = mpsc::channel();
        let mut hold = Vec::new();
        for _ in 0..5 {
            let (go, wait) = mpsc::channel::<()>();
            let told = told.clone();
            threads.spawn(&id("hog"), move || {
                told.send("hog").expect("is heard");
                let _ = wait.recv();
            });
            hold.push(go);
        }
        assert_eq!([heard.recv(), heard.recv()], [Ok("hog"), Ok("hog")]);
        threads.spawn(&id("other"), move || told.send("other").expect("is heard"));
        assert_eq!(heard.recv(), Ok("other"), "though three pieces came before");
        drop(hold);
    }

    #[test]
    fn the_kept_thread_is_told_when_there_is_somebody_to_work_beside() {
        let threads = Threads::new(1, 1 << 20).expect("threads");
        let (told, heard) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        {
            // Both come before anybody looks, and only the first thread is told.
            let (mut queues, now) = (threads.shared.lock(), Instant::now());
            let hog = move || {
                let _ = wait.recv();
            };
            queues.push(&id("hog"), Box::new(hog), now);
            queues.push(&id("other"), Box::new(move || told.send("other").expect("is heard")), now);
        }
        threads.shared.more.notify_one();
        assert_eq!(heard.recv(), Ok("other"), "though the only other thread is taken");
        drop(go);
    }

    #[test]
    fn who_runs_for_long_gives_way_to_whoever_comes() {
        let threads = Threads::new(1, 1 << 20).expect("threads");
        let (told, heard) = mpsc::channel();
        let (saw, seen) = mpsc::channel();
        let (began, begun) = mpsc::channel();
        let (go, end) = mpsc::channel::<()>();
        threads.spawn(&id("hog"), move || {
            began.send(has_to_give_way()).expect("is heard");
            while !has_to_give_way() {
                std::hint::spin_loop();
            }
            saw.send(()).expect("is heard");
            let _ = end.recv();
        });
        assert_eq!(begun.recv(), Ok(false), "nobody else has come");
        // The hog has its thread until the end, so the other is on the kept one; it ends once the hog has seen it.
        let other = move || told.send((has_to_give_way(), seen.recv())).expect("is heard");
        threads.spawn(&id("other"), other);
        assert_eq!(heard.recv(), Ok((false, Ok(()))), "the kept thread gives way to nobody");
        drop(go);
        assert!(!has_to_give_way(), "this is none of its threads");
    }

    #[tokio::test]
    async fn who_panics_takes_nobody_along() {
        let threads = Threads::new(1, 1 << 20).expect("threads");
        let tenant = id("acme");
        assert_eq!(threads.run(&tenant, || -> u8 { panic!("on purpose") }).await, None);
        assert_eq!(threads.run(&tenant, || 7).await, Some(7));
        assert_eq!(threads.all(&tenant, (0..3).map(|number| move || number)).await, Some(vec![0, 1, 2]));
        let some_panic = (0..3).map(|number| move || if number == 1 { panic!("on purpose") } else { number });
        assert_eq!(threads.all(&tenant, some_panic).await, None);
    }
}
