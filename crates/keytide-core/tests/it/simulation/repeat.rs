//! An issuer that gives the same token until shortly before it expires.

use std::time::Duration;

use keytide_core::Clock;
use keytide_testkit::{Answer, TestClock};
use proptest::prelude::*;

use super::issuer::{Calls, Issuer, MIN_INTERVAL, TICKS, cache, cases, millis, seconds, simulate};

/// How the issuer says when its token ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    TheInstant,
    /// In whole seconds from now on, as metadata servers do.
    TheRest,
}

proptest! {
    #![proptest_config(cases(80))]

    #[test]
    fn an_issuer_that_repeats_its_token_is_asked_a_bounded_number_of_times(
        life in prop::sample::select(vec![6 * 60, 15 * 60, 3600, 12 * 3600]),
        until in prop::sample::select(vec![60, 4 * 60, 5 * 60]),
        says in prop_oneof![Just(Says::TheInstant), Just(Says::TheRest)],
        latency in 0..=900_u64,
    ) {
        repeats(seconds(life), seconds(until), says, millis(latency));
    }
}

fn repeats(life: Duration, until: Duration, says: Says, latency: Duration) {
    simulate(async |clock| {
        // Given an issuer that mints a token only shortly before the end of the last one, …
        let calls = Calls::default();
        let (start, at) = (clock.since_boot(), clock.clone());
        let decide = move |number, now: Duration| {
            let (first, second) = (start + life, start + 2 * life - until);
            let answer = match (number, now + latency < first - until) {
                (1, _) => token(&at, now, first, says, true),
                (_, true) => token(&at, now, first, says, false),
                (_, false) => token(&at, now, second, says, true),
            };
            answer.after(latency)
        };
        let cache = cache(&clock, Issuer::new(&clock, &calls, decide), |cache| cache);
        cache.get().await.expect("the issuer is up");
        let expiry = start + life;

        // … when somebody reads until the next one has come, …
        let first = cache.try_get().expect("it was issued");
        let mut is_first = true;
        while is_first && clock.since_boot() < expiry {
            let pace = (expiry - clock.since_boot()) / 100;
            tokio::time::sleep(pace.max(seconds(1))).await;
            let credential = cache.try_get().expect("it is refreshed in time");
            is_first = credential.expose_bearer("to compare").unwrap()
                == first.expose_bearer("to compare").unwrap();
            let expected = if is_first { 1 } else { 2 };
            assert_eq!(
                credential.generation(),
                expected,
                "the repeated token is no new one"
            );
        }

        // … then the issuer is left alone for a fifth of what remains.
        assert!(!is_first, "the next one has come");
        let list = calls.list();
        for pair in list[1..].windows(2) {
            let end = pair[0].end.expect("it has ended");
            let least = ((expiry - end) / 5)
                .max(MIN_INTERVAL)
                .saturating_sub(inexact(says));
            let waited = pair[1].start - end;
            assert!(
                waited >= least && waited <= least + inexact(says) + TICKS,
                "{waited:?}, not {least:?}"
            );
        }
        let (window, left) = (expiry - list[1].start, until.as_secs_f64());
        let most = (window.as_secs_f64() / left).max(1.0).ln() / -(0.8_f64).ln();
        assert!(
            list.len() <= 3 + most.ceil() as usize,
            "{} calls in {window:?}",
            list.len()
        );
    });
}

fn token(clock: &TestClock, now: Duration, end: Duration, says: Says, is_new: bool) -> Answer {
    let left = end - now;
    match (says, is_new) {
        (Says::TheInstant, true) => Answer::token_until(clock.wall() + left),
        (Says::TheInstant, false) => Answer::same_token_until(clock.wall() + left),
        (Says::TheRest, true) => Answer::token(seconds(left.as_secs())),
        (Says::TheRest, false) => Answer::same_token(seconds(left.as_secs())),
    }
}

/// By how much the fifth of what remains may be off.
fn inexact(says: Says) -> Duration {
    match says {
        Says::TheInstant => Duration::ZERO,
        Says::TheRest => millis(400),
    }
}
