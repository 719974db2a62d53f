//! One agent with its caches: [`House`] and [`Cell`].

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keytide_core::{Agent, AgentIdentity, Cache, Error, Event, Reason};
use tokio::runtime::Runtime;

use crate::chance::Chance;
use crate::issuer::{Issuer, Temper};
use crate::oracle::Oracle;

/// An agent, its caches, and the runtime that it may have been given.
pub(crate) struct House {
    agent: Agent,
    pub(crate) cells: Vec<Cell>,
    runtime: Mutex<Option<Runtime>>,
}

/// One cache, and what its readers must know to judge what they read.
pub(crate) struct Cell {
    pub(crate) cache: Cache,
    temper: Temper,
    newest: AtomicU64,
    /// How often somebody began to take a generation away.
    disturbing: AtomicU64,
    /// How often one was taken away.
    disturbed: AtomicU64,
    /// Set before it is ended.
    ending: AtomicBool,
    /// Set once it has ended.
    ended: AtomicBool,
}

impl House {
    /// # Errors
    /// Those of the builders: none is expected.
    pub(crate) fn build(oracle: &Arc<Oracle>, chance: &mut Chance) -> Result<Self, Error> {
        let identity = AgentIdentity {
            agent_type: "storm".into(),
            version: "1".into(),
            environment: "test".into(),
            owner: "tests".into(),
        };
        let mut builder = Agent::builder(identity);
        if chance.one_in(2) {
            builder = builder.observe(|_: &Event| ());
        }
        if chance.one_in(4) {
            let slow = |_: &Event| std::thread::sleep(Duration::from_millis(5));
            builder = builder.observe_uses(slow).observer_queue(64);
        }
        let runtime = chance.one_in(4).then(runtime).flatten();
        if let Some(runtime) = &runtime {
            builder = builder.runtime(runtime.handle().clone());
        }
        let agent = builder.build()?;
        let mut cells = Vec::new();
        for temper in [Temper::Steady, Temper::Moody, Temper::Moody] {
            let issuer = Issuer::new(temper, oracle, chance.fork());
            let cache = agent.cache(issuer).min_interval(MIN_INTERVAL);
            let cache = cache.flight_limit(chance.millis(200, 1500)).build()?;
            cells.push(Cell::new(cache, temper));
        }
        Ok(Self {
            agent,
            cells,
            runtime: Mutex::new(runtime),
        })
    }

    /// Ends the runtime that its agent was given, if it was: from then on its flights need another.
    pub(crate) fn lose_runtime(&self, oracle: &Oracle) {
        let runtime = self
            .runtime
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(runtime) = runtime {
            oracle.holds_up(Duration::ZERO);
            runtime.shutdown_background();
        }
    }

    /// Ends the agent in one of the ways that there are. What has ended must be so when this returns.
    pub(crate) fn end(&self, oracle: &Oracle, chance: &mut Chance, waiter: &Runtime) {
        for cell in &self.cells {
            cell.ending.store(true, Ordering::Release);
        }
        match chance.below(4) {
            0 => {
                let telling = self.agent.terminate(Reason::Finished);
                self.check_end(oracle);
                waiter.block_on(telling);
            }
            1 => {
                for cell in &self.cells {
                    drop(cell.cache.revoke());
                }
                self.check_end(oracle);
            }
            2 => {
                // A provider may hold its thread for longer: that is no fault of the shutdown.
                let _ = waiter.block_on(self.agent.shutdown(Duration::from_secs(3)));
            }
            // Its last handles are dropped, whatever is under way.
            _ => {}
        }
        self.lose_runtime(oracle);
    }

    fn check_end(&self, oracle: &Oracle) {
        for cell in &self.cells {
            cell.ended.store(true, Ordering::Release);
            if cell.cache.try_get().is_ok() {
                oracle.complain(&format!(
                    "{cell}: a read succeeded when the end had returned"
                ));
            }
        }
    }

    pub(crate) fn agent(&self) -> &Agent {
        &self.agent
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // A runtime must not be dropped where another one runs.
        let runtime = self
            .runtime
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }
}

impl Cell {
    fn new(cache: Cache, temper: Temper) -> Self {
        Self {
            cache,
            temper,
            newest: AtomicU64::new(0),
            disturbing: AtomicU64::new(0),
            disturbed: AtomicU64::new(0),
            ending: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    /// Takes a generation away from all readers.
    pub(crate) fn invalidate(&self, generation: u64) {
        self.disturbing.fetch_add(1, Ordering::AcqRel);
        self.cache.invalidate(generation);
        self.disturbed.fetch_add(1, Ordering::AcqRel);
    }

    /// How often a generation was taken away; `None` while one is: what is read then may be gone at once.
    pub(crate) fn disturbed(&self) -> Option<u64> {
        // In this order: if they are equal, all that had begun by the second look was done.
        let done = self.disturbed.load(Ordering::Acquire);
        let begun = self.disturbing.load(Ordering::Acquire);
        (done == begun).then_some(done)
    }

    pub(crate) fn is_steady(&self) -> bool {
        self.temper == Temper::Steady
    }

    pub(crate) fn may_have_ended(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// How many generations newer this one is than any that was read before.
    pub(crate) fn newest(&self, generation: u64) -> u64 {
        let former = self.newest.fetch_max(generation, Ordering::Relaxed);
        generation.saturating_sub(former)
    }
}

fn runtime() -> Option<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .ok()
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.cache.key(), self.temper)
    }
}

/// The least that there is.
const MIN_INTERVAL: Duration = Duration::from_millis(10);
