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
