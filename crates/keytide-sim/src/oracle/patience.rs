//! Rules for how long readers wait, and what they wait through.

use keytide_core::ErrorKind;

use super::model::{End, Model, Now, SECOND, Start, TICK, nanos};
use super::{Oracle, Verdict};
use crate::answer::Sort;
use crate::trace::Want;

type Rule = fn(&Oracle, usize, &Start, (ErrorKind, &str), Now) -> Verdict;

/// All of them, by their numbers in the contract.
pub(super) const RULES: [(&str, Rule); 3] = [
    ("10, 11, 29", waits_no_longer),
    ("T17, 29", patience_is_kept),
    ("29", what_may_pass_is_waited_for),
];

fn waits_no_longer(
    oracle: &Oracle,
    cache: usize,
    start: &Start,
    _: (ErrorKind, &str),
    now: Now,
) -> Verdict {
    wait_was_bounded(oracle, cache, start, now)
}

/// 1, 10, 11 and 29: nobody waits while a credential is usable; else for as long as the reader's patience lasts, or one
/// call may take.
pub(super) fn wait_was_bounded(oracle: &Oracle, cache: usize, start: &Start, now: Now) -> Verdict {
    let waited = now.run - start.at.run;
    if start.want.is_plain() && start.usable && waited > 0 {
        return Some(format!("waited {waited} ns while a credential was usable"));
    }
    if start.want.is_instant() && waited > 0 {
        return Some(format!("a read that does not wait took {waited} ns"));
    }
    let most = patience(&oracle.caches[cache], start);
    (waited > most + TICK).then(|| format!("waited {waited} ns with a patience of {most}"))
}

/// T17 and 29: a reader's patience ends neither late nor early.
fn patience_is_kept(
    oracle: &Oracle,
    cache: usize,
    start: &Start,
    (kind, _): (ErrorKind, &str),
    now: Now,
) -> Verdict {
    let waited = now.boot - start.at.boot;
    let patience = patience(&oracle.caches[cache], start);
    (kind == ErrorKind::TimedOut && waited + TICK < patience)
        .then(|| format!("gave up after {waited} ns of {patience}"))
}

/// 29: who states a patience waits through what may pass, as long as the next attempt fits.
fn what_may_pass_is_waited_for(
    oracle: &Oracle,
    cache: usize,
    start: &Start,
    (kind, words): (ErrorKind, &str),
    now: Now,
) -> Verdict {
    let Want::Within(patience) = start.want else {
        return None;
    };
    let model = &oracle.caches[cache];
    let passes = matches!(kind, ErrorKind::Unavailable | ErrorKind::Throttled);
    if !passes || model.end != End::No || oracle.was_moved_since(start.at.run) {
        return None;
    }
    let last = model.failures.last().filter(|last| !last.usable)?;
    let next = last.at.run + longest_pause(model, last.sort)?;
    // What is invalidated forces its calls: they have one minimum interval.
    let forced = model.calls.last().filter(|_| model.withdrawn);
    let next = next.max(forced.map_or(0, |call| call.start.run + model.terms.min_interval));
    let end = start.at.run + nanos(patience);
    (next + model.latency + TICK < end).then(|| {
        let left = end - now.run;
        format!("{kind:?} ({words}) with {left} ns of patience left, {last:?}")
    })
}

/// How long a reader waits at the most.
fn patience(model: &Model, start: &Start) -> i64 {
    match start.want {
        Want::Within(patience) => nanos(patience),
        _ => model.terms.flight_limit,
    }
}

/// The longest pause that the contract allows after a failure of this sort, where it may pass.
fn longest_pause(model: &Model, sort: Sort) -> Option<i64> {
    let min_interval = model.terms.min_interval;
    match sort {
        Sort::Refused(_) => None,
        Sort::Throttled(asked) => Some((asked + asked / 10).min(30 * SECOND).max(min_interval)),
        Sort::Unavailable => {
            let row = model.row.max(1);
            let (first, row) = match row {
                1..=4 if !model.terms.min_interval_is_set => (SECOND / 10, row),
                5.. if !model.terms.min_interval_is_set => (min_interval, row - 4),
                _ => (min_interval, row),
            };
            let most = first.saturating_mul(1 << (row - 1).min(20));
            Some(most.min((30 * SECOND).max(min_interval)))
        }
    }
}
