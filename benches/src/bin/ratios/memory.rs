//! What 100,000 caches hold on the heap, and what they cost while nothing is due.

use std::time::Duration;

use keytide_bench::{Answer, FakeIssuer, goals, live_bytes, now, poll_once, process_cpu, subjects};
use keytide_core::{Cache, Error};

use crate::table::Table;

pub(crate) fn measure(table: &mut Table) -> Result<(), Error> {
    let agent = subjects::agent()?.build()?;
    let issuer = FakeIssuer::new(Answer::AtOnce);
    // The threads of the library, and the buffers of this one, are not the caches'.
    let first = agent.cache(issuer.clone()).build()?;
    first.get_blocking(Duration::from_secs(10))?;

    let mut caches: Vec<Cache> = Vec::with_capacity(CACHES);
    let before = live_bytes();
    for _ in 0..CACHES {
        caches.push(agent.cache(issuer.clone()).build()?);
    }
    let empty = (live_bytes() - before) as f64 / CACHES as f64;
    for cache in &caches {
        drop(poll_once(cache.get()));
    }
    let loaded = (live_bytes() - before) as f64 / CACHES as f64;
    let full = caches
        .iter()
        .filter(|cache| cache.try_get().is_ok())
        .count();
    table.exactly("100,000 caches: loaded", CACHES as u64, full as u64);
    table.goal(&goals::HEAP, "100,000 empty ones", empty);
    table.goal(&goals::HEAP, "100,000 loaded ones", loaded - SECRET);

    // The driver settles: it looks at what was scheduled.
    std::thread::sleep(Duration::from_millis(500));
    let (cpu, began) = (process_cpu(), now());
    std::thread::sleep(Duration::from_secs(10));
    let share = (process_cpu() - cpu).as_secs_f64() / began.elapsed().as_secs_f64();
    table.goal(&goals::IDLE, "100,000 over 10 s", share * 100.0);
    Ok(())
}

const CACHES: usize = 100_000;
/// The token.
const SECRET: f64 = 1024.0;
