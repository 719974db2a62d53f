//! How long the driver holds its thread at a time, with 100,000 caches.
//!
//! The agent names a runtime with one thread, on which a probe yields for ever: between two polls of the probe every
//! other task of that thread is polled at most once. So the CPU time between them is that of one poll of the driver, of
//! the flights that it has just started, and of the runtime itself: an upper bound for the driver's poll.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use keytide_bench::{
    Answer, FakeIssuer, figure, goals, poll_once, since_boot, subjects, thread_cpu, wall,
};
use keytide_core::{Cache, Clock, Error};
use tokio::runtime::Runtime;

use crate::table::Table;

pub(crate) fn measure(table: &mut Table) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Error::unavailable("no runtime").caused_by(error))?;
    let clock = Moved::default();
    let agent = subjects::agent()?
        .runtime(runtime.handle().clone())
        .clock(clock.clone())
        .build()?;
    let issuer = FakeIssuer::with(Answer::AtOnce, 11 * HOUR, None);
    let caches: Vec<Cache> = (0..CACHES)
        .map(|_| agent.cache(issuer.clone()).build())
        .collect::<Result<_, _>>()?;
    // Due every second: it wakes the driver, which then sees where the clock has gone.
    let second = Duration::from_secs(1);
    let alarm = FakeIssuer::with(Answer::AtOnce, 10 * second, Some(second));
    let alarm = agent.cache(alarm).build()?;
    for cache in caches.iter().chain([&alarm]) {
        drop(poll_once(cache.get()).transpose()?);
    }
    let driver = 1;
    let tasks = runtime.metrics().num_alive_tasks().saturating_sub(driver);
    table.goal(&goals::TASKS, "100,000 caches", tasks as f64);

    let (looks, calls) = (clock.looks(), issuer.calls());
    let (mut forward, mut back, mut due) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TRIALS {
        drop(poll_once(alarm.get()));
        clock.step(2);
        forward.push(longest_poll(&runtime, Duration::from_millis(2_500)));
        drop(poll_once(alarm.get()));
        clock.step(-2);
        back.push(longest_poll(&runtime, Duration::from_millis(2_500)));
        // Only what was read within its lifetime is refreshed ahead of its expiry.
        let looked = clock.looks();
        caches.iter().for_each(|cache| drop(cache.try_get()));
        drop(poll_once(alarm.get()));
        clock.pass(10 * HOUR + HOUR * 3 / 5);
        due.push(longest_poll(&runtime, Duration::from_secs(4)));
        clock.forget(clock.looks() - looked);
    }
    tell(table, "the clock steps forward", &mut forward);
    tell(table, "the clock steps back", &mut back);
    tell(table, "all are due at once", &mut due);
    let looked = (clock.looks() - looks) / (2 * TRIALS);
    table.note("clock reads of one step", &looked.to_string());
    let refreshed = (issuer.calls() - calls) / TRIALS;
    table.exactly("all are due at once: refreshed", CACHES, refreshed);
    Ok(())
}

/// The longest time, in CPU time, from one poll of a probe to the next.
fn longest_poll(runtime: &Runtime, span: Duration) -> Duration {
    let probing = async move {
        let began = since_boot();
        let mut longest = Duration::ZERO;
        while since_boot() - began < span {
            let before = thread_cpu();
            tokio::task::yield_now().await;
            longest = longest.max(thread_cpu().saturating_sub(before));
        }
        longest
    };
    runtime
        .block_on(runtime.spawn(probing))
        .unwrap_or(Duration::MAX)
}

/// The median of the trials: what the hypervisor takes may be counted as CPU time.
fn tell(table: &mut Table, what: &str, polls: &mut [Duration]) {
    polls.sort();
    let (middle, worst) = (polls[polls.len() / 2], polls[polls.len() - 1]);
    let shown = format!(
        "{} (the worst of {TRIALS}: {})",
        figure(millis(middle), "ms"),
        figure(millis(worst), "ms")
    );
    table.goal_told(&goals::DRIVER, what, millis(middle), &shown);
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}

/// The system's clocks, moved.
#[derive(Debug, Clone, Default)]
struct Moved {
    inner: Arc<Offsets>,
}

#[derive(Debug, Default)]
struct Offsets {
    /// By how many seconds both clocks are ahead.
    passed: AtomicU64,
    /// By how many seconds the wall clock is ahead, as an `i64`.
    step: AtomicU64,
    looks: AtomicU64,
}

impl Moved {
    fn step(&self, seconds: i64) {
        self.inner
            .step
            .fetch_add(seconds.cast_unsigned(), Ordering::SeqCst);
    }

    fn pass(&self, span: Duration) {
        self.inner
            .passed
            .fetch_add(span.as_secs(), Ordering::SeqCst);
    }

    fn forget(&self, looks: u64) {
        self.inner.looks.fetch_sub(looks, Ordering::SeqCst);
    }

    fn looks(&self) -> u64 {
        self.inner.looks.load(Ordering::SeqCst)
    }

    fn passed(&self) -> Duration {
        Duration::from_secs(self.inner.passed.load(Ordering::SeqCst))
    }
}

impl Clock for Moved {
    fn wall(&self) -> SystemTime {
        self.inner.looks.fetch_add(1, Ordering::Relaxed);
        let step = self.inner.step.load(Ordering::SeqCst).cast_signed();
        let there = wall() + self.passed();
        match u64::try_from(step) {
            Ok(ahead) => there + Duration::from_secs(ahead),
            Err(_) => there - Duration::from_secs(step.unsigned_abs()),
        }
    }

    fn since_boot(&self) -> Duration {
        since_boot() + self.passed()
    }
}

const CACHES: u64 = 100_000;
const TRIALS: u64 = 3;
const HOUR: Duration = Duration::from_secs(3600);
