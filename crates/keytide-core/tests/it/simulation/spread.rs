//! When the instances of a fleet refresh.

use std::time::Duration;

use keytide_testkit::Answer;
use proptest::option;
use proptest::prelude::*;

use super::issuer::{Calls, Issuer, TICKS, cache, cases, millis, seconds, simulate};

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn the_refresh_instant_lies_in_the_first_half_of_the_window(
        life in 10..=12 * 3600_u64,
        latency in 0..=1000_u64,
        // As a share of the life: also larger than all of it.
        window in option::of(0.25..2.0_f64),
    ) {
        let (life, latency) = (seconds(life), millis(latency));
        simulate(async |clock| {
            let calls = Calls::default();
            let decide = move |_, _| Answer::token(life).after(latency);
            let cache = cache(&clock, Issuer::new(&clock, &calls, decide), |cache| match window {
                Some(share) => cache.advisory_window(life.mul_f64(share)),
                None => cache,
            });

            cache.get().await.expect("the issuer is up");
            while calls.count() < 3 {
                tokio::time::sleep(life / 20).await;
                cache.try_get().expect("it is refreshed in time");
            }

            let lasts = life - latency;
            let window = match window {
                Some(share) => life.mul_f64(share),
                None => window_of(lasts),
            }
            .min(lasts / 2);
            let list = calls.list();
            let margins = [0, 1].map(|nth| (list[nth].start + life).saturating_sub(list[nth + 1].start));
            for margin in margins {
                prop_assert!(margin <= window, "{margin:?} of {window:?}");
                prop_assert!(margin + TICKS >= window / 2, "{margin:?} of {window:?}");
            }
            let moved = margins[0].abs_diff(margins[1]);
            prop_assert!(moved <= TICKS, "its place in the spread moved by {moved:?}");
            Ok(())
        })?;
    }
}

#[test]
fn ten_thousand_instances_that_start_together_refresh_evenly_over_the_spread() {
    let mut shares: Vec<f64> = (0..100).flat_map(|_| shares_of(100)).collect();

    shares.sort_by(f64::total_cmp);
    let distance = kolmogorov_smirnov(&shares);
    // Chance exceeds this once in a hundred million runs.
    assert!(
        distance * (shares.len() as f64).sqrt() < 3.1,
        "distance {distance}"
    );
}

/// Where in the spread each of so many instances refreshes.
fn shares_of(instances: usize) -> Vec<f64> {
    let life = seconds(60);
    let (window, spread) = (life / 2, life / 4);
    simulate(async |clock| {
        let mut fleet = Vec::new();
        for _ in 0..instances {
            let calls = Calls::default();
            let issuer = Issuer::new(&clock, &calls, move |_, _| Answer::token(life));
            let cache = cache(&clock, issuer, |cache| cache.key("one"));
            cache.get().await.expect("the issuer is up");
            fleet.push((cache, calls));
        }

        tokio::time::sleep(window + spread + TICKS).await;

        let share = |(_, calls): &(_, Calls)| {
            let list = calls.list();
            assert_eq!(list.len(), 2, "refreshed in the first half of the window");
            let after = list[1].start - (list[0].start + life - window);
            after.as_secs_f64() / spread.as_secs_f64()
        };
        fleet.iter().map(share).collect()
    })
}

/// How far the distribution of sorted shares is from the uniform one.
fn kolmogorov_smirnov(sorted: &[f64]) -> f64 {
    let count = sorted.len() as f64;
    let distances = sorted.iter().enumerate().map(|(rank, share)| {
        let (below, above) = (rank as f64 / count, (rank + 1) as f64 / count);
        (share - below).abs().max((above - share).abs())
    });
    distances.fold(0.0, f64::max)
}

/// The default advisory window.
fn window_of(life: Duration) -> Duration {
    match life.as_secs_f64() / 60.0 {
        ..=20.0 => seconds(5 * 60),
        ..=90.0 => seconds(15 * 60),
        _ => seconds(60 * 60),
    }
}
