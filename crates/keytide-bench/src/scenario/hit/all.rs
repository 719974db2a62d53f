//! All subjects of hits, for whoever measures them: the scenario, criterion, callgrind.

use tokio::runtime::Runtime;

use super::adapt::Hit;
use crate::entrant::Entrant;
use crate::issuer::{Answer, FakeIssuer};
use crate::running::Failure;
use crate::subject::Subject;
use crate::subjects::{self, names};

/// The bases of all ratios: they take part always.
const BASES: [&str; 2] = [names::LOAD_AND_CLOCK, names::CACHE_AND_CLOCK];

/// The subjects that take part here only.
pub(crate) const NAMES: [&str; 11] = [
    names::LOAD,
    names::LOAD_AND_CLOCK,
    names::LOAD_AND_TWO_CLOCKS,
    names::CACHE,
    names::CACHE_AND_CLOCK,
    "watch::borrow",
    "RwLock<Arc>",
    "Mutex<Arc>",
    names::HANDLE,
    names::SLOW,
    names::TRY_GET,
];

/// Hands all ways to read a credential that is at hand to a measurement: the parts that a cache could be made of,
/// keytide's reads, and what people use today where the feature `peers` is on.
///
/// # Errors
/// When one of them cannot be made, or a read of it failed.
pub fn with_hits(measure: impl FnOnce(&[&dyn Subject])) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::of)?;
    let failed = measured(&runtime, &subjects::entrants(), &|_| true, measure);
    runtime.shutdown_background();
    match failed.into_iter().next() {
        None => Ok(()),
        Some((name, failure)) => Err(Failure::of(format!("{name}: {failure}"))),
    }
}

/// Measures those that are wanted, and the bases in any case. Gives those that could not be made, or failed meanwhile.
pub(super) fn measured(
    runtime: &Runtime,
    entrants: &[Entrant],
    wanted: &dyn Fn(&str) -> bool,
    measure: impl FnOnce(&[&dyn Subject]),
) -> Vec<(String, Failure)> {
    let mut failed = Vec::new();
    let mut hits = Vec::new();
    for entrant in entrants {
        let name = &entrant.info().name;
        // The borrowed read is measured as it is, without a future around it.
        if name == names::READ || !wanted(name) {
            continue;
        }
        match Hit::start(runtime, entrant, &FakeIssuer::new(Answer::AtOnce)) {
            Ok(hit) => hits.push(hit),
            Err(failure) => failed.push((name.clone(), failure)),
        }
    }
    let loaded = match subjects::loaded() {
        Ok(loaded) => loaded,
        Err(error) => {
            failed.push((names::READ.to_owned(), Failure::of(error)));
            return failed;
        }
    };
    let cache = &loaded.cache;
    let own: [&dyn Subject; 12] = [
        &subjects::arc_swap_load(),
        &subjects::arc_swap_load_and_clock(),
        &subjects::arc_swap_load_and_two_clocks(),
        &subjects::arc_swap_cache(),
        &subjects::arc_swap_cache_and_clock(),
        &subjects::watch(),
        &subjects::rw_lock(),
        &subjects::mutex(),
        &subjects::read(cache),
        &subjects::handle_read(cache),
        &subjects::slow_read(cache),
        &subjects::try_get(cache),
    ];
    let mut all = own.to_vec();
    all.extend(hits.iter().map(|hit| hit as &dyn Subject));
    all.retain(|subject| BASES.contains(&subject.name()) || wanted(subject.name()));
    measure(&all);
    for hit in &hits {
        if let Some(failure) = hit.failure() {
            failed.push((hit.name().to_owned(), failure.clone()));
        }
    }
    failed
}
