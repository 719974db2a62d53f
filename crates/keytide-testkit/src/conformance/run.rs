//! Runs the checks: [`check`].

use std::future::Future;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::checks::{bad_answers, drops, healthy, sorts};
use super::fixture::Fixture;
use super::report::Report;
use super::suite::Suite;

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
            .block_on(all(Suite::new(make, home.handle().clone())));
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

async fn all<F: Fixture>(suite: Arc<Suite<F>>) -> Report {
    let answers = healthy::answers(&suite).await;
    // These two alone, for they look at how long things take.
    healthy::profile(&suite).await;
    if !answers {
        suite.sight.judge(&suite.findings);
        return suite
            .findings
            .report(Some("a healthy issuer gave no credential"));
    }
    healthy::takes_its_time(&suite).await;

    let mut checks = Checks::default();
    checks.add(&suite, |suite| async move { healthy::asks(&suite).await });
    checks.add(&suite, |suite| async move { healthy::forced(&suite).await });
    checks.add(&suite, |suite| async move { healthy::clock(&suite).await });
    checks.add(&suite, |suite| async move { drops::anywhere(&suite).await });
    checks.add(&suite, |suite| async move { drops::hanging(&suite).await });
    checks.add(
        &suite,
        |suite| async move { drops::concurrent(&suite).await },
    );
    for condition in sorts::CONDITIONS {
        checks.add(&suite, move |suite| async move {
            sorts::sort(&suite, &condition).await;
        });
    }
    checks.add(&suite, |suite| async move {
        sorts::not_configured(&suite).await
    });
    for bad in bad_answers::list(&suite) {
        checks.add(&suite, move |suite| async move {
            bad_answers::answer(&suite, bad).await;
        });
    }
    checks.done().await;
    suite.sight.judge(&suite.findings);
    suite.findings.report(None)
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

const AT_A_TIME: usize = 6;
