//! Rule 19: a rejection names a generation and an origin.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keytide_core::{
    Error, ErrorKind, EventKind, Issued, Profile, ProvideCredential, Request, RetryAfter, Trigger,
};
use keytide_testkit::{Answer, TestClock};
use tokio::task::JoinSet;

use crate::{HOUR, MINUTE, SECOND, given};

const A: &str = "https://a.example";
const B: &str = "https://b.example";

#[tokio::test(start_paused = true)]
async fn a_thousand_rejections_of_one_generation_cost_one_call() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::token(HOUR).after(SECOND));
    let mut reports = JoinSet::new();
    for _ in 0..1000 {
        reports.spawn(given.cache.rejected(1, A));
    }

    let got = reports.join_all().await;

    assert!(
        got.into_iter()
            .all(|newer| newer.is_ok_and(|newer| newer.generation() == 2))
    );
    assert_eq!(given.script.calls(), 2);
    assert_eq!(given.script.triggers()[1], Trigger::Rejected);
    assert_eq!(
        given.cache.rejected(1, A).await.unwrap().generation(),
        2,
        "a late one costs nothing"
    );
    assert_eq!(given.script.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn other_origins_keep_a_generation_that_one_refused() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::token(HOUR).gated());

    let report = given.cache.rejected(1, A);
    given.clock.settle().await;

    assert_eq!(
        given
            .cache
            .sender()
            .need(B)
            .get()
            .await
            .unwrap()
            .generation(),
        1
    );
    assert_eq!(given.cache.try_get().unwrap().generation(), 1);
    given.script.release(1);
    assert_eq!(
        given
            .cache
            .sender()
            .need(A)
            .get()
            .await
            .unwrap()
            .generation(),
        2
    );
    assert_eq!(report.await.unwrap().generation(), 2);
    given.recorder.wait_for(|kind| {
        *kind
            == EventKind::Rejected {
                generation: 1,
                origin: A.to_owned(),
            }
    });
}

#[tokio::test(start_paused = true)]
async fn an_origin_is_not_sent_what_it_refused_until_the_issuer_was_asked_anew() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::unavailable());

    assert_eq!(
        given.cache.rejected(1, A).await.unwrap_err().kind(),
        ErrorKind::Rejected
    );

    for _ in 0..20 {
        assert_eq!(
            given.cache.sender().need(A).get().await.unwrap_err().kind(),
            ErrorKind::Rejected
        );
        assert_eq!(
            given
                .cache
                .sender()
                .need(B)
                .get()
                .await
                .unwrap()
                .generation(),
            1
        );
        given.clock.advance(SECOND).await;
    }
    given.script.always(Answer::token(HOUR));
    given.clock.advance(MINUTE).await;
    assert_eq!(
        given
            .cache
            .sender()
            .need(A)
            .get()
            .await
            .unwrap()
            .generation(),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_the_issuer_gives_again_is_vouched_for_and_served_again() {
    let given = given(Answer::token(HOUR));
    let end = given.cache.get().await.unwrap().expires_at().unwrap();
    given.script.always(Answer::same_token_until(end));

    let error = given.cache.rejected(1, A).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Rejected, "the refusal surfaces");
    assert_eq!(
        given
            .cache
            .sender()
            .need(A)
            .get()
            .await
            .unwrap()
            .generation(),
        1,
        "reinstated under its generation"
    );
    assert_eq!(given.script.calls(), 2);

    // Refused once more: the next forced refresh waits, and nobody else notices.
    for _ in 0..25 {
        assert_eq!(
            given.cache.rejected(1, A).await.unwrap_err().kind(),
            ErrorKind::Rejected
        );
        assert_eq!(
            given
                .cache
                .sender()
                .need(B)
                .get()
                .await
                .unwrap()
                .generation(),
            1
        );
        given.clock.advance(SECOND).await;
    }
    assert_eq!(given.script.calls(), 2, "at least thirty seconds");
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_refuses_for_ever_costs_no_more_than_the_pace_of_the_backoff() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    let mut generation = 1;

    for _ in 0..1200 {
        if let Ok(newer) = given.cache.rejected(generation, A).await {
            generation = newer.generation();
        }
        assert_eq!(
            given
                .cache
                .sender()
                .need(B)
                .get()
                .await
                .unwrap()
                .remaining(),
            given.cache.get().await.unwrap().remaining()
        );
        given.clock.advance(SECOND / 2).await;
    }

    let calls = given.script.calls();
    assert!(calls <= 12, "{calls} calls in ten minutes");
    assert!(calls >= 5, "{calls} calls in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_refuses_what_served_it_well_forces_a_refresh_each_time() {
    let given = given(Answer::token(MINUTE));
    given.cache.get().await.unwrap();

    for generation in 1..=12 {
        given.clock.advance(20 * SECOND).await;
        assert_eq!(given.cache.get().await.unwrap().generation(), generation);
        let newer = given.cache.rejected(generation, A).await.unwrap();
        assert_eq!(newer.generation(), generation + 1);
    }
}

/// Remembers the claims of each call, and answers those that have some as it is told.
#[derive(Clone)]
struct Demanded {
    seen: Arc<Mutex<Vec<Option<String>>>>,
    life: Duration,
    with_claims: fn(usize) -> Option<Error>,
}

impl Demanded {
    fn new(with_claims: fn(usize) -> Option<Error>) -> Self {
        Self {
            seen: Arc::default(),
            life: HOUR,
            with_claims,
        }
    }

    fn seen(&self) -> Vec<Option<String>> {
        self.seen.lock().unwrap().clone()
    }
}

impl ProvideCredential for Demanded {
    fn profile(&self) -> Profile {
        Profile::bearer("demanded")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let call = {
            let mut seen = self.seen.lock().unwrap();
            seen.push(request.claims().map(str::to_owned));
            seen.len()
        };
        if request.claims().is_some() {
            // As slow as an issuer is: others come to wait for it.
            tokio::time::sleep(SECOND / 10).await;
            if let Some(error) = (self.with_claims)(call) {
                return Err(error);
            }
        }
        Ok(Issued::bearer(format!("token-{call}")).expires_in(self.life))
    }
}

const CLAIMS: &str = r#"{"access_token":{"nbf":{"essential":true}}}"#;

fn refused(_: usize) -> Option<Error> {
    Some(Error::refused("no such claims"))
}

#[tokio::test(start_paused = true)]
async fn claims_go_with_the_calls_that_their_rejection_forced_and_with_no_others() {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let provider = Demanded::new(|call| (call == 2).then(|| Error::unavailable("down")));
    let cache = agent.cache(provider.clone()).build().unwrap();
    cache.get().await.unwrap();

    let failed = cache
        .sender()
        .rejected(1, A, Some(CLAIMS), Some(MINUTE))
        .await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Rejected);
    clock.advance(MINUTE).await;
    let healed = cache.sender().need(A).get().await.unwrap();
    assert_eq!(healed.generation(), 2);
    cache.refresh_now().await.unwrap();
    cache.rejected(3, B).await.unwrap();
    clock.advance(MINUTE).await;
    cache.rejected(4, A).await.unwrap();

    let claims = Some(CLAIMS.to_owned());
    let expected = [None, claims.clone(), claims, None, None, None];
    assert_eq!(provider.seen(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_demand_that_the_issuer_chokes_on_starves_no_other_origin() {
    for error in [
        refused as fn(usize) -> Option<Error>,
        |_| Some(Error::unavailable("a page of a gateway")),
        |_| Some(Error::misconfigured("claims cannot be asked for here")),
        |_| Some(Error::not_configured("not here")),
        |_| Some(Error::throttled(Some(RetryAfter::Delay(HOUR)), "slowly")),
    ] {
        let clock = TestClock::new();
        let agent = clock.agent().build().unwrap();
        let provider = Demanded {
            life: 15 * MINUTE,
            ..Demanded::new(error)
        };
        let cache = agent.cache(provider.clone()).build().unwrap();
        cache.get().await.unwrap();

        for _ in 0..2 * 3600 {
            let served = cache.sender().need(B).get().await;
            let generation = served.expect("the other origin is served").generation();
            drop(cache.sender().rejected(generation, A, Some(CLAIMS), None));
            let sender = cache.sender();
            let at_once = sender.need(A).within(Duration::ZERO).get();
            at_once.await.expect_err("it is refused there");
            clock.advance(SECOND).await;
        }

        let seen = provider.seen();
        let (with, without): (Vec<_>, Vec<_>) = seen.into_iter().partition(Option::is_some);
        assert!(
            (8..=13).contains(&without.len()),
            "{} without",
            without.len()
        );
        assert!(
            (8..=100).contains(&with.len()),
            "{} with claims",
            with.len()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_demand_that_is_refused_ends_no_static_stability_and_sets_no_backoff() {
    /// Gives one key, then is down; says no to claims.
    struct Keys(AtomicUsize);
    impl ProvideCredential for Keys {
        fn profile(&self) -> Profile {
            Profile::signing_key("keys")
        }
        async fn provide(&self, request: &Request) -> Result<Issued, Error> {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                0 => Ok(Issued::signing_key("id", "secret".to_owned()).expires_in(HOUR)),
                _ if request.claims().is_some() => Err(Error::refused("no such claims")),
                _ => Err(Error::unavailable("down")),
            }
        }
    }
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let cache = agent.cache(Keys(AtomicUsize::new(0)));
    let cache = cache.static_stability(HOUR).build().unwrap();
    cache.get().await.unwrap();
    clock.advance(HOUR - SECOND).await;

    let demanding = cache.sender().rejected(1, A, Some(CLAIMS), None).await;

    assert_eq!(demanding.unwrap_err().kind(), ErrorKind::Rejected);
    let last_error = cache.status().last_error;
    assert!(last_error.is_none_or(|error| error.kind() == ErrorKind::Unavailable));
    clock.advance(MINUTE).await;
    assert_eq!(cache.sender().need(B).get().await.unwrap().generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_plain_refusal_of_another_origin_is_healed_by_an_issuer_that_knows_no_claims() {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let provider = Demanded::new(|_| Some(Error::misconfigured("it knows no claims")));
    let cache = agent.cache(provider.clone()).build().unwrap();
    cache.get().await.unwrap();

    let demanding = cache.sender().rejected(1, A, Some(CLAIMS), None);
    clock.settle().await;
    let plain = cache.rejected(1, B);
    let (demanding, plain) = tokio::join!(demanding, plain);

    assert_eq!(plain.unwrap().generation(), 2);
    assert_eq!(demanding.unwrap_err().kind(), ErrorKind::Rejected);
    assert_eq!(provider.seen(), [None, Some(CLAIMS.to_owned()), None]);

    // Nor does anybody have to wait for it.
    clock.advance(MINUTE).await;
    drop(cache.sender().rejected(2, A, Some(CLAIMS), None));
    clock.settle().await;
    drop(cache.rejected(2, B));
    clock.advance(SECOND).await;
    assert_eq!(cache.try_get().unwrap().generation(), 3);
}

#[tokio::test(start_paused = true)]
async fn who_waited_for_the_call_that_another_origin_forced_gets_one_without_its_claims() {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let provider = Demanded::new(refused);
    let cache = agent.cache(provider.clone()).build().unwrap();
    cache.get().await.unwrap();
    clock.advance(10 * MINUTE).await;

    let demanding = cache.sender().rejected(1, A, Some(CLAIMS), None);
    clock.settle().await;
    let sender = cache.sender();
    let longer = sender.need(B).within(MINUTE).lasting(55 * MINUTE).get();
    let (demanding, longer) = tokio::join!(demanding, longer);

    assert_eq!(longer.unwrap().generation(), 2);
    assert!(demanding.is_err());
    assert_eq!(provider.seen(), [None, Some(CLAIMS.to_owned()), None]);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_is_ignored_leaves_no_claims_behind() {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let provider = Demanded::new(refused);
    let cache = agent.cache(provider.clone()).build().unwrap();
    cache.get().await.unwrap();
    cache.refresh_now().await.unwrap();

    // Of a former generation, of one to come, and of one that this origin is known to refuse.
    drop(cache.sender().rejected(1, A, Some(CLAIMS), None));
    drop(cache.sender().rejected(7, A, Some(CLAIMS), None));
    let plain = cache.rejected(2, A);
    drop(cache.sender().rejected(2, A, Some(CLAIMS), None));
    plain.await.unwrap();
    cache.rejected(3, B).await.unwrap();

    assert_eq!(provider.seen(), [None, None, None, None]);
}

#[tokio::test(start_paused = true)]
async fn a_read_for_an_origin_waits_no_longer_than_its_patience_and_asks_for_its_life() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::token(HOUR).gated());

    given.clock.advance(MINUTE * 10).await;
    let sender = given.cache.sender();
    let within = |least| sender.need(A).within(SECOND).lasting(least).get();
    assert_eq!(within(MINUTE * 49).await.unwrap().generation(), 1);
    let long = MINUTE * 55;
    assert_eq!(within(long).await.unwrap_err().kind(), ErrorKind::TimedOut);
    given.script.release(1);
    assert_eq!(within(long).await.unwrap().generation(), 2);
    assert_eq!(within(HOUR).await.unwrap_err().kind(), ErrorKind::TooShort);

    given.clock.advance(MINUTE).await;
    let _report = given.cache.rejected(2, A);
    let refused = given.cache.sender().read(A, |_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Rejected);
    let other = given.cache.sender().read(B, |known| known.generation());
    assert_eq!(other.unwrap(), 2);
    let timed = within(std::time::Duration::ZERO).await.unwrap_err();
    assert_eq!(timed.kind(), ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn no_number_of_origins_forces_calls_faster_than_the_shortest_pace() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    let origins: Vec<String> = (0..200).map(|n| format!("https://{n}.example")).collect();

    for _ in 0..300 {
        for origin in &origins {
            let sender = given.cache.sender();
            let at_once = sender.need(origin).within(Duration::ZERO).get();
            let Ok(credential) = at_once.await else {
                continue;
            };
            drop(given.cache.rejected(credential.generation(), origin));
            let again = given.cache.sender().read(origin, |_| ()).unwrap_err();
            assert_eq!(
                again.kind(),
                ErrorKind::Rejected,
                "{origin} is sent what it refused"
            );
        }
        given.clock.advance(SECOND / 10).await;
    }

    let calls = given.script.calls();
    assert!((5..=32).contains(&calls), "{calls} calls in half a minute");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_came_after_the_call_was_sent_is_not_vouched_for_by_it() {
    let given = given(Answer::token(HOUR));
    let end = given.cache.get().await.unwrap().expires_at().unwrap();
    given.clock.advance(MINUTE).await;
    given.script.always(Answer::same_token_until(end).gated());
    let by_name = given.cache.refresh_now();
    tokio::pin!(by_name);
    assert!(futures_poll(by_name.as_mut()).await.is_none());
    given.clock.advance(SECOND / 10).await;

    let refused = given.cache.rejected(1, A);
    given.script.release(1);
    assert_eq!(by_name.await.unwrap().generation(), 1);
    given.clock.settle().await;

    let read = given.cache.sender().read(A, |_| ()).unwrap_err();
    assert_eq!(
        read.kind(),
        ErrorKind::Rejected,
        "the call was sent before it refused"
    );
    given.script.always(Answer::token(HOUR));
    given.script.release(1);
    let calls = given.script.calls();
    assert_eq!(refused.await.unwrap_err().kind(), ErrorKind::Rejected);
    assert_eq!(calls, 3, "it has a call of its own");
}

/// One poll.
async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}
