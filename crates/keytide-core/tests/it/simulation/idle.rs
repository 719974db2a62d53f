//! A credential that nobody reads.

use std::time::Duration;

use keytide_core::Clock;
use keytide_testkit::Answer;
use proptest::option;
use proptest::prelude::*;

use super::issuer::{Calls, Issuer, MIN_INTERVAL, TICKS, cache, cases, millis, seconds, simulate};

proptest! {
    #![proptest_config(cases(50))]

    #[test]
    fn an_idle_cache_makes_no_calls_and_wakes_with_one(
        life in 10..=2 * 3600_u64,
        // As shares of the life.
        idle_after in option::of(0.1..3.0_f64),
        read_for in 0.0..2.5_f64,
        latency in 1..=1000_u64,
        fails_when_idle in any::<bool>(),
    ) {
        let (life, latency) = (seconds(life), millis(latency));
        simulate(async |clock| {
            // Given a cache that was read for a while, …
            let calls = Calls::default();
            let (ends, wakes) = (clock.since_boot() + life.mul_f64(read_for), life * 20);
            let decide = move |_, now: Duration| {
                let idle = now > ends && now < ends + wakes;
                let answer = if idle && fails_when_idle {
                    Answer::unavailable()
                } else {
                    Answer::token(life)
                };
                answer.after(latency)
            };
            let cache = cache(&clock, Issuer::new(&clock, &calls, decide), |cache| match idle_after {
                Some(share) => cache.idle_after(life.mul_f64(share)),
                None => cache,
            });
            cache.get().await.expect("the issuer is up");
            while clock.since_boot() < ends {
                tokio::time::sleep(life / 50).await;
                cache.try_get().expect("it is refreshed in time");
            }

            // … when nobody reads any more, …
            let last_read = clock.since_boot();
            let refreshed_until = last_read + idle_after.map_or(life, |share| life.mul_f64(share));
            tokio::time::sleep((ends + wakes).saturating_sub(last_read) + TICKS).await;

            // … then refreshing ends with the idle time, …
            let late = calls.list().iter().filter(|call| call.start > refreshed_until + TICKS).count();
            prop_assert_eq!(late, 0, "called when idle: {:#?}", calls.list());
            calls.assert_pace(MIN_INTERVAL, |_, _| false);

            // … and a burst of reads costs one call.
            let before = calls.count();
            prop_assert!(cache.try_get().is_err(), "it has long expired");
            let burst: Vec<_> = (0..100)
                .map(|_| {
                    let cache = cache.clone();
                    tokio::spawn(async move { cache.get().await.map(|credential| credential.generation()) })
                })
                .collect();
            let mut generations = Vec::new();
            for read in burst {
                generations.push(read.await.expect("no panic").expect("the issuer is up"));
            }
            prop_assert_eq!(calls.count(), before + 1);
            prop_assert!(generations.windows(2).all(|pair| pair[0] == pair[1]));
            Ok(())
        })?;
    }
}
