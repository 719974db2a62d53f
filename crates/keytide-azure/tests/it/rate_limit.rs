//! How a metadata service is treated by all caches together.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use keytide_azure::ManagedIdentity;
use keytide_core::{Cache, LongLived};
use keytide_testkit::azure::Imds;
use keytide_testkit::server::{Fault, FaultServer, Received};

use crate::{Still, agent};

#[expect(
    clippy::disallowed_methods,
    reason = "the pace of requests is a matter of real time"
)]
fn instant() -> Instant {
    Instant::now()
}

fn caches(imds: &FaultServer, count: usize) -> Vec<Cache> {
    let agents = [agent(), agent()];
    let cache = |index: usize| {
        let resource = format!("https://resource-{index}.example.com");
        let provider = ManagedIdentity::builder(resource).imds_endpoint(imds.origin());
        let cache = agents[index % 2].cache(provider.build().unwrap());
        // What the cache lets through at a time is more than IMDS takes.
        let cache = cache.long_lived(LongLived::Flag).issuer_limit(100);
        cache.build().unwrap()
    };
    (0..count).map(cache).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_caches_of_two_agents_ask_twenty_times_a_second_and_all_get_their_token() {
    let arrivals = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&arrivals);
    let good = Imds::new().good();
    let imds = FaultServer::start(good);
    imds.faults_only(move |_: &Received| {
        seen.lock().unwrap().push(instant());
        false
    });

    let caches = caches(&imds, 60);
    let reads: Vec<_> = caches
        .iter()
        .map(|cache| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get().await.map(drop) })
        })
        .collect();
    for read in reads {
        read.await.unwrap().unwrap();
    }

    let arrivals = arrivals.lock().unwrap();
    assert_eq!(arrivals.len(), 60);
    for (index, window) in arrivals.windows(21).enumerate() {
        let took = window[20] - window[0];
        assert!(
            took >= Duration::from_secs(1),
            "21 requests from {index} on within {took:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_are_asking_at_a_time() {
    let imds = Imds::new().start();
    // Long enough to be looked at, on a machine that is busy too.
    imds.set(Fault::slow(Duration::from_secs(1)));
    let most = AtomicUsize::new(0);

    let caches = caches(&imds, 15);
    let reads: Vec<_> = caches
        .iter()
        .map(|cache| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get().await.map(drop) })
        })
        .collect();
    while reads.iter().any(|read| !read.is_finished()) {
        most.fetch_max(imds.open(), Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for read in reads {
        read.await.unwrap().unwrap();
    }

    assert_eq!(most.into_inner(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_update_of_seventy_seconds_is_outlasted_at_the_pace_of_the_documentation() {
    let clock = keytide_testkit::TestClock::new();
    let imds = {
        use keytide_core::Clock;
        let clock = clock.clone();
        Imds::new().time_from(move || clock.wall()).start()
    };
    imds.set(Fault::status(410));
    let agent = clock.agent().build().unwrap();
    let provider = ManagedIdentity::builder(crate::VAULT).imds_endpoint(imds.origin());
    let cache = agent
        .cache(Still(provider.build().unwrap()))
        .long_lived(LongLived::Flag)
        .build()
        .unwrap();

    let mut asked_at = Vec::new();
    for second in 0..140 {
        if second == 70 {
            imds.heal();
        }
        let known = imds.count();
        let got = cache.get().await;
        if imds.count() > known {
            asked_at.push(second);
        }
        if got.is_ok() {
            break;
        }
        clock.advance(Duration::from_secs(1)).await;
    }

    // The schedule of the documentation: 0, 2, 6, 14 and 30 s; then at least until 70 s. Before it the four short pauses of
    // a reader that has nothing.
    let last = *asked_at.last().unwrap();
    assert!((70..=102).contains(&last), "{asked_at:?}");
    assert!(asked_at.len() <= 9 + 4, "{asked_at:?}");
    assert!(cache.try_get().is_ok());
}
