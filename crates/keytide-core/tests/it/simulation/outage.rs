//! An issuer that is down for a while, from the instant of refresh on.

use std::time::Duration;

use keytide_core::Clock;
use keytide_testkit::Answer;
use proptest::prelude::*;

use super::issuer::{Calls, Issuer, MIN_INTERVAL, TICKS, cache, cases, millis, seconds, simulate};

/// What an outage takes down.
#[derive(Debug, Clone, Copy)]
enum Down {
    /// No answer comes: what was asked during the outage may be answered after it.
    Answers,
    /// No question gets through: what was asked during the outage fails, also after it.
    Questions,
}

/// When an outage ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// After this share of what remained when it began.
    Share(f64),
    /// At the last moment that is promised to go unnoticed.
    LastMoment,
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn no_read_is_served_past_expiry_or_fails_while_an_outage_ends_in_time(
        life in prop::sample::select(vec![60, 5 * 60, 15 * 60, 3600, 12 * 3600]),
        latency in prop_oneof![Just(0), 0..=2000_u64],
        down in prop_oneof![Just(Down::Answers), Just(Down::Questions)],
        end in prop_oneof![2 => Just(End::LastMoment), 3 => (0.0..1.5).prop_map(End::Share)],
    ) {
        survives(seconds(life), millis(latency), down, end);
    }
}

fn survives(life: Duration, latency: Duration, down: Down, end: End) {
    simulate(async |clock| {
        // Given a credential, and an issuer that is down from the first refresh on …
        let calls = Calls::default();
        let log = calls.clone();
        // When the outage ends, from when it began and when the credential expires.
        let over = move |began: Duration, expiry: Duration| match end {
            End::Share(share) => began + (expiry - began).mul_f64(share),
            End::LastMoment => expiry - needed(began, expiry, latency, down),
        };
        let decide = move |number: usize, now: Duration| {
            let answer = match (number, log.nth(1), log.nth(2)) {
                (2.., Some(first), Some(second)) => {
                    let over = over(second.start, first.start + life);
                    let is_down = match down {
                        Down::Answers => now + latency < over,
                        Down::Questions => now < over,
                    };
                    if is_down {
                        Answer::unavailable()
                    } else {
                        Answer::token(life)
                    }
                }
                _ => Answer::token(life),
            };
            answer.after(latency)
        };
        let cache = cache(&clock, Issuer::new(&clock, &calls, decide), |cache| cache);
        cache.get().await.expect("the issuer is up");
        let expiry = calls.list()[0].start + life;

        // … when somebody reads all the while, the more often the closer to expiry …
        let mut first_failed = None;
        let mut served = 1;
        while clock.since_boot() < expiry + seconds(90) {
            let now = clock.since_boot();
            match cache.try_get() {
                // … then nothing is served past its end, …
                Ok(credential) => {
                    served = credential.generation();
                    assert!(served > 1 || now < expiry, "served past expiry");
                    assert!(!credential.remaining().is_zero(), "served past expiry");
                }
                Err(error) => {
                    assert!(served == 1, "it failed after it had recovered: {error}");
                    first_failed.get_or_insert(now);
                }
            }
            let pace = expiry.saturating_sub(now) / 50;
            tokio::time::sleep(pace.clamp(millis(100), life / 200)).await;
        }

        // … no read fails unless the outage lasts too long, and then only after expiry, …
        let list = calls.list();
        let (began, over) = (list[1].start, over(list[1].start, expiry));
        let needed = needed(began, expiry, latency, down);
        if over + needed <= expiry {
            assert_eq!(first_failed, None, "expiry at {expiry:?}: {list:#?}");
            let good = list[1..].iter().find(|call| call.answer == Some(Ok(())));
            let landed = good.and_then(|call| call.end).expect("it has recovered");
            let since = landed.saturating_sub(over);
            assert!(
                since <= needed,
                "noticed after {since:?}, not {needed:?}: {list:#?}"
            );
        }
        assert!(
            first_failed.is_none_or(|at| at >= expiry),
            "failed before expiry"
        );
        assert!(served > 1 || over > expiry, "never recovered: {list:#?}");

        // … and the issuer gets enough attempts, but not many.
        let remained = expiry - list[1].end.expect("it has ended");
        let attempts = |until: Duration| {
            let ended = |end: Option<Duration>| end.is_some_and(|end| end <= until);
            list[2..].iter().filter(|call| ended(call.end)).count()
        };
        if over > expiry && remained >= 5 * (MIN_INTERVAL + latency) + TICKS {
            assert!(
                attempts(expiry) >= 5,
                "{} attempts in {remained:?}",
                attempts(expiry)
            );
        }
        assert!(attempts(over.min(expiry)) <= most_attempts(remained));
        calls.assert_pace(MIN_INTERVAL, |_, call| call.start >= expiry);
    });
}

/// How long before expiry an outage must end to go unnoticed.
fn needed(began: Duration, expiry: Duration, latency: Duration, down: Down) -> Duration {
    let remained = expiry - began - latency;
    let calls = match down {
        Down::Answers => 1,
        // The last question of the outage is answered a latency after it.
        Down::Questions => 2,
    };
    (remained / 8).max(MIN_INTERVAL) + calls * latency + TICKS
}

/// The pace doubles from the minimum interval to an eighth of what remains; then each wait takes at least a sixteenth of it, and
/// the last eight minimum intervals one attempt each.
fn most_attempts(remained: Duration) -> usize {
    let intervals = (remained.as_secs_f64() / MIN_INTERVAL.as_secs_f64()).max(8.0) / 8.0;
    let doublings = intervals.log2().ceil();
    let waits = (intervals.ln() / -(15.0_f64 / 16.0).ln()).ceil();
    (doublings + waits) as usize + 9
}
