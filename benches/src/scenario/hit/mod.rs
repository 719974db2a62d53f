//! Reads of a credential that is at hand: on one thread, on two, on several.

mod adapt;
mod alone;
mod several;

use crate::contend::Failure;
use crate::issuer::{Answer, FakeIssuer};
use crate::report::{Case, Row};
use crate::run::{Bench, Plan};
use crate::subject::Subject;
use crate::subjects::{self, Loaded};

use self::adapt::Hit;

/// The base of all ratios.
pub(crate) const BASE: &str = "ArcSwap::load";

/// The subjects that take part here only.
pub(crate) const NAMES: [&str; 9] = [
    BASE,
    "ArcSwap::load + coarse clock",
    "arc_swap::Cache",
    "arc_swap::Cache + coarse clock",
    "watch::borrow",
    "RwLock<Arc>",
    "Mutex<Arc>",
    "keytide handle",
    "keytide read, slow path",
];

pub(crate) fn rounds(plan: &Plan) -> usize {
    plan.pick(101, 31)
}

pub(crate) fn thread_rounds(plan: &Plan) -> usize {
    plan.pick(31, 15)
}

pub(super) fn throughput_rounds(plan: &Plan) -> usize {
    plan.pick(15, 5)
}

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
    let mut failed = Vec::new();
    let loaded = match subjects::loaded() {
        Ok(loaded) => Some(loaded),
        Err(error) => {
            failed.push(("keytide".to_owned(), Failure::of(error)));
            None
        }
    };
    let mut hits = Vec::new();
    for entrant in &bench.entrants {
        if entrant.info().name == "keytide read" {
            // Measured as it is, without a future around it.
            continue;
        }
        let issuer = FakeIssuer::new(Answer::AtOnce);
        match Hit::start(bench.runtime, entrant, &issuer) {
            Ok(hit) => hits.push(hit),
            Err(failure) => failed.push((entrant.info().name.clone(), failure)),
        }
    }
    with_subjects(bench, loaded.as_ref(), &hits, |all| {
        let mut cases = vec![alone::measure(bench, all)];
        cases.extend(several::measure(bench, all));
        for (name, failure) in &failed {
            for case in &mut cases {
                let mut row = Row::of(name);
                row.note(format!("failed: {failure}"));
                case.rows.push(row);
            }
        }
        for hit in &hits {
            if let Some(failure) = hit.failure() {
                for case in &mut cases {
                    let row = case.rows.iter_mut().find(|row| row.subject == hit.name());
                    if let Some(row) = row {
                        row.values.clear();
                        row.note(format!("failed: {failure}"));
                    }
                }
            }
        }
        cases
    })
}

/// All subjects that are wanted, and the base in any case.
fn with_subjects<R>(
    bench: &Bench<'_>,
    loaded: Option<&Loaded>,
    hits: &[Hit<'_>],
    measure: impl FnOnce(&[&dyn Subject]) -> R,
) -> R {
    let base = subjects::arc_swap_load();
    let primitives: [&dyn Subject; 6] = [
        &subjects::arc_swap_load_and_clock(),
        &subjects::arc_swap_cache(),
        &subjects::arc_swap_cache_and_clock(),
        &subjects::watch(),
        &subjects::rw_lock(),
        &subjects::mutex(),
    ];
    let ours = loaded.map(|loaded| {
        let cache = &loaded.cache;
        (
            subjects::read(cache),
            subjects::handle_read(cache),
            subjects::slow_read(cache),
        )
    });
    let mut all: Vec<&dyn Subject> = vec![&base];
    all.extend(primitives);
    if let Some((read, handle, slow)) = &ours {
        all.extend([read as &dyn Subject, handle, slow]);
    }
    all.extend(hits.iter().map(|hit| hit as &dyn Subject));
    all.retain(|subject| subject.name() == BASE || bench.wanted(subject.name()));
    measure(&all)
}
