//! One world: agents, caches, issuers, readers and clocks in one runtime whose time is paused.

mod events;
mod issuer;
mod reader;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keytide_core::{Agent, Cache, CacheStatus, ChangeNotifier, Clock, Error};
use keytide_testkit::{TestChance, TestClock};
use tokio::time::Instant;

use self::issuer::Issuer;
use crate::oracle::{Now, Oracle, SECOND, Terms, Violation, nanos};
use crate::plan::{Move, Plan};
use crate::rng::{Part, Rng};
use crate::settings::Settings;
use crate::trace::Line;

/// What came of one seed.
#[derive(Debug)]
pub struct Run {
    /// The first thing that the contract forbids, if any.
    pub violation: Option<Violation>,
    /// What happened: all of it where that was asked for, else the last of it.
    pub lines: Vec<Line>,
    /// How many lines there were.
    pub steps: u64,
    /// A digest of all lines.
    pub digest: u64,
}

/// What all tasks of a world share.
struct World {
    plan: Plan,
    clock: TestClock,
    start: Instant,
    /// What the wall clock showed at boot.
    truth: i64,
    oracle: Mutex<Oracle>,
    agents: Vec<Agent>,
    slots: Vec<Mutex<Option<Live>>>,
    /// The agent of each cache that was ever built, by the oracle's numbers.
    owners: Mutex<Vec<usize>>,
    /// By the oracle's numbers too.
    notifiers: Mutex<Vec<Option<ChangeNotifier>>>,
    /// Sets the issuers of this world apart from those of all others in this process.
    tag: u64,
}

/// A cache in use.
#[derive(Clone)]
struct Live {
    cache: Cache,
    /// The oracle's number of it.
    id: usize,
}

/// Lives through one seed's world.
///
/// # Panics
/// When no runtime can be had.
#[must_use]
pub fn run(seed: u64, settings: Settings, keeps_all: bool) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => panic!("no runtime for a world: {error}"),
    };
    runtime.block_on(async {
        let world = World::new(Plan::new(seed, settings), keeps_all);
        live(&world).await;
        let mut oracle = world.oracle();
        oracle.closed = true;
        let run = Run {
            violation: oracle.violation.clone(),
            steps: oracle.trace.count(),
            digest: oracle.trace.digest(),
            lines: oracle.trace.take(),
        };
        drop(oracle);
        for slot in &world.slots {
            let live = lock(slot).take();
            drop(live);
        }
        run
    })
}

/// Starts all that happens, and waits until all readers are done.
async fn live(world: &Arc<World>) {
    let mut tasks = Vec::new();
    for slot in 0..world.slots.len() {
        world.build(slot);
        for reader in 0..world.plan.caches[slot].readers {
            let number = slot as u64 * 8 + reader;
            tasks.push(tokio::spawn(reader::read(Arc::clone(world), slot, number)));
        }
    }
    tokio::spawn(events::move_clocks(Arc::clone(world)));
    tokio::spawn(events::rebuild(Arc::clone(world)));
    tokio::spawn(events::end(Arc::clone(world)));
    let end = world.start + world.plan.settings.span() + LONGEST_WAIT;
    for task in tasks {
        let waited = tokio::time::timeout_at(end, task).await;
        let text = match waited {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => format!("a reader panicked: {error}"),
            Err(_) => "a reader waits for ever".to_owned(),
        };
        let now = world.now();
        let mut oracle = world.oracle();
        oracle.violation.get_or_insert(Violation {
            rule: "10, T33",
            cache: 0,
            at: now.run,
            text,
        });
    }
}

impl World {
    fn new(plan: Plan, keeps_all: bool) -> Arc<Self> {
        let clock = TestClock::new();
        let rng = Rng::of(plan.seed, Part::Agent, 0);
        let agents = (0..plan.agents)
            .map(|_| {
                let chance = TestChance::seeded(rng.next());
                match clock.agent().chance(chance).build() {
                    Ok(agent) => agent,
                    Err(error) => panic!("the agent of a world: {error}"),
                }
            })
            .collect();
        let truth = Now::wall_of(clock.wall()) - nanos(clock.since_boot());
        Arc::new(Self {
            start: Instant::now(),
            truth,
            oracle: Mutex::new(Oracle::new(plan.issuers.clone(), keeps_all)),
            agents,
            slots: plan.caches.iter().map(|_| Mutex::default()).collect(),
            owners: Mutex::default(),
            notifiers: Mutex::default(),
            tag: WORLDS.fetch_add(1, Ordering::Relaxed),
            clock,
            plan,
        })
    }

    /// Builds the cache of a slot, unless its agent has ended.
    fn build(self: &Arc<Self>, slot: usize) {
        let plan = &self.plan.caches[slot];
        let id = lock(&self.owners).len();
        let provider = Issuer::new(Arc::clone(self), slot, id);
        let mut builder = self.agents[plan.agent]
            .cache(provider)
            .key(format!("c{id}"))
            .flight_limit(plan.flight_limit)
            .issuer_limit(plan.limit);
        if let Some(min_interval) = plan.min_interval {
            builder = builder.min_interval(min_interval);
        }
        if let Some(idle) = plan.idle_after {
            builder = builder.idle_after(idle);
        }
        if let Some(bound) = plan.static_stability {
            builder = builder.static_stability(bound);
        }
        if plan.accepts_other {
            builder = builder.accept_principal("first").accept_principal("other");
        }
        let Ok(cache) = builder.build() else { return };
        let terms = Terms {
            issuer: plan.issuer,
            min_interval: plan.min_interval.map_or(SECOND, nanos),
            min_interval_is_set: plan.min_interval.is_some(),
            flight_limit: nanos(plan.flight_limit),
            issuer_limit: plan.limit,
            idle_after: plan.idle_after.map(nanos),
            static_stability: plan.static_stability.map(nanos),
            accepts_other: plan.accepts_other,
        };
        self.oracle().built(terms, self.now());
        lock(&self.owners).push(plan.agent);
        lock(&self.notifiers).push(None);
        *lock(&self.slots[slot]) = Some(Live { cache, id });
    }

    fn live(&self, slot: usize) -> Option<Live> {
        lock(&self.slots[slot]).clone()
    }

    /// All clocks at once.
    fn now(&self) -> Now {
        Now {
            run: nanos(self.start.elapsed()),
            boot: nanos(self.clock.since_boot()),
            wall: Now::wall_of(self.clock.wall()),
        }
    }

    /// Since the start of the world, by its timers.
    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn is_over(&self) -> bool {
        self.elapsed() >= self.plan.settings.span() || self.oracle().violation.is_some()
    }

    fn oracle(&self) -> MutexGuard<'_, Oracle> {
        lock(&self.oracle)
    }

    fn report(&self, live: &Live) {
        let status: CacheStatus = live.cache.status();
        self.oracle().reported(live.id, &status, self.now());
    }

    fn invalidate(&self, live: &Live, generation: u64) {
        let current = live.cache.invalidate(generation);
        self.oracle()
            .invalidated(live.id, generation, current, self.now());
    }

    async fn move_to(&self, to: Move) {
        // What is to happen at this instant does, before the clocks differ.
        self.clock.settle().await;
        match to {
            Move::Forward(by) => self.clock.step_forward(by),
            Move::Back(by) => self.clock.step_back(by),
            Move::To1970 => self.clock.set_wall(std::time::SystemTime::UNIX_EPOCH),
            Move::ToTheTruth => {
                let truth = self.truth + nanos(self.clock.since_boot());
                let since = Duration::from_nanos(u64::try_from(truth).unwrap_or(0));
                self.clock
                    .set_wall(std::time::SystemTime::UNIX_EPOCH + since);
            }
            Move::Suspend(by) => self.clock.suspend(by),
        }
        self.oracle().moved(to, self.now());
    }
}

/// What a read that failed says: all of its causes.
fn words(error: &Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

static WORLDS: AtomicU64 = AtomicU64::new(0);

/// More than any reader waits.
const LONGEST_WAIT: Duration = Duration::from_secs(12 * 3600);

/// Keeps the panics that simulated providers mean out of the standard error stream.
pub fn silence_meant_panics() {
    let former = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.payload().is::<issuer::Meant>() {
            former(info);
        }
    }));
}
