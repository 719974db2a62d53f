//! Runs the checks: [`check`].

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::checks::{bad_answers, drops, healthy, sorts};
use super::findings::Findings;
use super::fixture::{Condition, Fixture};
use super::report::Report;
use super::sight::Sight;

/// Holds a provider to what every provider must do. `make` gives a fixture for each check; they run side by side.
///
/// It takes a few seconds, of real time, and a thread of its own: it can be called from any test, with or without a
/// runtime. The first one in a process installs the global `tracing` subscriber, like [`Canary`](crate::Canary).
///
/// # Panics
/// When no thread can be had, or when the fixture panics.
pub fn check<F: Fixture>(make: impl Fn() -> F + Send + Sync + 'static) -> Report {
    let run = || {
        // Calls have a home of their own: a provider that blocks its thread blocks no other test's.
        let home = runtime(Builder::new_multi_thread().worker_threads(1));
        let report = runtime(&mut Builder::new_current_thread())
            .block_on(Suite::new(make, home.handle().clone()).run());
        home.shutdown_background();
        report
    };
    std::thread::scope(|scope| match scope.spawn(run).join() {
        Ok(report) => report,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

fn runtime(builder: &mut Builder) -> Runtime {
    match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("the suite needs a runtime: {error}"),
    }
}

/// What all checks share.
pub(super) struct Suite<F> {
    pub(super) make: Box<dyn Fn() -> F + Send + Sync>,
    /// Where calls are polled.
    pub(super) home: Handle,
    pub(super) findings: Findings,
    pub(super) sight: Sight,
}

impl<F: Fixture> Suite<F> {
    fn new(make: impl Fn() -> F + Send + Sync + 'static, home: Handle) -> Arc<Self> {
        Arc::new(Self {
            make: Box::new(make),
            home,
            findings: Findings::default(),
            sight: Sight::new(),
        })
    }

    async fn run(self: Arc<Self>) -> Report {
        let answers = healthy::answers(&self).await;
        // These two alone, for they look at how long things take.
        healthy::profile(&self).await;
        if !answers {
            self.sight.judge(&self.findings);
            return self
                .findings
                .report(Some("a healthy issuer gave no credential"));
        }
        healthy::takes_its_time(&self).await;

        let mut checks = Checks::default();
        checks.add(&self, |suite| async move { healthy::asks(&suite).await });
        checks.add(&self, |suite| async move { healthy::forced(&suite).await });
        checks.add(&self, |suite| async move { healthy::clock(&suite).await });
        checks.add(&self, |suite| async move { drops::anywhere(&suite).await });
        checks.add(&self, |suite| async move { drops::hanging(&suite).await });
        checks.add(
            &self,
            |suite| async move { drops::concurrent(&suite).await },
        );
        for condition in sorts::CONDITIONS {
            checks.add(&self, move |suite| async move {
                sorts::sort(&suite, &condition).await;
            });
        }
        checks.add(
            &self,
            |suite| async move { sorts::not_configured(&suite).await },
        );
        for bad in bad_answers::list(&self) {
            checks.add(&self, move |suite| async move {
                bad_answers::answer(&suite, bad).await;
            });
        }
        checks.done().await;
        self.sight.judge(&self.findings);
        self.findings.report(None)
    }
}

/// Checks that run side by side, a few at a time.
struct Checks {
    running: JoinSet<()>,
    places: Arc<Semaphore>,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            running: JoinSet::new(),
            places: Arc::new(Semaphore::new(AT_A_TIME)),
        }
    }
}

impl Checks {
    fn add<F: Fixture, R>(
        &mut self,
        suite: &Arc<Suite<F>>,
        check: impl FnOnce(Arc<Suite<F>>) -> R + Send + 'static,
    ) where
        R: Future<Output = ()> + Send + 'static,
    {
        let (suite, places) = (Arc::clone(suite), Arc::clone(&self.places));
        self.running.spawn(async move {
            let _place = places.acquire_owned().await;
            check(suite).await;
        });
    }

    async fn done(mut self) {
        while let Some(done) = self.running.join_next().await {
            if let Err(error) = done
                && let Ok(panic) = error.try_into_panic()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl<F> fmt::Debug for Suite<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite").finish_non_exhaustive()
    }
}

/// Whether the issuer can be so; by a fixture of its own.
pub(super) fn can_be<F: Fixture>(suite: &Suite<F>, condition: &Condition) -> Result<(), String> {
    (suite.make)().put(condition)
}

const AT_A_TIME: usize = 6;
