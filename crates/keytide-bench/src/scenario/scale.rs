//! Ten thousand and a hundred thousand credentials in one process.

use std::sync::Arc;
use std::time::Duration;

use super::crowd::loaded;
use crate::allocations::live_bytes;
use crate::bench::{Bench, Plan};
use crate::entrant::Entrant;
use crate::figure::span;
use crate::issuer::{Answer, FakeIssuer};
use crate::report::{Better, Case, Row, apart};
use crate::running::{Failure, Running};
use crate::subjects::names;
use crate::time::{now, process_cpu, thread_cpu};

pub(super) fn planned(bench: &Bench<'_>) -> f64 {
    let sizes = sizes(&bench.plan).len() as f64;
    bench.entrants.len() as f64 * sizes * seconds(&bench.plan)
}

pub(super) fn measure(bench: &Bench<'_>) -> Vec<Case> {
    let mut cases = Vec::new();
    for (size, name) in sizes(&bench.plan) {
        let limit = limit(&bench.plan);
        let mut case = Case::new(
            "scale",
            name,
            &format!("{name} credentials in one process"),
            format!(
                "Each is loaded once, one after another, from an issuer that answers at once; they share what users share. Heap is \
                 what was asked for, less the token itself (1,024 B); then each is read in turn, and nothing is done for {}. A \
                 subject that takes longer than {} is measured with as many as it has by then.",
                span(idle(&bench.plan)),
                span(limit)
            ),
        )
        .column("bytes", "heap of each", "B", Better::Lower)
        .column("load", "first load, CPU", "ns", Better::Lower)
        .column("read", "a read of each in turn", "ns", Better::Lower)
        .column("idle", "CPU while idle", "%", Better::Neither)
        .column("count", "credentials", "", Better::Neither);
        for entrant in &bench.entrants {
            let info = entrant.info();
            // The borrowed read is of the same cache.
            if info.name == names::READ {
                bench.skip(seconds(&bench.plan));
                continue;
            }
            let what = format!("scale {name}: {}", info.title());
            if !bench.go(&what, seconds(&bench.plan)) {
                break;
            }
            let mut row = Row::of(&info.name);
            if let Err(failure) = one(bench, entrant, size, &mut row) {
                row.note(format!("failed: {failure}"));
            }
            case.rows.push(row);
        }
        cases.push(case);
        if bench.stopped() {
            break;
        }
    }
    cases
}

fn one(bench: &Bench<'_>, entrant: &Entrant, size: usize, row: &mut Row) -> Result<(), Failure> {
    let issuer = FakeIssuer::new(Answer::AtOnce);
    // Of what the first one brings, such as a client, the others have the use.
    let parent = bench.runtime.block_on(loaded(entrant, &issuer))?;
    let mut all: Vec<Arc<dyn Running>> = Vec::with_capacity(size);
    let before = live_bytes();
    let (cpu, began) = (process_cpu(), now());
    let mut half = None;
    bench.runtime.block_on(async {
        for _ in 0..size {
            let one = parent.beside(&issuer)?;
            let read = tokio::time::timeout(Duration::from_secs(10), one.read_many(1)).await;
            read.map_err(|_| Failure::of("no credential within 10 s"))??;
            all.push(one);
            if all.len() == size / 2 {
                half = Some(process_cpu());
            }
            if began.elapsed() > limit(&bench.plan) {
                break;
            }
        }
        Ok::<(), Failure>(())
    })?;
    let count = all.len();
    let loaded_at = process_cpu();
    let load = (loaded_at - cpu).as_nanos() as f64 / count as f64;
    let wrapper = parent.wrapper() as f64;
    let bytes = (live_bytes() - before) as f64 / count as f64;
    if let Some(half) = half {
        let (first, second) = (half - cpu, loaded_at - half);
        row.spread("load", apart(first.as_secs_f64(), second.as_secs_f64()));
    }
    row.set("bytes", bytes - wrapper - TOKEN);
    row.set("load", load);
    row.set("count", count as f64);
    if count < size {
        row.note(format!("{count} of {size} within the limit"));
    }
    row.set("read", in_turn(bench, &all)?);
    // What was begun settles first.
    std::thread::sleep(Duration::from_millis(500));
    let (cpu, began) = (process_cpu(), now());
    std::thread::sleep(idle(&bench.plan));
    let share = (process_cpu() - cpu).as_secs_f64() / began.elapsed().as_secs_f64();
    row.set("idle", 100.0 * share);
    let _guard = bench.runtime.enter();
    drop(all);
    Ok(())
}

fn in_turn(bench: &Bench<'_>, all: &[Arc<dyn Running>]) -> Result<f64, Failure> {
    // A step that has no common divisor with the count visits each, and never a neighbour.
    let count = all.len();
    let step = (0..)
        .map(|more| 7_919 + more)
        .find(|step| divisor(*step, count) == 1);
    let step = step.unwrap_or(1);
    bench.runtime.block_on(async {
        let before = thread_cpu();
        let mut index = 0;
        for _ in 0..count {
            all[index].read_many(1).await?;
            index = (index + step) % count;
        }
        Ok((thread_cpu() - before).as_nanos() as f64 / count as f64)
    })
}

fn divisor(one: usize, other: usize) -> usize {
    if other == 0 {
        one
    } else {
        divisor(other, one % other)
    }
}

fn sizes(plan: &Plan) -> Vec<(usize, &'static str)> {
    plan.pick(
        vec![(10_000, "10,000"), (100_000, "100,000")],
        vec![(10_000, "10,000")],
    )
}

fn limit(plan: &Plan) -> Duration {
    plan.pick(Duration::from_secs(15), Duration::from_secs(3))
}

fn idle(plan: &Plan) -> Duration {
    plan.pick(Duration::from_secs(5), Duration::from_secs(2))
}

fn seconds(plan: &Plan) -> f64 {
    (idle(plan) + limit(plan) / 3).as_secs_f64() + 1.0
}

const TOKEN: f64 = 1024.0;
