//! Ten thousand caches of one issuer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use keytide_core::{Cache, Clock, Error, Issued, Profile, ProvideCredential, Request, Secret};
use keytide_testkit::TestClock;

use super::issuer::{millis, seconds, simulate};

const CACHES: usize = 10_000;
/// The default of how many calls an issuer gets at a time.
const LIMIT: usize = 10;
const LIFE: Duration = Duration::from_secs(3600);

/// Gives every cache, at once, a first token that expires at one instant; then slowly tokens that last an hour.
#[derive(Clone)]
struct Crowded {
    name: &'static str,
    latency: Duration,
    first_end: SystemTime,
    running: Arc<AtomicUsize>,
    peak: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
}

impl ProvideCredential for Crowded {
    fn profile(&self) -> Profile {
        Profile::bearer("crowded").issuer(self.name)
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(running, Ordering::Relaxed);
        tokio::time::sleep(if number < CACHES {
            millis(1)
        } else {
            self.latency
        })
        .await;
        self.running.fetch_sub(1, Ordering::Relaxed);
        let token = Issued::bearer(Secret::from(format!("token-{number}")));
        Ok(if number < CACHES {
            token.expires_at(self.first_end)
        } else {
            token.expires_at(request.now() + LIFE)
        })
    }
}

#[test]
fn ten_thousand_caches_with_one_expiry_are_all_refreshed_in_time() {
    // The issuer answers 12.5 calls a second: 10,000 take 800 s of the window of 900 s.
    simulate(async |clock| {
        let (caches, issuer) = crowd(&clock, "issuer.test/crowd", millis(800)).await;
        for round in 0..(LIFE.as_secs() as usize / 10) {
            read_some(&caches, round);
            tokio::time::sleep(seconds(10)).await;
        }

        assert_all_refreshed_once(&caches, &issuer);
    });
}

#[test]
fn ten_thousand_caches_are_refreshed_in_time_after_a_step_of_the_clock() {
    simulate(async |clock| {
        let (caches, issuer) = crowd(&clock, "issuer.test/step", millis(100)).await;

        // All are in the second half of their windows now, and nobody reads them, but for a few.
        clock.step_forward(LIFE - seconds(300));
        for _ in 0..131 {
            read_some(&caches, 0);
            tokio::time::sleep(seconds(1)).await;
        }

        assert_all_refreshed_once(&caches, &issuer);
        assert_eq!(
            issuer.peak.load(Ordering::Relaxed),
            LIMIT,
            "the issuer's room was used"
        );
    });
}

/// Caches that hold a first token each, and all that is known of their issuer.
async fn crowd(clock: &TestClock, name: &'static str, latency: Duration) -> (Vec<Cache>, Crowded) {
    let issuer = Crowded {
        name,
        latency,
        first_end: clock.wall() + LIFE,
        running: Arc::default(),
        peak: Arc::default(),
        calls: Arc::default(),
    };
    let agent = clock.agent().build().expect("a valid agent");
    let build = |_| agent.cache(issuer.clone()).build().expect("a valid cache");
    let caches: Vec<Cache> = (0..CACHES).map(build).collect();
    for cache in &caches {
        cache.try_get().expect_err("it is empty");
    }
    tokio::time::sleep(seconds(10)).await;
    (caches, issuer)
}

/// Reads some caches, others each round; nobody notices anything.
fn read_some(caches: &[Cache], round: usize) {
    for cache in caches.iter().skip(round % 97).step_by(97) {
        let credential = cache.try_get().expect("refreshed in time");
        assert!(!credential.remaining().is_zero());
    }
}

fn assert_all_refreshed_once(caches: &[Cache], issuer: &Crowded) {
    let late = caches
        .iter()
        .filter(|cache| cache.status().generation != 2)
        .count();
    assert_eq!(late, 0, "caches without a second generation");
    assert_eq!(issuer.calls.load(Ordering::Relaxed), 2 * CACHES);
    assert!(issuer.peak.load(Ordering::Relaxed) <= LIMIT);
}
