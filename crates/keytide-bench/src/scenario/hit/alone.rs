//! One thread.

use super::effort::{calibrate, rounds};
use crate::allocations::allocations_of;
use crate::bench::Bench;
use crate::report::{Better, Case, Row};
use crate::rounds::Rounds;
use crate::subject::{Subject, nanos_each};
use crate::subjects::names;

pub(super) fn measure(bench: &Bench<'_>, all: &[&dyn Subject]) -> Case {
    let mut case = Case::new(
        "hit",
        "one thread",
        "Reads of a credential that is at hand, one thread",
        "CPU time of one read, the median of rounds in which each subject reads for about 5 ms; how many times that is as much as \
         ArcSwap::load with the coarse clock, or arc_swap::Cache with it for the read of one task; and how often it allocates.",
    )
    .column("ns", "one read", "ns", Better::Lower)
    .column("clock", "× primitive + clock", "×", Better::Neither)
    .column("allocations", "allocations", "", Better::Lower);
    let reads: Vec<u64> = all.iter().map(|subject| calibrate(*subject)).collect();
    let names: Vec<String> = all.iter().map(|one| one.name().to_owned()).collect();
    let steps = rounds(&bench.plan);
    let each = 0.006 * all.len() as f64;
    let found = Rounds::of_while(
        &names,
        steps,
        |index| nanos_each(all[index], reads[index]),
        |_| bench.go("hit: one thread", each),
    );
    let peers = names.iter().filter(|name| bench.is_peer(name));
    let best = peers.min_by(|one, other| found.nanos(one).total_cmp(&found.nanos(other)));
    for (index, name) in names.iter().enumerate() {
        let mut row = Row::of(name)
            .with("ns", found.nanos(name))
            .with("clock", found.ratio(name, names::base_of(name)));
        row.set("allocations", allocations(all[index]));
        row.spread("clock", found.spread(name, names::base_of(name)));
        row.to_best_peer = best.as_ref().map(|best| found.ratio(name, best));
        case.rows.push(row);
        case.series(name, "rounds", found.samples(name));
    }
    case
}

/// How often one read allocates; what entering the runtime allocates is taken off.
fn allocations(subject: &dyn Subject) -> f64 {
    subject.read_many(10);
    let ((), some) = allocations_of(|| subject.read_many(1_000));
    let ((), more) = allocations_of(|| subject.read_many(2_000));
    more.saturating_sub(some) as f64 / 1_000.0
}
