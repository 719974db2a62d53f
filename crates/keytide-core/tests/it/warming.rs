//! Warming up: every cache is asked at its own pace, and what comes is noticed, whoever brings it.

use std::time::Duration;

use keytide_core::{Agent, Error, ErrorKind};
use keytide_testkit::{Answer, Script, ScriptedProvider, TestClock};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::{Given, HOUR, MINUTE, SECOND, given, real_agent};

fn warm_up(agent: &Agent, limit: Duration) -> JoinHandle<Result<(), Error>> {
    let agent = agent.clone();
    tokio::spawn(async move { agent.warm_up(limit).await })
}

/// A warm-up whose issuer has refused so often that it is asked every five minutes.
async fn backed_off() -> (Given, JoinHandle<Result<(), Error>>) {
    let given = given(Answer::refused());
    let warming = warm_up(&given.agent, 10 * HOUR);
    given.clock.advance(HOUR).await;
    let wait = given.cache.status().next_attempt.unwrap();
    if wait < MINUTE {
        given.clock.advance(wait + SECOND).await;
    }
    let wait = given.cache.status().next_attempt.unwrap();
    assert!(wait >= MINUTE, "{wait:?}");
    (given, warming)
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_notices_what_another_call_brings() {
    let (given, warming) = backed_off().await;
    given.script.always(Answer::token(HOUR));

    given.cache.refresh_now().await.unwrap();
    given.clock.settle().await;

    assert!(warming.is_finished(), "it sleeps through what is at hand");
    warming.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_notices_what_a_changed_input_brings() {
    let (given, warming) = backed_off().await;
    given.script.always(Answer::token(HOUR));

    given.script.change_input();
    given.clock.advance(SECOND).await;

    assert!(warming.is_finished(), "it sleeps through what is at hand");
    warming.await.unwrap().unwrap();
}

/// The call that the change brought failed, but no longer for five minutes.
#[tokio::test(start_paused = true)]
async fn a_warm_up_goes_by_the_pace_that_another_call_has_set() {
    let (given, warming) = backed_off().await;
    given.script.then(Answer::unavailable());
    given.script.always(Answer::token(HOUR));

    given.script.change_input();
    given.clock.advance(10 * SECOND).await;

    assert!(warming.is_finished(), "it keeps to a pace of the past");
    warming.await.unwrap().unwrap();
}

/// No new generation comes of it, and yet there is something to be served.
#[tokio::test(start_paused = true)]
async fn a_warm_up_notices_what_is_reinstated() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.clock.advance(MINUTE).await;
    given.script.always(Answer::refused());
    given.cache.invalidate(1);
    let warming = warm_up(&given.agent, HOUR);
    given.clock.advance(20 * MINUTE).await;
    assert!(!warming.is_finished());
    given.script.always(Answer::same_token(39 * MINUTE));

    let again = given.cache.refresh_now().await.unwrap();
    given.clock.settle().await;

    assert_eq!(again.generation(), 1);
    assert!(warming.is_finished(), "it sleeps through what is at hand");
    warming.await.unwrap().unwrap();
}

fn caches<const N: usize>(
    clock: &TestClock,
    answers: [Answer; N],
) -> (Agent, [(keytide_core::Cache, Script); N]) {
    let agent = clock.agent().build().unwrap();
    let caches = answers.map(|answer| {
        let (provider, script) = ScriptedProvider::new(answer);
        (agent.cache(provider).build().unwrap(), script)
    });
    (agent, caches)
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_asks_every_cache_at_its_own_pace_whatever_the_others_do() {
    let clock = TestClock::new();
    let slow = Answer::token(HOUR).after(25 * SECOND);
    let (agent, [_slow, (_shaky, script)]) = caches(&clock, [slow, Answer::token(HOUR)]);
    for _ in 0..4 {
        script.then(Answer::unavailable());
    }
    let start = Instant::now();

    agent.warm_up(MINUTE).await.unwrap();

    assert_eq!(start.elapsed().as_secs(), 25);
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_ends_at_once_with_what_no_wait_can_heal() {
    let clock = TestClock::new();
    let (agent, [_hung, (failing, _)]) = caches(&clock, [Answer::hang(), Answer::refused()]);
    let warming = warm_up(&agent, HOUR);
    clock.advance(10 * MINUTE).await;

    drop(failing.revoke());
    clock.settle().await;

    assert!(warming.is_finished());
    let error = warming.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Revoked);
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_waits_for_no_cache_that_is_dropped_meanwhile() {
    let clock = TestClock::new();
    let all = [Answer::hang(), Answer::refused(), Answer::token(HOUR)];
    let (agent, [(hung, script), (failing, _), _fine]) = caches(&clock, all);
    let warming = warm_up(&agent, HOUR);
    clock.advance(MINUTE).await;
    assert!(!warming.is_finished());

    drop((hung, failing));
    clock.settle().await;

    assert_eq!(agent.status().len(), 1);
    assert_eq!(script.running(), 0, "its call is ended too");
    assert!(warming.is_finished());
    warming.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_a_warm_up_is_one_for_all_its_caches() {
    let clock = TestClock::new();
    let all = [Answer::hang(), Answer::unavailable(), Answer::refused()];
    let (agent, [_hung, (failing, _), _refused]) = caches(&clock, all);
    let start = Instant::now();

    let error = agent.warm_up(20 * SECOND).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 20);
    assert!(failing.status().failures > 3);
    // Timers stand still while the machine sleeps; patience does not.
    let warming = warm_up(&agent, HOUR);
    clock.advance(MINUTE).await;
    clock.suspend(HOUR);
    clock.advance(MINUTE).await;
    assert!(warming.is_finished());
}

#[test]
fn the_limit_of_a_warm_up_is_kept_in_real_time() {
    let agent = real_agent();
    let providers = [Answer::hang(), Answer::unavailable()].map(ScriptedProvider::new);
    let _caches = providers.map(|(provider, _)| agent.cache(provider).build().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();

    let start = Instant::now();
    let ended = runtime.block_on(async {
        let limit = Duration::from_millis(200);
        tokio::time::timeout(10 * SECOND, agent.warm_up(limit)).await
    });

    let error = ended.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(start.elapsed() >= Duration::from_millis(200));
}
