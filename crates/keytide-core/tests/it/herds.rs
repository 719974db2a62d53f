//! Who waits for the same is served together, and who waits for a place is not passed by for ever.

use std::time::Duration;

use keytide_core::{Cache, ErrorKind, Profile};
use keytide_testkit::{Answer, ScriptedProvider, TestClock};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::{HOUR, MINUTE, SECOND, given_with};

const HERD: usize = 100;
const TICK: Duration = Duration::from_millis(10);

/// What a reader got, and after how long.
type Told = (Result<u64, ErrorKind>, Duration);

/// Lets readers come, each with a patience or without one.
fn herd(cache: &Cache, patience: Option<Duration>, start: Instant) -> JoinSet<Told> {
    let mut readers = JoinSet::new();
    for _ in 0..HERD {
        let cache = cache.clone();
        readers.spawn(async move {
            let got = match patience {
                Some(patience) => cache.need().within(patience).get().await,
                None => cache.get().await,
            };
            let got = got.map(|credential| credential.generation());
            (got.map_err(|error| error.kind()), start.elapsed())
        });
    }
    readers
}

#[tokio::test(start_paused = true)]
async fn readers_who_wait_for_their_turn_share_one_call_and_its_failure() {
    for (profile, latency) in [
        (Profile::bearer("at once").answers_at_once(), Duration::ZERO),
        (Profile::bearer("later"), Duration::ZERO),
        (Profile::bearer("slow"), SECOND / 2),
    ] {
        for failures in [1, 3] {
            let given = given_with(profile.clone(), Answer::token(HOUR), |cache| cache);
            given.cache.get().await.unwrap();
            given.cache.invalidate(1);
            given.cache.get().await.unwrap();
            given.cache.invalidate(2);
            for _ in 0..failures {
                given.script.then(Answer::unavailable().after(latency));
            }
            let (calls, start) = (given.script.calls(), Instant::now());

            let plain = herd(&given.cache, None, start);
            let patient = herd(&given.cache, Some(HOUR), start);
            let (plain, patient) = (plain.join_all().await, patient.join_all().await);

            let turn = SECOND + latency;
            for (got, after) in plain {
                assert_eq!(got, Err(ErrorKind::Unavailable));
                assert!(
                    after >= turn && after <= turn + TICK,
                    "told after {after:?}"
                );
            }
            let (_, first) = patient[0];
            for (got, after) in patient {
                assert_eq!(got, Ok(3));
                assert!(after.abs_diff(first) <= TICK, "{after:?}, {first:?}");
            }
            let made = given.script.calls() - calls;
            assert_eq!(made, failures + 1, "{profile:?}, {latency:?}");
        }
    }
}

/// Rule 18.
#[tokio::test(start_paused = true)]
async fn a_call_that_waits_becomes_more_urgent_as_its_expiry_nears() {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let profile = Profile::bearer("busy").issuer("https://busy.example");
    let build = |answer| {
        let (provider, script) = ScriptedProvider::with_profile(profile.clone(), answer);
        let cache = agent.cache(provider).issuer_limit(1);
        (cache.build().unwrap(), script)
    };
    let (waits, script) = build(Answer::token(10 * MINUTE));
    waits.get().await.unwrap();
    // Others who have nothing keep the issuer busy: one is served, and two wait, at any time.
    let mut others = JoinSet::new();
    let fresh = || build(Answer::token(HOUR).after(10 * SECOND)).0;
    let mut served = 0;
    for _ in 0..3 {
        let cache = fresh();
        others.spawn(async move { cache.get().await.map(drop) });
    }

    let end = Instant::now() + 9 * MINUTE + 55 * SECOND;
    while Instant::now() < end {
        tokio::select! {
            Some(done) = others.join_next() => {
                done.unwrap().unwrap();
                served += 1;
                let cache = fresh();
                others.spawn(async move { cache.get().await.map(drop) });
            }
            () = tokio::time::sleep(SECOND) => {
                waits.try_get().unwrap();
            }
        }
    }

    assert_eq!(script.calls(), 2, "it was asked before the end");
    assert_eq!(waits.status().generation, 2);
    assert!(served >= 55, "and the others went on: {served}");
}
