//! Many readers on an empty cache: one call, and all are told when it lands.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keytide_bench::goals::{self, Target};
use keytide_bench::{Answer, FakeIssuer, median, now, poll_once, subjects};
use keytide_core::{Cache, Error};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::table::Table;

pub(crate) fn measure(table: &mut Table) -> Result<(), Error> {
    let runtime = runtime()?;
    let healthy = Answer::After(LATENCY);
    let cold = herds(&runtime, healthy, |cache| herd(10_000, cache, true))?;
    cold.tell(table, "10,000 at once", &goals::COLD_HERD);
    bare_herd(table, &runtime, 10_000);
    let failing = herds(&runtime, Answer::Unavailable(LATENCY), |cache| {
        herd(1_000, cache, false)
    })?;
    failing.tell(table, "1,000 at once", &goals::FAILING_HERD);
    let dropped = herds(&runtime, healthy, leader_dropped)?;
    dropped.tell(table, "100 waiters", &goals::LEADER_DROPPED);
    let impatient = herds(&runtime, healthy, impatient)?;
    impatient.tell(table, "64 readers of 100 ms", &goals::IMPATIENT);
    Ok(())
}

/// What several herds cost, each on a new cache.
struct Herds {
    /// The most calls that one herd cost.
    calls: u64,
    /// From the first read to the last answer, in latencies of the issuer, in the median.
    latencies: f64,
    wrong: usize,
}

impl Herds {
    fn tell(&self, table: &mut Table, name: &str, target: &Target) {
        table.goal(&goals::CALLS, name, self.calls as f64);
        table.exactly(&format!("{name}: wrong answers"), 0, self.wrong as u64);
        table.goal(target, name, self.latencies);
    }
}

/// Five herds. `play` gives the instant of the last answer and how many were not what the issuer said.
fn herds<F: Future<Output = (Instant, usize)>>(
    runtime: &Runtime,
    answer: Answer,
    play: impl Fn(Cache) -> F,
) -> Result<Herds, Error> {
    let agent = subjects::agent()?.build()?;
    let mut herds = Herds {
        calls: 0,
        latencies: 0.0,
        wrong: 0,
    };
    let mut latencies = Vec::new();
    for _ in 0..5 {
        let issuer = FakeIssuer::new(answer);
        let cache = agent.cache(issuer.clone()).build()?;
        let began = now();
        let (ended, wrong) = runtime.block_on(play(cache));
        latencies.push(ended.duration_since(began).as_secs_f64() / LATENCY.as_secs_f64());
        herds.calls = herds.calls.max(issuer.calls());
        herds.wrong += wrong;
    }
    herds.latencies = median(&latencies);
    Ok(herds)
}

/// What the runtime allows: tasks that wait for a bare `tokio::sync::Notify`, told by a thread that slept.
fn bare_herd(table: &mut Table, runtime: &Runtime, readers: usize) {
    let mut latencies = Vec::new();
    for _ in 0..5 {
        let landed = Arc::new(Notify::new());
        let teller = Arc::clone(&landed);
        let began = now();
        std::thread::spawn(move || {
            std::thread::sleep(LATENCY);
            teller.notify_waiters();
        });
        let (ended, _) = runtime.block_on(gather(readers, |_| {
            let landed = Arc::clone(&landed).notified_owned();
            async move {
                landed.await;
                true
            }
        }));
        latencies.push(ended.duration_since(began).as_secs_f64() / LATENCY.as_secs_f64());
    }
    table.note(
        &format!("the same of {readers} tasks and a bare tokio Notify"),
        &format!("{:.2} ×", median(&latencies)),
    );
}

async fn herd(readers: usize, cache: Cache, good: bool) -> (Instant, usize) {
    gather(readers, |_| {
        let cache = cache.clone();
        async move { cache.get().await.is_ok() == good }
    })
    .await
}

async fn leader_dropped(cache: Cache) -> (Instant, usize) {
    {
        let leader = cache.get();
        assert!(poll_once(leader).is_none(), "the leader waits");
    }
    herd(100, cache, true).await
}

/// Each reader gives up after 100 ms and comes back at once: half by the cache's own patience, half by dropping.
async fn impatient(cache: Cache) -> (Instant, usize) {
    gather(64, |reader| {
        let cache = cache.clone();
        async move {
            loop {
                let served = if reader % 2 == 0 {
                    cache.need().within(PATIENCE).get().await.is_ok()
                } else {
                    matches!(tokio::time::timeout(PATIENCE, cache.get()).await, Ok(Ok(_)))
                };
                if served {
                    return true;
                }
            }
        }
    })
    .await
}

async fn gather<F>(readers: usize, read: impl Fn(usize) -> F) -> (Instant, usize)
where
    F: Future<Output = bool> + Send + 'static,
{
    let tasks: Vec<_> = (0..readers)
        .map(|reader| {
            let reading = read(reader);
            tokio::spawn(async move { (reading.await, now()) })
        })
        .collect();
    let (mut ended, mut wrong) = (now(), 0);
    for task in tasks {
        match task.await {
            Ok((right, at)) => {
                ended = ended.max(at);
                wrong += usize::from(!right);
            }
            Err(_) => wrong += 1,
        }
    }
    (ended, wrong)
}

pub(crate) fn runtime() -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Error::unavailable("no runtime").caused_by(error))
}

const LATENCY: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_millis(100);
