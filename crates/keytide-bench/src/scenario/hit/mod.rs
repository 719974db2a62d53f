//! Reads of a credential that is at hand: on one thread, on two, on several.

mod adapt;
mod all;
mod alone;
mod effort;
mod several;

pub(crate) use self::all::NAMES;
pub use self::all::with_hits;
use self::effort::throughput_rounds;
pub(crate) use self::effort::{rounds, thread_rounds};
use crate::bench::Bench;
use crate::report::{Case, Row};

pub(super) fn planned(bench: &Bench<'_>) -> f64 {
    let subjects = (bench.entrants.len() + NAMES.len()) as f64;
    let each = rounds(&bench.plan) as f64 * 0.006
        + thread_rounds(&bench.plan) as f64 * 0.02
        + throughput_rounds(&bench.plan) as f64 * 0.09;
    subjects * each
}

pub(super) fn measure(bench: &Bench<'_>) -> Vec<Case> {
    if !bench.go("hit: first loads", 0.0) {
        return Vec::new();
    }
    let mut cases = Vec::new();
    let failed = all::measured(
        bench.runtime,
        &bench.entrants,
        &|name| bench.wanted(name),
        |subjects| {
            cases.push(alone::measure(bench, subjects));
            cases.extend(several::measure(bench, subjects));
        },
    );
    for (name, failure) in failed {
        for case in &mut cases {
            case.rows.retain(|row| row.subject != name);
            let mut row = Row::of(&name);
            row.note(format!("failed: {failure}"));
            case.rows.push(row);
        }
    }
    cases
}
