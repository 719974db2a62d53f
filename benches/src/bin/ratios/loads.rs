//! The first load of a cache whose issuer answers at once. Its goal is the best peer, which `keytide bench` measures beside it.

use keytide_bench::{Answer, FakeIssuer, Rounds, Subject, goals, poll_once, subjects, thread_cpu};
use keytide_core::{Cache, Error};

use crate::table::Table;

pub(crate) fn measure(table: &mut Table) -> Result<(), Error> {
    let agent = subjects::agent()?.build()?;
    let issuer = FakeIssuer::new(Answer::AtOnce);
    let base = subjects::arc_swap_load();
    let names = ["first load".to_owned(), base.name().to_owned()];
    let rounds = Rounds::of(&names, 31, |index| {
        if index == 1 {
            let before = thread_cpu();
            base.read_many(20_000);
            return (thread_cpu() - before).as_nanos() as f64 / 20_000.0;
        }
        let caches: Vec<Cache> = (0..LOADS)
            .map(|_| agent.cache(issuer.clone()).build().expect("a plain cache"))
            .collect();
        let before = thread_cpu();
        for cache in &caches {
            drop(poll_once(cache.get()).expect("the issuer answers at once"));
        }
        (thread_cpu() - before).as_nanos() as f64 / f64::from(LOADS)
    });
    let micros = rounds.nanos("first load") / 1_000.0;
    let micros = format!("{micros:.2} µs");
    table.note("first load, issuer answers at once", &micros);
    let ratio = rounds.ratio("first load", base.name());
    table.note("the same, × ArcSwap::load", &format!("{ratio:.0} ×"));
    tasks(table)
}

/// A runtime that nobody polls still holds every task that was spawned on it.
fn tasks(table: &mut Table) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::unavailable("no runtime").caused_by(error))?;
    let agent = subjects::agent()?
        .runtime(runtime.handle().clone())
        .build()?;
    let issuer = FakeIssuer::new(Answer::AtOnce);
    let caches: Vec<Cache> = (0..LOADS)
        .map(|_| agent.cache(issuer.clone()).build())
        .collect::<Result<_, _>>()?;
    for cache in &caches {
        drop(poll_once(cache.get()));
    }
    let driver = 1;
    let tasks = runtime.metrics().num_alive_tasks().saturating_sub(driver);
    table.goal(&goals::TASKS, &format!("{LOADS} first loads"), tasks as f64);
    Ok(())
}

const LOADS: u32 = 1_000;
