//! Where flights live: a runtime that polls them, and the one queue of timers.
//!
//! Sockets and timers die with the runtime that made them, so flights live on a thread that the library owns, unless
//! the user names another home. Lock order: a cache's state, then a home's locks. No code of a user runs under either.

mod driver;
mod flights;
pub(crate) mod gate;
mod own;
mod queue;
pub(crate) mod sentry;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use tokio::runtime::Handle;
use tokio::sync::Notify;

pub(crate) use self::flights::Answering;
use self::flights::Flights;
use self::queue::Queue;
use self::sentry::Alarm;
use crate::clock::AgentClock;
use crate::context::Actor;
use crate::error::Error;
use crate::sync::{AbortHandle, Mutex, lock};
use crate::sys::Process;

/// A runtime that polls flights, with the timers of the caches that live there.
pub(crate) struct Home {
    handle: Handle,
    clock: AgentClock,
    /// Whether the thread is ours: it is then known to be polled, but for a provider that blocks it.
    own: bool,
    queue: Queue,
    flights: Flights,
    wake: Notify,
    dead: AtomicBool,
    driving: AtomicBool,
    /// Counts questions whether somebody polls this home, and their answers.
    asked: AtomicU64,
    answered: AtomicU64,
}

impl Home {
    fn new(handle: Handle, clock: AgentClock, own: bool) -> Self {
        Self {
            handle,
            clock,
            own,
            queue: Queue::default(),
            flights: Flights::default(),
            wake: Notify::new(),
            dead: AtomicBool::new(false),
            driving: AtomicBool::new(own),
            asked: AtomicU64::new(0),
            answered: AtomicU64::new(0),
        }
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs a task of the library here; under a model checker, on its executor.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        #[cfg(not(keytide_shuttle))]
        let task = self.handle.spawn(task);
        // Not detached: a schedule is over when the task is, and one that cannot end is a deadlock.
        #[cfg(keytide_shuttle)]
        let task = std::mem::ManuallyDrop::new(shuttle::future::spawn(task));
        task.abort_handle()
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }

    /// A timer is late: asks whether somebody polls this home, and has the answer watched for.
    pub(crate) fn suspect(self: &Arc<Self>) {
        sentry::watch(self);
    }

    /// Whether somebody polls this home, as far as the last question told.
    fn answers(&self) -> bool {
        self.answered.load(Ordering::Acquire) == self.asked.load(Ordering::Acquire)
    }

    fn ask(&self) {
        self.asked.fetch_add(1, Ordering::AcqRel);
        self.wake.notify_one();
    }
}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home")
            .field("own", &self.own)
            .field("dead", &self.is_dead())
            .finish_non_exhaustive()
    }
}

/// A number for a timer in a home's queue: unique in the process for four thousand million caches.
pub(crate) fn next_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The homes of one agent: the one that was named while it lives, else the library's own.
#[derive(Debug)]
pub(crate) struct Homes {
    named: Option<Arc<Home>>,
    clock: AgentClock,
    /// Replaces a named home under a clock that is not the system's.
    stand_in: Mutex<Option<Arc<Home>>>,
    process: Process,
}

impl Homes {
    pub(crate) fn new(named: Option<Handle>, clock: AgentClock) -> Self {
        let named = named.map(|handle| Arc::new(Home::new(handle, clock.clone(), false)));
        Self {
            named,
            clock,
            stand_in: Mutex::new(None),
            process: Process::this(),
        }
    }

    /// The home of the next flight. Starts the library's thread if there is no other.
    pub(crate) fn current(&self) -> Result<Arc<Home>, Error> {
        if let Some(named) = self.named.as_ref().filter(|home| !home.is_dead()) {
            named.ensure_driven();
            if !named.is_dead() {
                return Ok(Arc::clone(named));
            }
        }
        if self.clock.is_system() {
            return own::shared();
        }
        let mut stand_in = lock(&self.stand_in);
        match stand_in.as_ref().filter(|home| !home.is_dead()) {
            Some(home) => Ok(Arc::clone(home)),
            None => Ok(Arc::clone(stand_in.insert(own::start(self.clock.clone())?))),
        }
    }

    /// Waits until no flight of this agent runs; `false` when the alarm rings first.
    pub(crate) async fn settled(&self, actor: &Actor, alarm: &Alarm) -> bool {
        let stand_in = lock(&self.stand_in).clone();
        for home in self
            .named
            .iter()
            .cloned()
            .chain(stand_in)
            .chain(own::running())
        {
            if !home.settled(actor, alarm).await {
                return false;
            }
        }
        true
    }

    /// Whether the home that would be used now follows a clock of its own, so that waits are to be timed by it.
    pub(crate) fn timed_by(&self) -> Option<&Arc<Home>> {
        self.named
            .as_ref()
            .filter(|home| !home.is_dead() && !self.clock.is_system())
    }
}

impl Drop for Homes {
    fn drop(&mut self) {
        if !self.process.is_this() {
            return;
        }
        for home in self.named.iter().chain(lock(&self.stand_in).iter()) {
            home.close();
        }
    }
}
