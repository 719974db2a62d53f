//! A clock that moves as the test says: [`TestClock`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use keytide_core::{AgentBuilder, Clock};
use tokio::runtime::Handle;
use tokio::time::Instant;

/// Wall, monotonic and suspend-aware time that goes with tokio's paused time, and can be moved apart from it.
///
/// Made inside a runtime whose time is paused; its wall clock begins on 2026-01-01 at 00:00 UTC. Sleeping and
/// [`advance`](Self::advance) move all clocks together. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct TestClock {
    runtime: Handle,
    start: Instant,
    moved: Arc<Mutex<Moved>>,
}

#[derive(Debug, Default)]
struct Moved {
    /// What the suspend-aware clock has gained on the monotonic one.
    suspended: Duration,
    /// Where the wall clock begins, by the suspend-aware clock's zero; nanoseconds since 1970.
    wall: i128,
}

impl TestClock {
    /// A clock that begins now.
    ///
    /// # Panics
    /// Outside a tokio runtime: there is no paused time to go with.
    #[must_use]
    pub fn new() -> Self {
        let moved = Moved {
            suspended: Duration::ZERO,
            wall: START,
        };
        Self {
            runtime: Handle::current(),
            start: Instant::now(),
            moved: Arc::new(Mutex::new(moved)),
        }
    }

    /// An agent builder with an identity for tests, this clock, and this runtime as the home of its flights.
    pub fn agent(&self) -> AgentBuilder {
        crate::agent()
            .clock(self.clone())
            .runtime(self.runtime.clone())
    }

    /// Lets all clocks go on by `time`, running what falls due on the way.
    pub async fn advance(&self, time: Duration) {
        // `sleep` runs each timer in between at its instant; `tokio::time::advance` would run them late.
        tokio::time::sleep(time).await;
        self.settle().await;
    }

    /// Lets what is ready run, without time passing.
    pub async fn settle(&self) {
        for _ in 0..SETTLE {
            tokio::task::yield_now().await;
        }
    }

    /// The machine sleeps: wall and suspend-aware clock go on, timers stand still.
    pub fn suspend(&self, time: Duration) {
        self.change(|moved| moved.suspended += time);
    }

    /// The wall clock steps forward, alone.
    pub fn step_forward(&self, by: Duration) {
        self.change(|moved| moved.wall += nanos(by));
    }

    /// The wall clock steps back, alone.
    pub fn step_back(&self, by: Duration) {
        self.change(|moved| moved.wall -= nanos(by));
    }

    /// The wall clock is set, alone.
    pub fn set_wall(&self, to: SystemTime) {
        let boot = nanos(self.since_boot());
        let to = match to.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => -nanos(before.duration()),
        };
        self.change(|moved| moved.wall = to - boot);
    }

    fn change(&self, change: impl FnOnce(&mut Moved)) {
        change(&mut self.moved.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn wall(&self) -> SystemTime {
        let boot = nanos(self.since_boot());
        let wall = boot
            + self
                .moved
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .wall;
        let span = Duration::from_nanos(u64::try_from(wall.unsigned_abs()).unwrap_or(u64::MAX));
        let time = if wall < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(span)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(span)
        };
        time.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn since_boot(&self) -> Duration {
        // Outside the runtime `Instant::now` would be real time.
        let _inside = self.runtime.enter();
        let elapsed = Instant::now().saturating_duration_since(self.start);
        let suspended = self
            .moved
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .suspended;
        UPTIME + elapsed + suspended
    }
}

fn nanos(span: Duration) -> i128 {
    i128::try_from(span.as_nanos()).unwrap_or(i128::MAX)
}

/// How long the machine has been up when the clock begins.
const UPTIME: Duration = Duration::from_secs(3600);
/// 2026-01-01T00:00:00Z, less the uptime.
const START: i128 = (1_767_225_600 - 3600) * 1_000_000_000;
/// How often ready tasks get a turn.
const SETTLE: usize = 64;
