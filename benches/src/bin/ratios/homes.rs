//! How soon a home that is not polled, or that ends in mid-flight, is replaced.

use std::time::Duration;

use keytide_bench::{Answer, FakeIssuer, goals, now, subjects};
use keytide_core::Error;
use tokio::runtime::{Builder, Runtime};

use crate::table::Table;

pub(crate) fn measure(table: &mut Table) -> Result<(), Error> {
    let limit = Duration::from_secs(10);
    let latency = Duration::from_millis(200);

    let unpolled = runtime()?;
    let agent = subjects::agent()?
        .runtime(unpolled.handle().clone())
        .build()?;
    let cache = agent
        .cache(FakeIssuer::new(Answer::After(Duration::ZERO)))
        .build()?;
    let began = now();
    cache.get_blocking(limit)?;
    let served = began.elapsed().as_secs_f64();
    table.goal(&goals::HOME, "not polled", served);

    let ending = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Error::unavailable("no runtime").caused_by(error))?;
    let agent = subjects::agent()?
        .runtime(ending.handle().clone())
        .build()?;
    let cache = agent
        .cache(FakeIssuer::new(Answer::After(latency)))
        .build()?;
    let reader = std::thread::spawn(move || cache.get_blocking(limit).map(|_| now()));
    std::thread::sleep(latency / 2);
    let ended = now();
    ending.shutdown_background();
    let served = reader
        .join()
        .map_err(|_| Error::unavailable("the reader panicked"))??;
    let after = served.duration_since(ended).saturating_sub(latency);
    table.goal(&goals::HOME, "ends, less a latency", after.as_secs_f64());
    Ok(())
}

fn runtime() -> Result<Runtime, Error> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::unavailable("no runtime").caused_by(error))
}
