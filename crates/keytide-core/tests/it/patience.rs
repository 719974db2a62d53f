//! Rule 29: a reader that states its patience waits through what may pass.

use std::time::{Duration, UNIX_EPOCH};

use keytide_core::{
    Clock, Error, ErrorKind, Issued, Profile, ProvideCredential, Request, RetryAfter,
};
use keytide_testkit::{Answer, ScriptedProvider, TestClock};
use tokio::time::Instant;

use crate::{HOUR, MINUTE, SECOND, given, given_with, real_agent};

const ANY: Duration = Duration::ZERO;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test(start_paused = true)]
async fn a_reader_with_patience_rides_out_an_outage() {
    let given = given(Answer::token(HOUR));
    for _ in 0..3 {
        given.script.then(Answer::unavailable());
    }
    let start = Instant::now();

    let credential = given.cache.need().within(10 * SECOND).get().await.unwrap();

    assert_eq!(credential.generation(), 1);
    assert_eq!(given.script.calls(), 4);
    assert!(start.elapsed() <= millis(700 + 10), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn recovery_takes_no_longer_than_the_outage_did() {
    for outage in [50, 150, 400, 900, 2_000, 5_000, 20_000] {
        let given = given(Answer::unavailable());
        let (cache, script) = (given.cache.clone(), given.script.clone());
        let waits = tokio::spawn(async move { cache.need().within(10 * MINUTE).get().await });
        given.clock.advance(millis(outage)).await;
        script.always(Answer::token(HOUR));
        let healed = Instant::now();

        waits.await.unwrap().unwrap();

        let late = healed.elapsed();
        assert!(
            late <= millis(outage + 100 + 10),
            "{outage} ms, {late:?} late"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_short_pauses_cost_a_long_outage_four_calls_more() {
    let calls_in = async |sets_interval: bool| {
        let profile = Profile::bearer("scripted");
        let given = given_with(profile, Answer::unavailable(), |cache| {
            if sets_interval {
                cache.min_interval(SECOND)
            } else {
                cache
            }
        });
        given
            .cache
            .need()
            .within(HOUR)
            .get()
            .await
            .expect_err("it lasts longer");
        given.script.calls()
    };

    // The pauses are spread, so that a single run tells little of the last of them.
    let (short, spaced) = (calls_in(false).await, calls_in(true).await);
    assert!(
        short.abs_diff(spaced + 4) <= 12,
        "{short}, {spaced} with a minimum interval"
    );
}

#[tokio::test(start_paused = true)]
async fn a_floor_that_is_set_is_the_shortest_pause() {
    let profile = Profile::bearer("scripted");
    let given = given_with(profile, Answer::token(HOUR), |cache| {
        cache.min_interval(2 * SECOND)
    });
    given.script.then(Answer::unavailable());
    let start = Instant::now();

    given.cache.need().within(10 * SECOND).get().await.unwrap();

    assert!(start.elapsed() >= 2 * SECOND, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_pass_is_told_at_once() {
    for (answer, kind) in [
        (Answer::refused(), ErrorKind::Refused),
        (
            Answer::fail(Error::not_configured("nothing here")),
            ErrorKind::NotConfigured,
        ),
        (
            Answer::fail(Error::misconfigured("mend it")),
            ErrorKind::Misconfigured,
        ),
    ] {
        let given = given(answer);
        let start = Instant::now();

        let error = given.cache.need().within(MINUTE).get().await.unwrap_err();

        assert_eq!(error.kind(), kind);
        assert_eq!((start.elapsed(), given.script.calls()), (ANY, 1));
        // Nor does the next reader wait for its pace.
        let again = given.cache.need().within(MINUTE).get().await.unwrap_err();
        assert_eq!((again.kind(), start.elapsed()), (kind, ANY));
    }

    let ended = given(Answer::unavailable());
    let cache = ended.cache.clone();
    let waits = tokio::spawn(async move { cache.need().within(HOUR).get().await });
    ended.clock.advance(30 * SECOND).await;
    let start = Instant::now();
    drop(ended.cache.revoke());
    assert_eq!(waits.await.unwrap().unwrap_err().kind(), ErrorKind::Revoked);
    assert!(start.elapsed() <= millis(10), "an end is noticed at once");
}

#[tokio::test(start_paused = true)]
async fn where_no_attempt_fits_the_reader_is_told_at_once_and_when_the_next_is() {
    let given = given(Answer::unavailable());
    let start = Instant::now();

    let error = given.cache.need().within(SECOND).get().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(start.elapsed() < SECOND, "{:?}", start.elapsed());
    let Some(RetryAfter::Delay(next)) = error.retry_after() else {
        panic!("it does not say when: {error:?}");
    };
    let status = given.cache.status();
    assert!(status.next_attempt.unwrap().abs_diff(next) <= millis(2));
    let cause = std::error::Error::source(&error).expect("the cause");
    assert!(cause.to_string().contains("scripted"), "{cause}");
    assert!(
        !error.to_string().contains(&cause.to_string()),
        "a chain says each thing once: {error}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_asks_for_patience_gets_it_where_that_fits() {
    let given = given(Answer::token(HOUR));
    given.script.then(Answer::throttled(Some(5 * SECOND)));
    let start = Instant::now();

    given.cache.need().within(10 * SECOND).get().await.unwrap();
    assert!(start.elapsed() >= 5 * SECOND);

    let impatient = crate::given(Answer::throttled(Some(20 * SECOND)));
    let start = Instant::now();
    let error = impatient.cache.need().within(10 * SECOND).get().await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Throttled);
    assert_eq!((start.elapsed(), impatient.script.calls()), (ANY, 1));
}

#[tokio::test(start_paused = true)]
async fn a_reader_without_patience_is_told_of_the_first_failure() {
    let given = given(Answer::unavailable());
    let start = Instant::now();

    given.cache.get().await.unwrap_err();
    given.cache.get().await.unwrap_err();

    assert_eq!((start.elapsed(), given.script.calls()), (ANY, 1));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_waits_for_an_attempt_takes_what_comes_before() {
    let given = given(Answer::throttled(Some(MINUTE)));
    let cache = given.cache.clone();
    let waits = tokio::spawn(async move { cache.need().within(HOUR).get().await });
    given.clock.advance(SECOND).await;
    given.script.always(Answer::token(HOUR));
    let start = Instant::now();

    let by_name = given.cache.refresh_now().await.unwrap();

    let waited = waits.await.unwrap().unwrap();
    assert_eq!(waited.generation(), by_name.generation());
    assert!(start.elapsed() <= millis(10), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_wish_for_more_life_waits_through_no_outage() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::unavailable());
    given.clock.advance(40 * MINUTE).await;
    let start = Instant::now();

    let error = given
        .cache
        .need()
        .within(10 * MINUTE)
        .lasting(50 * MINUTE)
        .get()
        .await;

    assert_eq!(error.unwrap_err().kind(), ErrorKind::TooShort);
    assert_eq!(start.elapsed(), ANY);
    given.cache.need().within(10 * MINUTE).get().await.unwrap();
}

#[test]
fn a_thread_that_blocks_with_patience_rides_out_an_outage() {
    let (provider, script) = ScriptedProvider::new(Answer::token(HOUR));
    script.then(Answer::unavailable());
    let cache = real_agent().cache(provider).build().unwrap();

    let credential = cache.get_blocking(20 * SECOND).unwrap();

    assert_eq!((credential.generation(), script.calls()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn no_reader_waits_in_a_queue_for_longer_than_one_call_may_take() {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let cache = || {
        let profile = Profile::bearer("queued").issuer("issuer.test/queue");
        let (provider, _) = ScriptedProvider::with_profile(profile, Answer::hang());
        let cache = agent.cache(provider).issuer_limit(1);
        cache.flight_limit(10 * SECOND).build().unwrap()
    };
    let ahead: Vec<_> = (0..3).map(|_| cache()).collect();
    for cache in &ahead {
        cache.try_get().unwrap_err();
    }
    clock.settle().await;
    let start = Instant::now();

    let error = cache().get().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(start.elapsed() <= 10 * SECOND + millis(10));
}

/// Refuses while the wall clock is wrong, as an issuer does that checks a certificate or an assertion.
struct Strict(TestClock);

impl ProvideCredential for Strict {
    fn profile(&self) -> Profile {
        Profile::bearer("strict")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let year = request.now().duration_since(UNIX_EPOCH);
        let wrong = year.is_ok_and(|since| since < 10 * 365 * 24 * HOUR);
        assert_eq!(self.0.wall(), request.now());
        if wrong {
            return Err(Error::refused("the assertion is from another time"));
        }
        let token = keytide_core::Secret::from("token".to_owned());
        Ok(Issued::bearer(token).expires_in(HOUR))
    }
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_put_right_leaves_no_pace_of_the_wrong_one() {
    let clock = TestClock::new();
    let truth = clock.wall();
    clock.set_wall(UNIX_EPOCH);
    let agent = clock.agent().build().unwrap();
    let cache = agent.cache(Strict(clock.clone())).build().unwrap();
    while cache
        .status()
        .next_attempt
        .is_none_or(|next| next < 2 * MINUTE)
    {
        let _ = cache.get().await;
        clock.advance(SECOND).await;
    }

    clock.set_wall(truth);
    clock.advance(SECOND).await;

    assert_eq!(cache.get().await.unwrap().generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pause_ends_by_the_agents_clock_and_not_before_it_is_polled() {
    let given = given(Answer::token(HOUR));
    let sender = given.cache.sender();
    let pause = sender.pause(millis(250));
    given.clock.advance(SECOND).await;
    let start = Instant::now();

    pause.await;

    assert!(
        (millis(250)..millis(260)).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
    // One that is dropped leaves nothing behind, and one of nothing ends at once.
    drop(sender.pause(HOUR));
    sender.pause(ANY).await;
    assert!(start.elapsed() < millis(270), "{:?}", start.elapsed());
    assert_eq!(given.script.calls(), 0, "no issuer is asked for it");
}
