//! What an end leaves behind is never under-reported, whatever becomes of those who tell the issuer.

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use keytide_core::{
    Agent, Cache, Error, ErrorKind, Issued, Profile, ProvideCredential, Reason, Request,
    Revocation, Revoking, Secret,
};
use keytide_testkit::{Answer, ScriptedProvider, TestClock};

use crate::{HOUR, MINUTE, SECOND, real_agent};

/// What an issuer does when it is told.
#[derive(Clone)]
enum Told {
    Agrees,
    Refuses,
    /// After this long.
    Late(Duration),
    Never,
    /// Holds the thread until the gate is opened.
    Blocks(Arc<Gate>),
}

#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }

    fn pass(&self) {
        let open = self.0.lock().unwrap();
        drop(self.1.wait_while(open, |open| !*open).unwrap());
    }
}

/// Gives tokens of an hour.
struct Issuer {
    told: Told,
    revocation: Revocation,
}

impl ProvideCredential for Issuer {
    fn profile(&self) -> Profile {
        Profile::bearer("issuer")
            .revocation(self.revocation)
            .answers_at_once()
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let told = self.told.clone();
        let token = Issued::bearer(Secret::from("t".to_owned())).expires_in(HOUR);
        Ok(token.revoke_with(move |_| {
            let told = told.clone();
            async move {
                match told {
                    Told::Agrees => {}
                    Told::Refuses => return Err(Error::refused("no")),
                    Told::Late(delay) => tokio::time::sleep(delay).await,
                    Told::Never => pending().await,
                    Told::Blocks(gate) => gate.pass(),
                }
                Ok(())
            }
        }))
    }
}

/// A cache that has been served for ten minutes.
async fn used(told: Told) -> (TestClock, Agent, Cache) {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let issuer = Issuer {
        told,
        revocation: Revocation::Immediate,
    };
    let cache = agent.cache(issuer).build().unwrap();
    cache.get().await.unwrap();
    clock.advance(10 * MINUTE).await;
    (clock, agent, cache)
}

fn poll_once(future: impl Future) {
    let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
}

async fn left_of(agent: &Agent) -> Duration {
    let report = agent.terminate(Reason::Compromised).await;
    report.residual_exposure()
}

#[tokio::test(start_paused = true)]
async fn a_revocation_counts_from_its_moment_whatever_becomes_of_its_future() {
    for what in ["held", "polled once", "leaked", "dropped", "refused"] {
        for cache_lives in [true, false] {
            let told = match what {
                "refused" => Told::Refuses,
                "held" => Told::Agrees,
                _ => Told::Never,
            };
            let (clock, agent, cache) = used(told).await;
            let mut telling = Some(Box::pin(cache.revoke()));
            match what {
                "polled once" => poll_once(telling.as_mut().unwrap()),
                "leaked" => drop(Box::leak(Box::new(telling.take()))),
                "dropped" => drop(telling.take()),
                "refused" => drop(telling.take().unwrap().await),
                _ => {}
            }
            let kept = cache_lives.then_some(cache);

            clock.advance(10 * MINUTE).await;
            let report = agent.terminate(Reason::Compromised).await;

            let expected = 40 * MINUTE;
            assert_eq!(report.residual_exposure(), expected, "{what}");
            assert_eq!(report.left, expected, "{what}");
            assert_eq!(report.revoked.len(), usize::from(cache_lives));
            if let Some(telling) = telling.filter(|_| what == "held") {
                assert!(telling.await.residual_exposure.is_zero());
                assert!(left_of(&agent).await.is_zero(), "told at last");
            }
            drop(kept);
        }
    }
}

/// Corrections are made apart: one issuer that was told takes nothing back of what others accept.
#[tokio::test(start_paused = true)]
async fn what_one_issuer_was_told_takes_nothing_back_of_another() {
    let (clock, agent, told) = used(Told::Agrees).await;
    let issuer = |told| Issuer {
        told,
        revocation: Revocation::Within(MINUTE),
    };
    let later = agent.cache(issuer(Told::Agrees)).build().unwrap();
    let held: Vec<_> = (0..100)
        .map(|_| agent.cache(issuer(Told::Never)).build().unwrap())
        .collect();
    for cache in held.iter().chain([&later]) {
        cache.get().await.unwrap();
    }
    let mut tellings: Vec<_> = held.iter().map(Cache::revoke).collect();
    drop(held);

    assert!(told.revoke().await.residual_exposure.is_zero());
    assert_eq!(later.revoke().await.residual_exposure, MINUTE);
    assert_eq!(later.revoke().report().residual_exposure, MINUTE);
    drop((told, later));
    let _last = tellings.pop();
    drop(tellings);

    assert_eq!(left_of(&agent).await, HOUR);
    clock.advance(HOUR).await;
    assert!(left_of(&agent).await.is_zero(), "all has ended");
}

#[tokio::test(start_paused = true)]
async fn a_second_end_reports_what_is_left_then() {
    for first in ["held", "pending", "dropped", "revoked", "shut down", "gone"] {
        let (clock, agent, cache) = used(Told::Never).await;
        let clone = agent.clone();
        let mut held: (Option<Revoking>, _) = (None, None);
        match first {
            "revoked" => held.0 = Some(cache.revoke()),
            "shut down" => agent.shutdown(SECOND).await.unwrap(),
            "gone" => {}
            _ => held.1 = Some(Box::pin(agent.terminate(Reason::Finished))),
        }
        match first {
            "pending" => poll_once(held.1.as_mut().unwrap()),
            "dropped" => held.1 = None,
            _ => {}
        }
        let kept = Some(cache).filter(|_| first != "gone");

        clock.advance(10 * MINUTE).await;
        if let Some(cache) = &kept
            && first != "shut down"
        {
            let again = cache.revoke();
            assert_eq!(again.report().residual_exposure, 40 * MINUTE, "{first}");
        }
        for _ in 0..2 {
            let again = clone.terminate(Reason::Finished);
            drop(again);
        }

        assert_eq!(left_of(&clone).await, 40 * MINUTE, "{first}");
        drop(kept);
        clock.advance(10 * MINUTE).await;
        assert_eq!(left_of(&agent).await, 30 * MINUTE, "{first}, and dropped");
    }
}

/// Its base is dropped with the provider of the cache above it.
#[tokio::test(start_paused = true)]
async fn a_cache_below_another_is_counted_when_both_are_gone() {
    struct Above(Cache);
    impl ProvideCredential for Above {
        fn profile(&self) -> Profile {
            Profile::bearer("above")
        }

        async fn provide(&self, _: &Request) -> Result<Issued, Error> {
            self.0.get().await?;
            Ok(Issued::bearer(Secret::from("a".to_owned())).expires_in(10 * MINUTE))
        }
    }
    let (clock, agent, base) = used(Told::Never).await;
    let above = agent.cache(Above(base.clone())).build().unwrap();
    above.get().await.unwrap();

    drop(base);
    assert_eq!(agent.status().len(), 2, "held by what is above it");
    drop(above);
    clock.settle().await;

    assert!(agent.status().is_empty());
    assert_eq!(left_of(&agent).await, 50 * MINUTE);
}

/// No scheduler between two threads that are to meet.
fn spin_until(flag: &AtomicBool) {
    for round in 0_u32.. {
        if flag.load(Ordering::Acquire) {
            return;
        }
        if round > 10_000 {
            thread::yield_now();
        }
        std::hint::spin_loop();
    }
}

#[test]
fn a_cache_that_is_dropped_while_its_agent_ends_is_counted_all_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for round in 0..5000 {
        let agent = real_agent();
        let issuer = Issuer {
            told: Told::Agrees,
            revocation: Revocation::UntilExpiry,
        };
        let cache = agent.cache(issuer).build().unwrap();
        cache.get_blocking(10 * SECOND).unwrap();
        let (ready, go) = (AtomicBool::new(false), AtomicBool::new(false));
        let ending = thread::scope(|scope| {
            scope.spawn(|| {
                ready.store(true, Ordering::Release);
                spin_until(&go);
                drop(cache);
            });
            spin_until(&ready);
            go.store(true, Ordering::Release);
            // From round to round a little later, so that each moment of the drop is met.
            for _ in 0..round % 500 {
                std::hint::spin_loop();
            }
            agent.terminate(Reason::Finished)
        });

        let report = runtime.block_on(ending);
        assert!(
            report.residual_exposure() > 59 * MINUTE,
            "round {round}: {report:?}"
        );
        let later = runtime.block_on(agent.terminate(Reason::Finished));
        assert!(
            later.residual_exposure() > 59 * MINUTE,
            "round {round}: {later:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn telling_an_issuer_ends_after_ten_seconds_by_the_agents_clock() {
    let (_, agent, cache) = used(Told::Never).await;
    let start = tokio::time::Instant::now();

    let revoked = cache.revoke().await;

    assert_eq!(start.elapsed().as_secs(), 10);
    let told = revoked.issuer.unwrap();
    assert_eq!(told.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(revoked.residual_exposure, 50 * MINUTE);
    assert_eq!(left_of(&agent).await, 50 * MINUTE - 10 * SECOND);
}

/// Who waits gives up, but what is under way at the issuer goes on and is heard of.
#[tokio::test(start_paused = true)]
async fn an_issuer_that_agrees_late_is_heard_of_by_the_next_report() {
    let (clock, agent, cache) = used(Told::Late(20 * SECOND)).await;

    let revoked = cache.revoke().await;

    assert_eq!(
        revoked.issuer.unwrap().unwrap_err().kind(),
        ErrorKind::TimedOut
    );
    clock.advance(11 * SECOND).await;
    assert!(left_of(&agent).await.is_zero());
}

#[test]
fn telling_an_issuer_that_blocks_its_thread_ends_all_the_same() {
    let home = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let agent = Agent::builder(real_agent().identity().clone())
        .runtime(home.handle().clone())
        .build()
        .unwrap();
    let gate = Arc::new(Gate::default());
    let issuer = Issuer {
        told: Told::Blocks(Arc::clone(&gate)),
        revocation: Revocation::Immediate,
    };
    let cache = agent.cache(issuer).build().unwrap();
    cache.get_blocking(10 * SECOND).unwrap();
    let mut telling: Pin<Box<Revoking>> = Box::pin(cache.revoke());

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let revoked = runtime
        .block_on(async { tokio::time::timeout(20 * SECOND, &mut telling).await })
        .unwrap();

    gate.open();
    assert_eq!(
        revoked.issuer.unwrap().unwrap_err().kind(),
        ErrorKind::TimedOut
    );
    assert!(revoked.residual_exposure > 59 * MINUTE);
}

/// A revocation is no revocation of what was there before: its end counts as long as it lives.
#[tokio::test(start_paused = true)]
async fn a_former_generation_counts_in_every_later_report() {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let (provider, script) = ScriptedProvider::new(Answer::token(HOUR));
    let cache = agent.cache(provider).build().unwrap();
    cache.get().await.unwrap();
    script.always(Answer::token(10 * MINUTE));
    cache.refresh_now().await.unwrap();

    let revoked = cache.revoke().await;

    assert_eq!(revoked.residual_exposure, HOUR);
    assert_eq!(cache.revoke().await.residual_exposure, HOUR);
    clock.advance(20 * MINUTE).await;
    assert_eq!(left_of(&agent).await, 40 * MINUTE);
}
