//! Ends: terminate, shutdown, drop.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use keytide_core::{
    Error, ErrorKind, EventKind, Issued, Profile, ProvideCredential, Reason, Request, Revocation,
    Secret,
};
use keytide_testkit::{Answer, Recorder, ScriptedProvider, TestClock};

use crate::{HOUR, MINUTE, SECOND, eventually, given, real_agent};

#[tokio::test(start_paused = true)]
async fn terminating_ends_every_read_of_the_agent_at_once() {
    let clock = TestClock::new();
    let recorder = Recorder::new();
    let agent = clock.agent().observe(recorder.observer()).build().unwrap();
    let cache = |answer| {
        agent
            .cache(ScriptedProvider::new(answer).0)
            .build()
            .unwrap()
    };
    let (held, under_way, unread) = (
        cache(Answer::token(HOUR)),
        cache(Answer::hang()),
        cache(Answer::token(HOUR)),
    );
    held.get().await.unwrap();
    let mut waiter = Box::pin(under_way.get());
    let _ = waiter
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));

    let ending = agent.terminate(Reason::Finished);

    for cache in [&held, &under_way, &unread] {
        assert_eq!(cache.try_get().unwrap_err().kind(), ErrorKind::Revoked);
    }
    assert_eq!(waiter.await.unwrap_err().kind(), ErrorKind::Revoked);
    let report = ending.await;
    assert_eq!(report.revoked.len(), 3);
    assert_eq!(report.residual_exposure(), HOUR);
    let error = agent
        .cache(ScriptedProvider::new(Answer::token(HOUR)).0)
        .build()
        .unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Revoked,
        "a terminated agent holds nothing new"
    );
    assert_eq!(
        agent.warm_up(SECOND).await.unwrap_err().kind(),
        ErrorKind::Revoked
    );
    recorder.wait_for(|kind| {
        *kind
            == EventKind::Terminated {
                reason: Some(Reason::Finished),
            }
    });
    agent.terminate(Reason::Compromised).await;
    clock.advance(HOUR).await;
    let ends = recorder
        .kinds()
        .into_iter()
        .filter(|kind| matches!(kind, EventKind::Terminated { .. }));
    assert_eq!(ends.count(), 1, "once");
}

/// An issuer that can be told, and takes its time.
struct Revocable {
    told: Arc<AtomicU32>,
    takes: Duration,
}

impl ProvideCredential for Revocable {
    fn profile(&self) -> Profile {
        Profile::bearer("revocable").revocation(Revocation::Immediate)
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let (told, takes) = (Arc::clone(&self.told), self.takes);
        Ok(Issued::bearer(Secret::from("t".to_owned()))
            .expires_in(HOUR)
            .revoke_with(move |credential| {
                let told = Arc::clone(&told);
                async move {
                    tokio::time::sleep(takes).await;
                    assert_eq!(credential.generation(), 1);
                    told.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                }
            }))
    }
}

#[tokio::test(start_paused = true)]
async fn issuers_that_can_be_told_are_told_within_a_deadline() {
    for (takes, told_in_time) in [(SECOND, true), (HOUR, false)] {
        let clock = TestClock::new();
        let agent = clock.agent().build().unwrap();
        let told = Arc::new(AtomicU32::new(0));
        let cache = agent
            .cache(Revocable {
                told: Arc::clone(&told),
                takes,
            })
            .build()
            .unwrap();
        cache.get().await.unwrap();
        let start = tokio::time::Instant::now();

        let report = agent.terminate(Reason::Compromised).await;

        assert!(
            start.elapsed() <= 10 * SECOND + Duration::from_millis(5),
            "{:?}",
            start.elapsed()
        );
        let revoked = &report.revoked[0];
        assert_eq!(told.load(Ordering::SeqCst), u32::from(told_in_time));
        assert_eq!(revoked.issuer.as_ref().unwrap().is_ok(), told_in_time);
        assert_eq!(report.residual_exposure().is_zero(), told_in_time);
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_stops_refreshing_and_what_is_at_hand_is_served_until_it_expires() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::hang());
    let mut waiter = Box::pin(given.cache.refresh_now());
    let _ = waiter
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    given.clock.settle().await;

    given.agent.shutdown(SECOND).await.unwrap();

    assert_eq!((given.script.running(), given.script.dropped()), (0, 1));
    assert_eq!(waiter.await.unwrap_err().kind(), ErrorKind::ShutDown);
    given.clock.advance(59 * MINUTE).await;
    assert_eq!(given.cache.get().await.unwrap().generation(), 1);
    given.clock.advance(2 * MINUTE).await;
    assert_eq!(
        given.cache.get().await.unwrap_err().kind(),
        ErrorKind::ShutDown
    );
    assert_eq!(given.script.calls(), 2, "nothing was asked again");
}

/// T25.
#[tokio::test(start_paused = true)]
async fn the_last_handle_dropped_ends_a_call_under_way() {
    let given = given(Answer::hang());
    let second = given.cache.clone();
    {
        let mut waiter = pin!(given.cache.get());
        let _ = waiter
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        given.clock.settle().await;
    }
    drop(given.cache);
    given.clock.settle().await;
    assert_eq!(given.script.running(), 1, "another handle lives");

    drop(second);
    given.clock.settle().await;

    assert_eq!((given.script.running(), given.script.dropped()), (0, 1));
    assert!(given.agent.status().is_empty());
}

#[test]
fn a_thousand_rounds_leave_no_task_and_no_thread() {
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let warm = real_agent();
    let (provider, _) = ScriptedProvider::new(Answer::token(HOUR));
    warm.cache(provider)
        .build()
        .unwrap()
        .get_blocking(SECOND)
        .unwrap();
    let round = |round: usize| {
        let recorder = Recorder::new();
        let identity = warm.identity().clone();
        let agent = keytide_core::Agent::builder(identity)
            .observe(recorder.observer())
            .build()
            .unwrap();
        let answer = if round.is_multiple_of(2) {
            Answer::token(HOUR)
        } else {
            Answer::hang()
        };
        let (provider, script) = ScriptedProvider::new(answer);
        let cache = agent.cache(provider).build().unwrap();
        let _ = cache.get_blocking(Duration::from_millis(1));
        drop((cache, agent));
        script
    };

    let scripts: Vec<_> = (0..1000).map(round).collect();

    eventually("no call runs", || {
        scripts.iter().all(|script| script.running() == 0)
    });
    // The library's own thread, and those of the test harness with a test each.
    let harness = std::thread::available_parallelism().map_or(1, usize::from);
    eventually("threads end", || threads() <= 3 * harness + 4);
}

#[tokio::test(start_paused = true)]
async fn a_cache_at_rest_costs_no_task() {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let metrics = tokio::runtime::Handle::current().metrics();
    let before = metrics.num_alive_tasks();
    let caches: Vec<_> = (0..100)
        .map(|_| {
            agent
                .cache(ScriptedProvider::new(Answer::token(HOUR)).0)
                .build()
                .unwrap()
        })
        .collect();
    assert_eq!(metrics.num_alive_tasks(), before, "building starts nothing");

    agent.warm_up(SECOND).await.unwrap();
    clock.settle().await;

    assert_eq!(
        metrics.num_alive_tasks(),
        before + 1,
        "one driver for all {}",
        caches.len()
    );
}

/// What was issued to caches that are gone is accepted for as long as if they were there.
#[tokio::test(start_paused = true)]
async fn the_report_of_an_end_counts_caches_that_were_dropped_or_revoked_before() {
    for how in ["dropped", "revoked", "told", "untold"] {
        let clock = TestClock::new();
        let agent = clock.agent().build().unwrap();
        let revocable = Revocable {
            told: Arc::default(),
            takes: Duration::ZERO,
        };
        let profile = Profile::bearer("scripted").revocation(Revocation::Immediate);
        let answer = Answer::token(HOUR);
        let (provider, _) = ScriptedProvider::with_profile(profile, answer);
        let cache = if matches!(how, "told" | "untold") {
            agent.cache(revocable).build().unwrap()
        } else {
            agent.cache(provider).build().unwrap()
        };
        cache.get().await.unwrap();
        clock.advance(10 * MINUTE).await;

        match how {
            "dropped" => drop(cache),
            "told" => assert!(cache.revoke().await.residual_exposure.is_zero()),
            _ => drop(cache.revoke()),
        }
        clock.advance(10 * MINUTE).await;
        let report = agent.terminate(Reason::Finished).await;

        let expected = if how == "told" { 0 } else { 40 } * MINUTE;
        assert_eq!(report.residual_exposure(), expected, "{how}");
        assert_eq!(report.left, expected, "{how}");
    }
}
