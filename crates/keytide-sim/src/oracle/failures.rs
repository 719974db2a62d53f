//! Rules for readers who are not served.

use std::time::Duration;

use keytide_core::ErrorKind;

use super::model::{End, Now, Outcome, SECOND, Start, TICK, is_forced};
use super::{Oracle, Verdict};
use crate::answer::Sort;
use crate::trace::Want;

type Rule = fn(&Oracle, usize, &Start, (ErrorKind, &str), Now) -> Verdict;

/// All of them, by their numbers in the contract.
pub(super) const RULES: [(&str, Rule); 6] = [
    ("1", usable_is_served),
    ("9", is_told_of_the_first_failure),
    ("12, 13, 14", is_asked_again_in_time),
    ("5, T8", is_refreshed_in_time),
    ("21, 27", the_end_is_said_only_then),
    ("19, T29", claims_starve_nobody_else),
];

/// 1: no read for any usable credential fails while there is one.
fn usable_is_served(
    oracle: &Oracle,
    cache: usize,
    start: &Start,
    (kind, words): (ErrorKind, &str),
    now: Now,
) -> Verdict {
    let model = &oracle.caches[cache];
    let current = model.current?;
    // One that came, or was given again, at this very instant may be missed by who was told of something else before.
    let fresh =
        current.received.run == now.run || model.repeated.is_some_and(|again| again.run == now.run);
    // One that a clock ended, and a clock gave back while the reader waited, may be missed by who was told of a failure.
    let fresh = fresh || oracle.was_moved_since(start.at.run);
    let served = start.want.is_plain()
        || matches!(start.want, Want::ReadFor(origin) | Want::Origin(origin)
            if !model.refusals.iter().any(|known| known.origin == origin && known.generation == model.generation));
    (served && model.is_usable(now) && (!fresh || start.want.is_instant())).then(|| {
        format!(
            "{kind:?} ({words}) while {} is usable: {current:?}",
            model.generation
        )
    })
}

/// 9: who waits for the turn of a call that is forced shares the first that is made then, and its failure.
fn is_told_of_the_first_failure(
    oracle: &Oracle,
    cache: usize,
    start: &Start,
    (kind, words): (ErrorKind, &str),
    _: Now,
) -> Verdict {
    if start.want != Want::Get || oracle.was_moved_since(start.at.run) {
        return None;
    }
    let since = oracle.caches[cache].calls.iter().rev();
    let since = since.take_while(|call| call.start.run > start.at.run);
    let failed = since.filter(|call| {
        let failed = matches!(call.outcome, Outcome::Failed(_));
        failed && is_forced(call.trigger) && call.claims.is_none() && !call.stepped
    });
    let failed = failed.count();
    (failed > 1).then(|| format!("{kind:?} ({words}) after {failed} calls failed meanwhile"))
}

/// 12 to 14: a reader who finds nothing has the issuer asked, once the longest pause after a failure has passed.
fn is_asked_again_in_time(
    oracle: &Oracle,
    cache: usize,
    start: &Start,
    (kind, words): (ErrorKind, &str),
    now: Now,
) -> Verdict {
    let model = &oracle.caches[cache];
    let at_once = matches!(start.want, Want::Get) && start.at.run == now.run;
    if !at_once || model.end != End::No || model.withdrawn {
        return None;
    }
    let last = model.calls.last()?;
    let (end, Outcome::Failed(sort)) = (last.end?, last.outcome) else {
        return None;
    };
    if last.claims.is_some() || last.start.run == now.run || end.run == now.run {
        return None;
    }
    let most = match sort {
        Sort::Refused(_) => 300 * SECOND,
        Sort::Unavailable | Sort::Throttled(_) => 30 * SECOND,
    };
    let since = (now.boot - end.boot).min(now.run - end.run);
    (since > most.max(model.terms.min_interval) + TICK).then(|| {
        format!(
            "{kind:?} ({words}) at once, though the issuer was last asked {} s ago",
            since / SECOND
        )
    })
}

/// 5 and T8: what somebody reads is replaced before it ends, where the issuer was well for the last quarter of the window.
fn is_refreshed_in_time(
    oracle: &Oracle,
    cache: usize,
    start: &Start,
    (kind, _): (ErrorKind, &str),
    now: Now,
) -> Verdict {
    let model = &oracle.caches[cache];
    let current = model.current?;
    let issuer = &oracle.issuers[model.terms.issuer];
    let window = current.window();
    let quarter = window / 4;
    let asked = matches!(kind, ErrorKind::Expired | ErrorKind::Unavailable);
    // By a clock that is off, what an issuer says of an instant may be past, or too far off.
    let since = if issuer.says_when {
        0
    } else {
        current.received.run
    };
    let calm = !oracle.was_moved_since(since) && issuer.hint.is_none();
    let idle = model.terms.idle_after.unwrap_or_else(|| current.life());
    let in_demand = current
        .read_early
        .is_some_and(|read| read.boot + idle > current.boot);
    if !asked
        || !calm
        || !in_demand
        || start.want != Want::Read
        || model.withdrawn
        || model.end != End::No
    {
        return None;
    }
    let sharers = oracle
        .caches
        .iter()
        .filter(|other| other.terms.issuer == model.terms.issuer)
        .count() as i64;
    let busy = (issuer.latency as i64 * 2 + 10) * 1_000_000 * (sharers + 2);
    let min_interval = model.terms.min_interval;
    if quarter < 8 * busy || quarter < 8 * min_interval || model.repeats > 0 {
        return None;
    }
    let end = current.received.run + current.life();
    let (from, end) = (since_start(end - quarter), since_start(end));
    let principal = model.other == Some(false) || model.terms.accepts_other;
    let well = principal && issuer.is_up(from, end) && now.boot >= current.boot;
    let forced = model
        .calls
        .iter()
        .rev()
        .take(4)
        .any(|call| call.claims.is_some());
    (well && !forced).then(|| format!("{current:?} was not replaced in time"))
}

fn since_start(run: i64) -> Duration {
    Duration::from_nanos(run.unsigned_abs())
}

/// 21 and 27: revoked is what was revoked, and shut down what was shut down.
fn the_end_is_said_only_then(
    oracle: &Oracle,
    cache: usize,
    start: &Start,
    (kind, _): (ErrorKind, &str),
    _: Now,
) -> Verdict {
    let end = oracle.caches[cache].end;
    let wrong = match kind {
        ErrorKind::Revoked => end != End::Revoked,
        ErrorKind::ShutDown => end == End::No,
        _ => start.end == End::Revoked,
    };
    wrong.then(|| format!("{kind:?} where the end is {end:?}"))
}

/// T29: what one origin demands fails nobody else's read.
fn claims_starve_nobody_else(
    _: &Oracle,
    _: usize,
    start: &Start,
    (kind, words): (ErrorKind, &str),
    _: Now,
) -> Verdict {
    let (_, whose) = words.split_once(CHOKES)?;
    let whose = whose.split_whitespace().next()?.parse::<usize>().ok()?;
    (start.want.origin() != Some(whose)).then(|| format!("{kind:?}: {words}"))
}

/// What an issuer says that chokes on the demand of an origin, before the number of that origin.
pub(crate) const CHOKES: &str = "it chokes on the demand of origin ";
