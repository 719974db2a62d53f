//! Rules 23 and 24: two clocks here, and one at the issuer.

use std::time::{Duration, SystemTime};

use keytide_core::{Clock, ErrorKind, EventKind};
use keytide_testkit::Answer;

use crate::{HOUR, MINUTE, SECOND, given};

/// T6.
#[tokio::test(start_paused = true)]
async fn expired_means_either_clock_says_so() {
    let suspended = given(Answer::token(HOUR));
    suspended.cache.get().await.unwrap();
    suspended.clock.suspend(HOUR);
    suspended.clock.step_back(HOUR);
    assert_eq!(
        suspended.cache.try_get().unwrap_err().kind(),
        ErrorKind::Expired,
        "the suspend counts"
    );

    let forward = given(Answer::token(HOUR));
    forward.cache.get().await.unwrap();
    forward.clock.step_forward(2 * HOUR);
    assert_eq!(
        forward.cache.try_get().unwrap_err().kind(),
        ErrorKind::Expired,
        "the wall clock counts"
    );
    assert_eq!(
        forward.cache.get().await.unwrap().generation(),
        2,
        "get waits for the one refresh"
    );
    assert_eq!(forward.script.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_steps_back_does_not_lengthen_a_life() {
    for step in [MINUTE, 2 * HOUR, 24 * 365 * HOUR] {
        let given = given(Answer::token(HOUR));
        given.cache.get().await.unwrap();
        given.script.always(Answer::unavailable());
        given.clock.step_back(step);

        given.clock.advance(HOUR - SECOND).await;
        given.cache.try_get().unwrap();
        given.clock.advance(SECOND).await;

        assert_eq!(
            given.cache.try_get().unwrap_err().kind(),
            ErrorKind::Expired
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_wall_clock_at_1970_or_before_breaks_nothing() {
    for instant in [SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH - HOUR] {
        let given = given(Answer::token(HOUR));
        given.cache.get().await.unwrap();
        given.clock.set_wall(instant);

        for _ in 0..10 {
            given.cache.get().await.unwrap();
            given.clock.advance(20 * MINUTE).await;
        }

        assert!(
            (3..=6).contains(&given.script.calls()),
            "{} calls",
            given.script.calls()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_of_the_wall_clock_is_told_once_and_plans_are_made_anew() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();

    given.clock.step_forward(53 * MINUTE);
    given.clock.advance(31 * SECOND).await;

    assert_eq!(
        given.cache.try_get().unwrap().generation(),
        2,
        "due by the wall clock, so it was refreshed"
    );
    let told = given
        .recorder
        .wait_for(|kind| matches!(kind, EventKind::ClockStepped { .. }));
    let EventKind::ClockStepped { by, backward } = told.kind else {
        unreachable!()
    };
    assert!(
        !backward && by >= 52 * MINUTE && by <= 54 * MINUTE,
        "{by:?}"
    );
    let steps = given
        .recorder
        .kinds()
        .into_iter()
        .filter(|kind| matches!(kind, EventKind::ClockStepped { .. }));
    assert_eq!(steps.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_counts_from_the_moment_of_sending() {
    let given = given(Answer::token(MINUTE).after(10 * SECOND));
    let sent = given.clock.wall();

    let credential = given.cache.get().await.unwrap();

    assert_eq!(credential.expires_at(), Some(sent + MINUTE));
    assert_eq!(credential.remaining(), 50 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_whose_clock_is_ahead_shortens_a_life_and_never_lengthens_it() {
    for (skew, shortens) in [(30 * MINUTE, true), (2 * HOUR, false)] {
        let given = given(Answer::unavailable());
        let now = given.clock.wall();
        let (shown, end) = if shortens {
            (now + skew, now + HOUR)
        } else {
            (now - skew, now + HOUR)
        };
        given
            .script
            .always(Answer::token_until(end).issuer_clock(shown));

        let credential = given.cache.get().await.unwrap();

        assert_eq!(credential.expires_at(), Some(end), "the issuer's truth");
        let expected = if shortens { HOUR - skew } else { HOUR };
        assert!(
            credential.remaining() <= expected,
            "{:?}",
            credential.remaining()
        );
        assert!(
            credential.remaining() >= expected - 2 * SECOND,
            "{:?}",
            credential.remaining()
        );
        given.recorder.wait_for(|kind| {
            matches!(kind, EventKind::ClockSkew { issuer_ahead, .. } if *issuer_ahead == shortens)
        });
        let reported = given.cache.status().issuer_clock_skew;
        assert!(
            (reported.abs() - skew.as_secs_f64()).abs() < 2.0,
            "{reported}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_issuers_clock_is_learned_from_failures_too_and_bounded() {
    let given = given(Answer::unavailable());
    given
        .script
        .always(Answer::refused().issuer_clock(given.clock.wall() + 2 * HOUR));
    given.cache.get().await.unwrap_err();
    assert!((given.cache.status().issuer_clock_skew - 7200.0).abs() < 2.0);

    given.script.always(
        Answer::refused().issuer_clock(given.clock.wall() + Duration::from_secs(1_000_000)),
    );
    given.cache.refresh_now().await.unwrap_err();
    assert!((given.cache.status().issuer_clock_skew - 86_400.0).abs() < f64::EPSILON);

    // A second of truncation and the latency of the call are no skew.
    given
        .script
        .always(Answer::refused().issuer_clock(given.clock.wall() - Duration::from_millis(900)));
    given.cache.refresh_now().await.unwrap_err();
    assert!(given.cache.status().issuer_clock_skew.abs() < f64::EPSILON);
}
