//! The issuer of the simulations, and the runtime that each case gets.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keytide_core::{
    Cache, CacheBuilder, Clock, Error, ErrorKind, Issued, Profile, ProvideCredential, Request,
};
use keytide_testkit::{Answer, Script, ScriptedProvider, TestClock};
use proptest::test_runner::Config;

/// What an issuer answers to its nth call, from 1, made at this instant.
type Decide = Box<dyn Fn(usize, Duration) -> Answer + Send + Sync>;

/// An issuer that decides by the time of the call, and remembers all calls.
pub(super) struct Issuer {
    scripted: ScriptedProvider,
    script: Script,
    clock: TestClock,
    calls: Calls,
    decide: Decide,
}

/// The calls of one issuer. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls(Arc<Mutex<Vec<Call>>>);

/// One call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) start: Duration,
    /// When it ended, by an answer or by being dropped; `None` while it runs.
    pub(super) end: Option<Duration>,
    /// `None` for one that was dropped or panicked.
    pub(super) answer: Option<Result<(), ErrorKind>>,
}

impl Issuer {
    pub(super) fn new(
        clock: &TestClock,
        calls: &Calls,
        decide: impl Fn(usize, Duration) -> Answer + Send + Sync + 'static,
    ) -> Self {
        // What is decided for a call is queued right before it, so this answer is never given.
        let (scripted, script) = ScriptedProvider::new(Answer::hang());
        Self {
            scripted,
            script,
            clock: clock.clone(),
            calls: calls.clone(),
            decide: Box::new(decide),
        }
    }
}

impl ProvideCredential for Issuer {
    fn profile(&self) -> Profile {
        self.scripted.profile()
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let start = self.clock.since_boot();
        let number = self.calls.began(start);
        let mut ends = Ends {
            issuer: self,
            number,
            answer: None,
        };
        self.script.then((self.decide)(number, start));
        let result = self.scripted.provide(request).await;
        ends.answer = Some(match &result {
            Ok(_) => Ok(()),
            Err(error) => Err(error.kind()),
        });
        result
    }
}

/// Notes the end of a call, however it ends.
struct Ends<'a> {
    issuer: &'a Issuer,
    number: usize,
    answer: Option<Result<(), ErrorKind>>,
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        let call = &mut self.issuer.calls.lock()[self.number - 1];
        call.end = Some(self.issuer.clock.since_boot());
        call.answer = self.answer;
    }
}

impl Calls {
    pub(super) fn list(&self) -> Vec<Call> {
        self.lock().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn nth(&self, number: usize) -> Option<Call> {
        self.lock().get(number - 1).copied()
    }

    /// The call that minted the nth token: calls that fail or are dropped mint none.
    pub(super) fn minted(&self, number: usize) -> Option<Call> {
        let calls = self.lock();
        let mut good = calls.iter().filter(|call| call.answer == Some(Ok(())));
        good.nth(number - 1).copied()
    }

    /// Asserts that no two calls began within `min_interval`, but for those that are `excused`.
    pub(super) fn assert_pace(
        &self,
        min_interval: Duration,
        excused: impl Fn(&Call, &Call) -> bool,
    ) {
        let calls = self.list();
        for pair in calls.windows(2) {
            let gap = pair[1].start - pair[0].start;
            assert!(
                gap >= min_interval || excused(&pair[0], &pair[1]),
                "calls {gap:?} apart, minimum interval {min_interval:?}: {pair:#?}"
            );
        }
    }

    fn began(&self, start: Duration) -> usize {
        let mut calls = self.lock();
        calls.push(Call {
            start,
            end: None,
            answer: None,
        });
        calls.len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs one case on a runtime of its own, in simulated time.
pub(super) fn simulate<T>(case: impl AsyncFnOnce(TestClock) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime for one case");
    runtime.block_on(async { case(TestClock::new()).await })
}

/// A cache of an agent of its own, told by `edit`.
pub(super) fn cache(
    clock: &TestClock,
    provider: impl ProvideCredential,
    edit: impl FnOnce(CacheBuilder) -> CacheBuilder,
) -> Cache {
    let agent = clock.agent().build().expect("a valid agent");
    edit(agent.cache(provider)).build().expect("a valid cache")
}

/// That many cases; what fails is found again by its values, which are printed, not by a file of seeds.
pub(super) fn cases(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    }
}

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The default of the shortest time between two calls.
pub(super) const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// What tokio's timers, which tick in milliseconds, may add to a chain of waits.
pub(super) const TICKS: Duration = Duration::from_millis(10);
