//! Rules 5, 7, 8, 13 to 15, where one scenario says it; `simulation` has the rest.

use std::time::{Duration, SystemTime};

use keytide_core::{Clock, Error, ErrorKind, EventKind, LongLived, Phase, Profile, Trigger};
use keytide_testkit::Answer;
use tokio::time::Instant;

use crate::{HOUR, MINUTE, SECOND, given, given_with};

#[tokio::test(start_paused = true)]
async fn a_refresh_happens_behind_the_readers_backs_in_the_advisory_window() {
    let given = given(Answer::token(HOUR).after(2 * SECOND));
    given.cache.get().await.unwrap();
    let start = Instant::now();
    let mut changes = given.cache.changes();

    assert_eq!(changes.next().await, Some(2));

    let at = start.elapsed();
    assert!(
        at >= 45 * MINUTE && at <= 45 * MINUTE + 15 * MINUTE / 2 + 3 * SECOND,
        "{at:?}"
    );
    assert_eq!(given.script.triggers(), [Trigger::FirstUse, Trigger::Ahead]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_the_mandatory_window_is_loud_and_readers_are_still_served() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::unavailable());

    given.clock.advance(59 * MINUTE + 30 * SECOND).await;

    assert_eq!(given.cache.status().phase, Phase::Mandatory);
    assert_eq!(given.cache.try_get().unwrap().generation(), 1);
    assert!(given.script.triggers().contains(&Trigger::Urgent));
    given
        .recorder
        .wait_for(|kind| matches!(kind, EventKind::Failed { urgent: true, .. }));
}

#[tokio::test(start_paused = true)]
async fn an_issuers_hint_wins_over_the_window() {
    let given = given(Answer::token(HOUR).refresh_in(10 * MINUTE));
    given.cache.get().await.unwrap();
    let (start, mut changes) = (Instant::now(), given.cache.changes());

    changes.next().await;

    assert!(
        start.elapsed() >= 10 * MINUTE && start.elapsed() <= 11 * MINUTE,
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn refreshing_stops_when_nobody_reads_and_resumes_with_the_next_read() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.clock.advance(10 * HOUR).await;
    let calls = given.script.calls();
    assert!(calls <= 2, "{calls} calls for nobody");
    given.recorder.wait_for(|kind| *kind == EventKind::Idle);

    assert_eq!(given.cache.get().await.unwrap().generation(), calls + 1);
    given.clock.advance(55 * MINUTE).await;

    assert_eq!(given.script.calls(), calls + 2);
}

#[tokio::test(start_paused = true)]
async fn an_idle_cache_resumes_with_a_read_before_expiry() {
    let given = given_with(
        Profile::bearer("scripted"),
        Answer::token(HOUR),
        |builder| builder.idle_after(10 * MINUTE),
    );
    given.cache.get().await.unwrap();
    given.clock.advance(55 * MINUTE).await;
    assert_eq!(given.script.calls(), 1);

    given.cache.read(|_| ()).unwrap();
    given.clock.advance(SECOND).await;

    assert_eq!(given.cache.try_get().unwrap().generation(), 2);
    given.recorder.wait_for(|kind| *kind == EventKind::Resumed);
}

#[tokio::test(start_paused = true)]
async fn a_read_of_any_sort_resumes_an_idle_cache_without_waiting() {
    for sort in 0..5 {
        let given = given_with(
            Profile::bearer("scripted"),
            Answer::token(HOUR).after(SECOND),
            |builder| builder.idle_after(10 * MINUTE),
        );
        given.cache.get().await.unwrap();
        given.clock.advance(55 * MINUTE).await;
        assert_eq!(given.script.calls(), 1);

        let start = Instant::now();
        let served = match sort {
            0 => given.cache.get().await.unwrap(),
            1 => given.cache.need().lasting(SECOND).get().await.unwrap(),
            2 => given
                .cache
                .need()
                .within(MINUTE)
                .lasting(SECOND)
                .get()
                .await
                .unwrap(),
            3 => given.cache.get_blocking(MINUTE).unwrap(),
            _ => given.cache.need().lasting(SECOND).try_get().unwrap(),
        };
        assert_eq!((served.generation(), start.elapsed()), (1, Duration::ZERO));
        given.clock.advance(2 * SECOND).await;

        assert_eq!(given.script.calls(), 2, "sort {sort}");
    }
}

#[tokio::test(start_paused = true)]
async fn absurd_lifetimes_neither_panic_nor_loop() {
    let epoch = SystemTime::UNIX_EPOCH;
    let year_9999 = epoch + Duration::from_secs(253_402_300_799);
    let lives = [
        Answer::token(Duration::ZERO),
        Answer::token(Duration::from_nanos(1)),
        Answer::token(Duration::from_millis(300)),
        Answer::token(SECOND),
        Answer::token(3650 * 24 * HOUR),
        Answer::token(Duration::MAX),
        Answer::token(Duration::from_secs(u64::MAX)),
        Answer::token_until(year_9999),
        Answer::token_until(epoch),
        Answer::token_until(epoch - 1000 * HOUR),
        Answer::static_token(),
    ];
    for life in lives {
        for lenient in [false, true] {
            let given = given_with(Profile::bearer("scripted"), life.clone(), |builder| {
                if lenient {
                    builder.long_lived(LongLived::Flag).danger_allow_static()
                } else {
                    builder
                }
            });
            for _ in 0..100 {
                let _ = given.cache.get().await;
                let _ = given.cache.read(|credential| credential.remaining());
                let _ = given.cache.status();
                given.clock.advance(Duration::from_millis(100)).await;
            }
            let calls = given.script.calls();
            assert!(
                (1..=11).contains(&calls),
                "{calls} calls in 10 s for {life:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_expiry_demand_retries_at_once_then_at_a_doubling_pace() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::throttled(Some(24 * HOUR)));
    given.clock.advance(HOUR).await;
    let before = given.script.calls();

    given.cache.get().await.unwrap_err();
    assert_eq!(given.script.calls(), before + 1, "at once");

    let mut starts = vec![Instant::now()];
    given.script.always(Answer::unavailable());
    while starts.len() < 16 {
        given.clock.advance(Duration::from_millis(10)).await;
        given.cache.get().await.unwrap_err();
        if given.script.calls() > before + starts.len() as u64 {
            starts.push(Instant::now());
        }
    }
    let gaps: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let longest = [30_000, 200, 400, 800, 1_000, 2_000, 4_000, 8_000, 16_000];
    for (gap, longest) in gaps.iter().zip(longest.map(Duration::from_millis)) {
        let tick = Duration::from_millis(11);
        assert!(
            *gap >= longest / 2 && *gap <= longest + tick,
            "{longest:?}: {gaps:?}"
        );
    }
    assert!(gaps.iter().all(|gap| *gap <= 31 * SECOND), "{gaps:?}");
    assert!(gaps.last().unwrap() >= &(14 * SECOND), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn an_early_outage_that_heals_is_noticed_within_a_tenth_of_a_second() {
    let given = given(Answer::unavailable());
    given.cache.get().await.unwrap_err();
    given.script.always(Answer::token(HOUR));

    given.clock.advance(Duration::from_millis(100)).await;

    assert_eq!(given.cache.get().await.unwrap().generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_serves_what_is_valid_and_is_asked_again_soon() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::refused());
    given.clock.advance(52 * MINUTE + 31 * SECOND).await;
    let refused = given.script.calls();
    assert!(refused > 1);
    assert_eq!(given.cache.get().await.unwrap().generation(), 1);
    assert_eq!(
        given.cache.status().last_error.unwrap().kind(),
        ErrorKind::Refused
    );

    given.script.always(Answer::token(HOUR));
    given.clock.advance(5 * MINUTE).await;

    assert_eq!(
        given.cache.get().await.unwrap().generation(),
        2,
        "a refusal that heals is noticed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_changed_input_resets_the_backoff_of_a_refusal() {
    let given = given(Answer::refused());
    for _ in 0..600 {
        given.cache.get().await.unwrap_err();
        given.clock.advance(SECOND).await;
    }
    let calls = given.script.calls();
    assert!(
        calls < 15,
        "{calls} calls in ten minutes of the same refusal"
    );
    given.script.always(Answer::token(HOUR));

    given.script.change_input();
    given.clock.advance(Duration::from_millis(200)).await;

    assert_eq!(given.cache.try_get().unwrap().generation(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_input_that_changes_while_nobody_reads_is_asked_for_by_the_next_read() {
    let given = given_with(
        Profile::bearer("scripted"),
        Answer::token(HOUR),
        |builder| builder.idle_after(10 * MINUTE),
    );
    given.cache.get().await.unwrap();
    given.clock.advance(20 * MINUTE).await;

    given.script.change_input();
    given.clock.advance(MINUTE).await;
    assert_eq!(given.script.calls(), 1, "nobody reads");
    given.cache.read(|_| ()).unwrap();
    given.clock.advance(SECOND).await;
    assert_eq!(given.script.calls(), 2, "somebody reads again");

    given.script.change_input();
    given.clock.advance(SECOND).await;
    assert_eq!(given.script.calls(), 3, "in use, so at once");
}

/// T22.
#[tokio::test(start_paused = true)]
async fn an_unchanged_credential_is_no_new_generation_and_no_notification() {
    let given = given(Answer::token(HOUR));
    let end = given.cache.get().await.unwrap().expires_at().unwrap();
    let mut changes = given.cache.changes();
    given.script.always(Answer::same_token(HOUR));
    assert_eq!(
        given.cache.refresh_now().await.unwrap().generation(),
        1,
        "the same within the latency of a call"
    );
    given.script.always(Answer::same_token_until(end));
    given.clock.advance(40 * MINUTE).await;
    given.cache.get().await.unwrap();
    let calls = given.script.calls();

    given.clock.advance(19 * MINUTE).await;

    assert!(given.script.calls() > calls, "it was asked again");
    assert!(
        given.script.calls() < calls + 30,
        "at a bounded pace: {}",
        given.script.calls() - calls
    );
    let told = given
        .recorder
        .wait_for(|kind| matches!(kind, EventKind::Unchanged { .. }));
    assert_eq!(told.kind, EventKind::Unchanged { generation: 1 });
    assert!(
        tokio::time::timeout(Duration::from_millis(1), changes.next())
            .await
            .is_err()
    );
    assert_eq!(given.cache.status().generation, 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_secret_with_a_later_expiry_is_a_new_generation() {
    let given = given(Answer::token(HOUR));
    let first = given.cache.get().await.unwrap();
    given.script.always(Answer::same_token_until(
        first.expires_at().unwrap() + MINUTE,
    ));

    let second = given.cache.refresh_now().await.unwrap();

    assert_eq!(second.generation(), 2);
    assert_eq!(
        second.expires_at().unwrap(),
        first.expires_at().unwrap() + MINUTE
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_secret_is_published_whatever_its_expiry() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::token(MINUTE));

    assert_eq!(given.cache.refresh_now().await.unwrap().generation(), 2);

    given.script.always(Answer::token_until(given.clock.wall()));
    assert_eq!(
        given.cache.refresh_now().await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        given.cache.try_get().unwrap().generation(),
        2,
        "what arrives expired displaces nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn invalidating_over_and_over_keeps_to_the_shortest_pace() {
    let given = given(Answer::token(HOUR));
    let start = Instant::now();

    for _ in 0..100 {
        let credential = given.cache.get().await.unwrap();
        assert!(given.cache.invalidate(credential.generation()));
    }

    let calls = u32::try_from(given.script.calls()).unwrap();
    assert_eq!(calls, 100, "each was asked for");
    assert!(
        start.elapsed() >= SECOND * (calls - 2),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_given_again_and_invalidated_again_is_asked_for_at_the_pace_of_the_backoff() {
    let given = given(Answer::token(10 * HOUR));
    let end = given.cache.get().await.unwrap().expires_at().unwrap();
    given.script.always(Answer::same_token_until(end));
    let mut longest = Duration::ZERO;

    for round in 0..12 {
        assert!(given.cache.invalidate(1));
        let start = Instant::now();
        while given.cache.get().await.is_err() {
            given.clock.advance(SECOND / 10).await;
        }
        longest = longest.max(start.elapsed());
        if round < 2 {
            assert!(longest <= 2 * SECOND, "round {round}: {longest:?}");
        }
    }

    assert!(longest <= 31 * SECOND, "{longest:?}");
    assert_eq!(given.script.calls(), 13);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_in_other_words_is_the_same_refusal() {
    let given = given(Answer::token(10 * HOUR));
    given.cache.get().await.unwrap();
    for number in 0..400 {
        let message = format!("request 00-{number:04}: no");
        given.script.then(Answer::fail(Error::refused(message)));
    }
    let _ = given.cache.refresh_now().await;

    for _ in 0..300 {
        given.cache.invalidate(1);
        let _ = given.cache.get().await;
        given.clock.advance(SECOND).await;
    }

    let calls = given.script.calls();
    assert!((6..=12).contains(&calls), "{calls} calls in five minutes");
}
