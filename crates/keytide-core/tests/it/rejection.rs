//! Rule 19: a rejection names a generation and an origin.

use keytide_core::{ErrorKind, EventKind, Trigger};
use keytide_testkit::Answer;
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

    assert_eq!(given.cache.get_for_origin(B).await.unwrap().generation(), 1);
    assert_eq!(given.cache.try_get().unwrap().generation(), 1);
    given.script.release(1);
    assert_eq!(given.cache.get_for_origin(A).await.unwrap().generation(), 2);
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
            given.cache.get_for_origin(A).await.unwrap_err().kind(),
            ErrorKind::Rejected
        );
        assert_eq!(given.cache.get_for_origin(B).await.unwrap().generation(), 1);
        given.clock.advance(SECOND).await;
    }
    given.script.always(Answer::token(HOUR));
    given.clock.advance(MINUTE).await;
    assert_eq!(given.cache.get_for_origin(A).await.unwrap().generation(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_the_issuer_gives_again_is_vouched_for_and_served_again() {
    let given = given(Answer::token(HOUR));
    let end = given.cache.get().await.unwrap().expires_at().unwrap();
    given.script.always(Answer::same_token_until(end));

    let error = given.cache.rejected(1, A).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Rejected, "the refusal surfaces");
    assert_eq!(
        given.cache.get_for_origin(A).await.unwrap().generation(),
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
        assert_eq!(given.cache.get_for_origin(B).await.unwrap().generation(), 1);
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
            given.cache.get_for_origin(B).await.unwrap().remaining(),
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

/// Remembers the claims of each call, and fails the second one.
#[derive(Clone, Default)]
struct Demanded(std::sync::Arc<std::sync::Mutex<Vec<Option<String>>>>);

impl keytide_core::ProvideCredential for Demanded {
    fn profile(&self) -> keytide_core::Profile {
        keytide_core::Profile::bearer("demanded")
    }

    async fn provide(
        &self,
        request: &keytide_core::Request,
    ) -> Result<keytide_core::Issued, keytide_core::Error> {
        let call = {
            let mut seen = self.0.lock().unwrap();
            seen.push(request.claims().map(str::to_owned));
            seen.len()
        };
        if call == 2 {
            return Err(keytide_core::Error::unavailable("down"));
        }
        Ok(keytide_core::Issued::bearer(format!("token-{call}")).expires_in(HOUR))
    }
}

#[tokio::test(start_paused = true)]
async fn the_claims_of_a_rejection_go_with_every_call_until_a_newer_credential_is_published() {
    let clock = keytide_testkit::TestClock::new();
    let agent = clock.agent().build().unwrap();
    let provider = Demanded::default();
    let cache = agent.cache(provider.clone()).build().unwrap();
    cache.get().await.unwrap();

    let claims = r#"{"access_token":{"nbf":{"essential":true}}}"#;
    let failed = cache.rejected_with(1, A, Some(claims), Some(MINUTE)).await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Rejected);
    clock.advance(MINUTE).await;
    cache.refresh_now().await.unwrap();
    cache.refresh_now().await.unwrap();

    let claims = Some(claims.to_owned());
    assert_eq!(
        *provider.0.lock().unwrap(),
        [None, claims.clone(), claims, None]
    );
}

#[tokio::test(start_paused = true)]
async fn a_read_for_an_origin_waits_no_longer_than_its_patience_and_asks_for_its_life() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::token(HOUR).gated());

    given.clock.advance(MINUTE * 10).await;
    let within = |least| given.cache.get_for_origin_within(A, SECOND, least);
    assert_eq!(within(MINUTE * 49).await.unwrap().generation(), 1);
    let long = MINUTE * 55;
    assert_eq!(within(long).await.unwrap_err().kind(), ErrorKind::TimedOut);
    given.script.release(1);
    assert_eq!(within(long).await.unwrap().generation(), 2);
    assert_eq!(within(HOUR).await.unwrap_err().kind(), ErrorKind::TooShort);

    given.clock.advance(MINUTE).await;
    let _report = given.cache.rejected(2, A);
    let refused = given.cache.read_for_origin(A, |_| ()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Rejected);
    let other = given.cache.read_for_origin(B, |known| known.generation());
    assert_eq!(other.unwrap(), 2);
    let timed = within(std::time::Duration::ZERO).await.unwrap_err();
    assert_eq!(timed.kind(), ErrorKind::TimedOut);
}
