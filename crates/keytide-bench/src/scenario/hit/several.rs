//! Two threads that are pinned to cores of their own, and more that are not.

use super::effort::{calibrate, thread_rounds, throughput_rounds};
use crate::bench::Bench;
use crate::report::{Better, Case, Row};
use crate::rounds::Rounds;
use crate::subject::Subject;
use crate::subjects::names;
use crate::threads::{contended, cores, per_second};

pub(super) fn measure(bench: &Bench<'_>, all: &[&dyn Subject]) -> Vec<Case> {
    let names: Vec<String> = all.iter().map(|one| one.name().to_owned()).collect();
    // Contended reads may cost many times as much.
    let reads: Vec<u64> = all
        .iter()
        .map(|one| (calibrate(*one) / 2).max(50))
        .collect();
    let mut cases = Vec::new();
    if let Some(cores) = cores() {
        cases.push(two(bench, all, &names, &reads, &cores));
    }
    if !bench.stopped() {
        cases.push(throughput(bench, all, &names, &reads));
    }
    cases
}

fn two(
    bench: &Bench<'_>,
    all: &[&dyn Subject],
    names: &[String],
    reads: &[u64],
    cores: &[usize; 2],
) -> Case {
    let mut case = Case::new(
        "hit",
        "two threads",
        "Reads of one credential by two threads on two cores",
        "CPU time of one read while the other thread reads too, how many times that is as much as the primitive with the coarse \
         clock takes, and as the read takes on one thread alone; all within one round.",
    )
    .column("ns", "one read", "ns", Better::Lower)
    .column("clock", "× primitive + clock", "×", Better::Neither)
    .column("slowdown", "× one thread", "×", Better::Neither)
    .column("rate", "reads per second", "/s", Better::Higher);
    let each = 0.02 * all.len() as f64;
    let mut slowed = vec![Vec::new(); all.len()];
    let found = Rounds::of_while(
        names,
        thread_rounds(&bench.plan),
        |index| {
            let alone = contended(all[index], &cores[..1], reads[index]);
            let both = contended(all[index], cores, reads[index]);
            slowed[index].push(both / alone);
            both
        },
        |_| bench.go("hit: two threads", each),
    );
    for (index, name) in names.iter().enumerate() {
        let nanos = found.nanos(name);
        let mut row = Row::of(name)
            .with("ns", nanos)
            .with("clock", found.ratio(name, names::base_of(name)))
            .with("slowdown", crate::stats::median(&slowed[index]))
            .with("rate", 2e9 / nanos);
        row.spread("clock", found.spread(name, names::base_of(name)));
        case.rows.push(row);
    }
    case
}

fn throughput(bench: &Bench<'_>, all: &[&dyn Subject], names: &[String], reads: &[u64]) -> Case {
    let mut case = Case::new(
        "hit",
        "throughput",
        "Reads per second against the number of readers",
        "Reads per second of wall time, all readers together, each on a thread of its own and free to move; the median of \
         rounds. The last column is that of two readers.",
    );
    for threads in THREADS {
        let title = if threads == 1 {
            "1 reader".to_owned()
        } else {
            format!("{threads} readers")
        };
        case = case.column(&threads.to_string(), &title, "/s", Better::Higher);
    }
    case.rows = names.iter().map(|name| Row::of(name)).collect();
    let mut curves: Vec<Vec<(f64, f64)>> = vec![Vec::new(); names.len()];
    for threads in THREADS {
        let each = 0.006 * threads as f64 * all.len() as f64;
        let found = Rounds::of_while(
            names,
            throughput_rounds(&bench.plan),
            |index| per_second(all[index], threads, reads[index]),
            |_| bench.go(&format!("hit: {threads} readers"), each),
        );
        let peers = names.iter().filter(|name| bench.is_peer(name));
        let best = peers.max_by(|one, other| found.nanos(one).total_cmp(&found.nanos(other)));
        for (index, name) in names.iter().enumerate() {
            let rate = found.nanos(name);
            case.rows[index].set(&threads.to_string(), rate);
            if threads == 2 {
                case.rows[index].to_best_peer = best.as_ref().map(|best| found.ratio(name, best));
            }
            let spread = found.spread(name, names::base_of(name));
            case.rows[index].spread(&threads.to_string(), spread);
            if rate.is_finite() {
                curves[index].push((threads as f64, rate));
            }
        }
    }
    for (name, curve) in names.iter().zip(curves) {
        case.series(name, "throughput", curve);
    }
    case
}

const THREADS: [usize; 4] = [1, 2, 4, 8];
