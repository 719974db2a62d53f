//! Any lifetime under any windows.

use std::time::{Duration, SystemTime};

use keytide_core::{CacheBuilder, Clock, LongLived};
use keytide_testkit::{Answer, TestClock};
use proptest::option;
use proptest::prelude::*;

use super::issuer::{Calls, Issuer, MIN_INTERVAL, TICKS, cache, cases, millis, seconds, simulate};

/// How long credentials last.
#[derive(Debug, Clone, Copy)]
enum Life {
    In(Duration),
    /// It ended this long before it was issued.
    EndedAgo(Duration),
    /// It ends at this instant, in seconds since 1970.
    Until(i64),
    Never,
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    life: Life,
    latency: Duration,
    advisory: Option<Duration>,
    mandatory: Option<Duration>,
    hint: Option<Duration>,
    min_interval: Duration,
    waits: bool,
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn refreshes_per_lifetime_are_bounded_for_any_lifetime_and_window(
        life in any_life(),
        latency in prop_oneof![Just(Duration::ZERO), any_span(0..=1000)],
        advisory in option::of(any_span(1..=10 * YEAR)),
        mandatory in option::of(any_span(1..=10 * YEAR)),
        hint in option::weighted(0.2, any_span(1..=10 * YEAR)),
        min_interval in prop_oneof![2 => Just(MIN_INTERVAL), 1 => any_span(10..=5_000)],
        waits in any::<bool>(),
    ) {
        lives(Plan { life, latency, advisory, mandatory, hint, min_interval, waits });
    }
}

fn lives(plan: Plan) {
    simulate(async |clock| {
        // Given an issuer of such credentials, …
        let calls = Calls::default();
        let at = clock.clone();
        let decide = move |_, _| plan.answer(&at);
        let cache = cache(&clock, Issuer::new(&clock, &calls, decide), |cache| {
            plan.edit(cache)
        });

        // … when somebody reads for several lifetimes, …
        let (start, span) = (clock.since_boot(), plan.horizon());
        let mut failed = 0;
        while clock.since_boot() < start + span {
            let read = if plan.waits {
                cache.get().await
            } else {
                cache.try_get()
            };
            match read {
                Ok(credential) => assert!(!credential.remaining().is_zero(), "served past expiry"),
                Err(_) => failed += 1,
            }
            pass(&clock, plan.step()).await;
        }

        // … then the minimum interval is kept, …
        let list = calls.list();
        calls.assert_pace(plan.min_interval, |_, _| false);
        // … what is good for ever is asked for once, what arrives expired at the pace of failures, …
        let doublings = (30.0 / plan.min_interval.as_secs_f64()).log2().ceil();
        let most_failures = 2 + (doublings + span.as_secs_f64() / 15.0).ceil() as usize;
        match plan.received() {
            Some(Duration::MAX) => assert_eq!(list.len(), 1),
            Some(Duration::ZERO) => assert!(list.len() <= most_failures, "{} calls", list.len()),
            _ => {}
        }
        // … what lasts is used for half its life, or for as long as the issuer said, …
        for pair in list
            .windows(2)
            .filter(|pair| pair[0].answer == Some(Ok(())))
        {
            let end = pair[0].end.expect("it has ended");
            let (used, least) = (pair[1].start - end, plan.least_use(end - pair[0].start));
            assert!(used >= least, "used for {used:?} only, {least:?} expected");
        }
        // … and readers do not notice, where there is time for a call.
        if plan.has_room() {
            assert!(
                failed
                    <= if plan.waits {
                        0
                    } else {
                        plan.reads_of_the_first_call()
                    }
            );
        }
    });
}

impl Plan {
    fn answer(&self, clock: &TestClock) -> Answer {
        let end = |seconds: i64| match u64::try_from(seconds) {
            Ok(after) => SystemTime::UNIX_EPOCH + Duration::from_secs(after),
            Err(_) => SystemTime::UNIX_EPOCH - Duration::from_secs(seconds.unsigned_abs()),
        };
        let answer = match self.life {
            Life::In(life) => Answer::token(life),
            Life::EndedAgo(ago) => Answer::token_until(clock.wall() - ago),
            Life::Until(instant) => Answer::token_until(end(instant)),
            Life::Never => Answer::static_token(),
        };
        match self.hint {
            Some(hint) => answer.refresh_in(hint),
            None => answer,
        }
        .after(self.latency)
    }

    fn edit(&self, mut cache: CacheBuilder) -> CacheBuilder {
        if let Some(window) = self.advisory {
            cache = cache.advisory_window(window);
        }
        if let Some(window) = self.mandatory {
            cache = cache.mandatory_window(window);
        }
        cache
            .min_interval(self.min_interval)
            .long_lived(LongLived::Flag)
            .danger_allow_static()
    }

    /// How long a credential lasts from its receipt; `None` where that depends on the clock.
    fn received(&self) -> Option<Duration> {
        match self.life {
            Life::In(life) if life > millis(100 * YEAR) => Some(Duration::MAX),
            Life::In(life) => Some(life.saturating_sub(self.latency)),
            Life::EndedAgo(_) => Some(Duration::ZERO),
            Life::Until(instant) if instant > 9_300_000_000 => Some(Duration::MAX),
            Life::Until(instant) if instant < 1_000_000_000 => Some(Duration::ZERO),
            Life::Until(_) => None,
            Life::Never => Some(Duration::MAX),
        }
    }

    /// How long a credential that took `latency` to come is to be used at least before the next is asked for.
    fn least_use(&self, latency: Duration) -> Duration {
        let Life::In(life) = self.life else {
            return Duration::ZERO;
        };
        let received = life.saturating_sub(latency);
        match self.hint.map(|hint| hint.saturating_sub(latency)) {
            Some(hint) if hint < received => hint.min(received / 10 * 9),
            _ => received / 2,
        }
    }

    /// Whether the default windows leave time for a call between the refresh instant and expiry.
    fn has_room(&self) -> bool {
        let is_default = self.advisory.is_none() && self.hint.is_none();
        let received = self.received().unwrap_or_default();
        let fits =
            received / 4 > self.latency + self.step() + TICKS && received / 2 > self.min_interval;
        is_default && fits && received < seconds(2 * 3600)
    }

    fn reads_of_the_first_call(&self) -> u32 {
        1 + (self.latency.as_millis() / self.step().as_millis()) as u32 + 1
    }

    fn step(&self) -> Duration {
        match self.received() {
            Some(Duration::ZERO) => seconds(1),
            Some(life) => (life.min(millis(10 * YEAR)) / 100).max(millis(100)),
            None => seconds(60),
        }
    }

    fn horizon(&self) -> Duration {
        self.step() * 300
    }
}

/// Lets time pass; most of a long time as a suspend, for the timers of a decade take a while to simulate.
async fn pass(clock: &TestClock, time: Duration) {
    let awake = time.min(seconds(31));
    clock.suspend(time - awake);
    tokio::time::sleep(awake).await;
}

fn any_life() -> impl Strategy<Value = Life> {
    prop_oneof![
        12 => any_span(0..=10 * YEAR).prop_map(Life::In),
        1 => Just(Life::In(Duration::ZERO)),
        1 => Just(Life::In(Duration::MAX)),
        1 => any_span(0..=10 * YEAR).prop_map(Life::EndedAgo),
        1 => Just(Life::Until(253_402_300_799)),
        1 => Just(Life::Until(-86_400)),
        1 => Just(Life::Never),
    ]
}

/// Of any order of magnitude, in milliseconds.
fn any_span(range: std::ops::RangeInclusive<u64>) -> impl Strategy<Value = Duration> {
    let (least, most) = (*range.start() as f64, *range.end() as f64);
    (least.max(1.0).ln()..=most.ln())
        .prop_map(move |order| millis(order.exp().clamp(least, most) as u64))
}

/// In milliseconds.
const YEAR: u64 = 365 * 24 * 3_600_000;
