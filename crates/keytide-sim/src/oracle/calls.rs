//! Rules for what issuers are asked.

use keytide_core::Trigger;

use super::model::{Call, End, Failure, Model, Now, Outcome, SECOND, TICK, is_forced};
use super::{Oracle, Verdict};
use crate::answer::{Answer, Sort};
use crate::trace::What;

type Rule = fn(&Oracle, usize, &Call, Now) -> Verdict;

/// All of them, by their numbers in the contract.
const RULES: [(&str, Rule); 11] = [
    ("21, 27", none_after_the_end),
    ("9", one_at_a_time),
    ("18, T31", the_issuers_places_are_kept),
    ("8, T7", the_floor_is_kept),
    ("T31", the_floor_of_forced_calls_is_kept),
    ("19", what_is_forced_was_demanded),
    ("19, T29", claims_go_with_their_refusal),
    ("7, T23", nobody_reads_nobody_asks),
    ("5, T7", nothing_is_replaced_before_its_window),
    ("13, 14", the_backoff_is_kept),
    ("T9", repeats_are_bounded),
];

impl Oracle {
    /// An issuer is asked. Returns the number of the call in its cache.
    pub(crate) fn called(
        &mut self,
        cache: usize,
        trigger: Trigger,
        claims: Option<usize>,
        now: Now,
    ) -> u64 {
        let number = self.caches[cache].calls.len() as u64 + 1;
        self.note(
            cache,
            now,
            What::Call {
                number,
                trigger,
                claims,
            },
        );
        let call = Call {
            trigger,
            claims,
            start: now,
            end: None,
            outcome: Outcome::Running,
            retired: false,
            retired_at: 0,
            stepped: false,
            waited: self.may_have_waited(cache, now),
            usable_at_start: self.caches[cache].is_usable(now),
        };
        for (rule, judge) in RULES {
            let said = judge(self, cache, &call, now);
            self.judge(rule, cache, now, said);
        }
        let model = &mut self.caches[cache];
        if trigger == Trigger::ByName {
            model.named_calls += 1;
            model.failures.clear();
        }
        model.calls.push(call);
        number
    }

    /// Whether another call to the issuer ended at this instant.
    fn may_have_waited(&self, cache: usize, now: Now) -> bool {
        let issuer = self.caches[cache].terms.issuer;
        self.caches
            .iter()
            .enumerate()
            .filter(|(other, model)| *other != cache && model.terms.issuer == issuer)
            .filter_map(|(_, model)| model.calls.last())
            .any(|call| call.retired || call.end.is_some_and(|end| end.run == now.run))
    }

    /// How many calls an issuer has under way, for a cache that allows so many.
    fn running_at(&self, issuer: usize, limit: usize, now: Now) -> usize {
        let count = |model: &Model| {
            // One that began at this instant too, and is allowed more, may have had its place later.
            let after = |call: &Call| call.start.run == now.run && model.terms.issuer_limit > limit;
            model
                .running()
                .filter(|call| !is_lost(call, now) && !after(call))
                .count()
        };
        self.caches
            .iter()
            .filter(|model| model.terms.issuer == issuer)
            .map(count)
            .sum()
    }
}

/// Whether a call was under way while a clock was moved: a suspend may have ended it.
fn is_lost(call: &Call, _: Now) -> bool {
    call.stepped
}

/// 21 and 27: what was revoked or shut down asks nobody.
fn none_after_the_end(oracle: &Oracle, cache: usize, call: &Call, _: Now) -> Verdict {
    let end = oracle.caches[cache].end;
    (end != End::No).then(|| format!("{:?} after {end:?}", call.trigger))
}

/// 9: at most one current flight for each cache.
fn one_at_a_time(oracle: &Oracle, cache: usize, call: &Call, now: Now) -> Verdict {
    let mut running = oracle.caches[cache].running();
    let other = running.find(|other| !is_lost(other, now))?;
    Some(format!("{:?} while {other:?} is under way", call.trigger))
}

/// 18 and T31: over all caches no more calls at a time than the cache that asks allows.
fn the_issuers_places_are_kept(oracle: &Oracle, cache: usize, _: &Call, now: Now) -> Verdict {
    let terms = &oracle.caches[cache].terms;
    let running = oracle.running_at(terms.issuer, terms.issuer_limit, now);
    (running >= terms.issuer_limit)
        .then(|| format!("{running} under way already, of {}", terms.issuer_limit))
}

/// 8: the minimum interval lies between the starts of two calls, but where the contract excuses it.
fn the_floor_is_kept(oracle: &Oracle, cache: usize, call: &Call, now: Now) -> Verdict {
    let model = &oracle.caches[cache];
    // What an origin demands holds up no other call, and what is forced has a minimum interval of its own.
    if is_forced(call.trigger) || call.trigger == Trigger::ByName {
        return None;
    }
    let mut last = model
        .calls
        .iter()
        .rev()
        .filter(|last| last.claims.is_none());
    let last = last.next()?;
    let gap = now.boot - last.start.boot;
    let min_interval = model.terms.min_interval;
    let least = match (call.trigger, last.outcome) {
        (Trigger::Changed, _) => min_interval.min(SECOND / 10),
        _ if model.reset => 0,
        // A refusal is asked again after half a second, once.
        (_, Outcome::Failed(Sort::Refused(_))) if row(model) < 2 => {
            let gap = now.boot - last.end?.boot;
            return (gap + TICK < SECOND / 2 && !expired_since(model, last))
                .then(|| format!("{gap} ns after a refusal"));
        }
        // The first pauses of readers who have nothing are shorter; `the_backoff_is_kept` judges them.
        (_, Outcome::Failed(Sort::Unavailable))
            if !model.terms.min_interval_is_set
                && !model.failures.last().is_none_or(|it| it.usable) =>
        {
            0
        }
        // At once after expiry; at once where a clock cut a life short.
        _ if expired_since(model, last) || oracle.was_moved_since(last.start.run) => 0,
        _ => min_interval,
    };
    (gap + TICK < least && !last.retired && !last.waited).then(|| {
        format!(
            "{:?} {gap} ns after the call before, minimum interval {min_interval}: {last:?}",
            call.trigger
        )
    })
}

/// Whether what was usable when a call failed has ended since.
fn expired_since(model: &Model, last: &Call) -> bool {
    matches!(last.outcome, Outcome::Failed(_))
        && model.failures.last().is_some_and(|failure| failure.usable)
}

/// T31: all that forces calls of a cache keeps one minimum interval.
fn the_floor_of_forced_calls_is_kept(
    oracle: &Oracle,
    cache: usize,
    call: &Call,
    now: Now,
) -> Verdict {
    let model = &oracle.caches[cache];
    if !is_forced(call.trigger) {
        return None;
    }
    let last = model
        .calls
        .iter()
        .rev()
        .find(|last| is_forced(last.trigger))?;
    let gap = now.boot - last.start.boot;
    (gap + TICK < model.terms.min_interval && !last.waited).then(|| {
        format!(
            "forced {gap} ns after {:?}, minimum interval {}",
            last.trigger, model.terms.min_interval
        )
    })
}

/// 19: a call is forced by what was said of the current credential, and by nothing else.
fn what_is_forced_was_demanded(oracle: &Oracle, cache: usize, call: &Call, _: Now) -> Verdict {
    let model = &oracle.caches[cache];
    let demanded = match call.trigger {
        // A call that waited for its place was begun before.
        _ if call.waited => true,
        Trigger::Rejected => model
            .refusals
            .iter()
            .any(|known| known.generation == model.generation),
        Trigger::Invalidated => model.withdrawn,
        Trigger::ByName => model.names > model.named_calls || model.naming > 0,
        Trigger::Changed => model.changes > 0,
        Trigger::FirstUse => model.current.is_none(),
        _ => true,
    };
    (!demanded).then(|| format!("{:?} without a reason", call.trigger))
}

/// 19 and T29: claims go with the calls that their refusal forces, and with no others.
fn claims_go_with_their_refusal(oracle: &Oracle, cache: usize, call: &Call, _: Now) -> Verdict {
    let origin = call.claims?;
    let model = &oracle.caches[cache];
    let theirs = call.waited
        || model.refusals.iter().any(|known| {
            known.origin == origin && known.generation == model.generation && known.claims
        });
    (call.trigger != Trigger::Rejected || !theirs)
        .then(|| format!("{:?} with the claims of origin {origin}", call.trigger))
}

/// 7 and T23: what nobody reads is not refreshed.
fn nobody_reads_nobody_asks(oracle: &Oracle, cache: usize, call: &Call, now: Now) -> Verdict {
    let model = &oracle.caches[cache];
    let ahead = matches!(call.trigger, Trigger::Ahead | Trigger::Urgent);
    let current = model.current.filter(|_| ahead)?;
    let idle = model.terms.idle_after.unwrap_or_else(|| current.life());
    let unread = model
        .last_read
        .map_or(now.boot, |read| now.boot - read.boot);
    // A call may have waited for its place.
    let slack = if call.waited { 600 * SECOND } else { SECOND };
    // What the last read asked for may come as late as the pace says, once.
    let asked_since = model
        .calls
        .last()
        .is_some_and(|last| model.last_read.is_none_or(|read| last.start.run > read.run));
    (unread > idle + slack && asked_since && model.waiting == 0).then(|| {
        format!(
            "{:?} after {} s without a read",
            call.trigger,
            unread / SECOND
        )
    })
}

/// 5 and T7: half of a life is used at the least, or what the issuer wants used.
fn nothing_is_replaced_before_its_window(
    oracle: &Oracle,
    cache: usize,
    call: &Call,
    now: Now,
) -> Verdict {
    let model = &oracle.caches[cache];
    let ahead = matches!(call.trigger, Trigger::Ahead | Trigger::Urgent);
    let current = model.current.filter(|_| ahead)?;
    let hinted = oracle.issuers[model.terms.issuer].hint.is_some();
    let window = if hinted {
        current.life() - (current.life() / 10).min(300 * SECOND)
    } else {
        current.window()
    };
    let left = model.remaining(now);
    (left > window + TICK).then(|| {
        format!(
            "{:?} with {left} ns left, the window is {window}",
            call.trigger
        )
    })
}

/// 13 and 14: without a credential the pauses after failures of one sort double, from 100 ms four times where no minimum interval is set,
/// then from the minimum interval to 30 s, or to 5 min after refusals.
fn the_backoff_is_kept(oracle: &Oracle, cache: usize, call: &Call, now: Now) -> Verdict {
    let model = &oracle.caches[cache];
    let last = model.failures.last().filter(|last| !last.usable)?;
    if matches!(call.trigger, Trigger::ByName | Trigger::Changed)
        || model.reset
        || call.claims.is_some()
    {
        return None;
    }
    let row = row(model);
    let min_interval = model.terms.min_interval;
    let doubled = |first: i64, row: u32, most: i64| {
        first.saturating_mul(1 << (row - 1).min(20)).min(most) / 2
    };
    let pause = match last.sort {
        Sort::Throttled(asked) => asked.min(30 * SECOND),
        // It may have come of the wrong time: rule 23.
        _ if now.has_stepped_since(last.at) => 0,
        Sort::Unavailable if model.terms.min_interval_is_set => {
            doubled(min_interval, row, 30 * SECOND).max(min_interval)
        }
        Sort::Unavailable if row <= 4 => doubled(SECOND / 10, row, SECOND),
        Sort::Unavailable => doubled(min_interval, row - 4, 30 * SECOND).max(min_interval),
        Sort::Refused(_) if row < 2 => SECOND / 2,
        Sort::Refused(_) => doubled(SECOND, row, 300 * SECOND).max(min_interval),
    };
    let gap = now.boot - last.at.boot;
    (gap + TICK < pause).then(|| {
        format!(
            "{gap} ns after {row} failures ({:?}) in a row, not {pause}",
            last.sort
        )
    })
}

/// How many of the last failures are alike, and were so by one wall clock.
fn row(model: &Model) -> u32 {
    let Some(last) = model.failures.last() else {
        return 0;
    };
    let alike = |failure: &&Failure| {
        last.sort.is_alike(failure.sort) && !failure.at.has_stepped_since(last.at)
    };
    model.failures.iter().rev().take_while(alike).count() as u32
}

/// T9: an issuer that repeats its token is asked a bounded number of times.
fn repeats_are_bounded(oracle: &Oracle, cache: usize, call: &Call, _: Now) -> Verdict {
    let model = &oracle.caches[cache];
    (model.repeats > MOST_REPEATS && !oracle.was_moved_since(0))
        .then(|| format!("{:?} after {} equal answers", call.trigger, model.repeats))
}

/// 10 and 21: what was retired ends at once. 11: a call ends at its limit, and not before a sixth of what remained, a second at the least.
pub(super) fn limit_was_kept(model: &Model, number: u64, answer: Answer, now: Now) -> Verdict {
    let call = model.calls[number as usize - 1];
    let took = now.run - call.start.run;
    let limit = model.terms.flight_limit;
    if took > limit + TICK {
        return Some(format!("{call:?} took {took} ns, its limit is {limit}"));
    }
    if call.retired && now.run > call.retired_at + TICK {
        return Some(format!(
            "{call:?} went on after it was taken out of service"
        ));
    }
    let cut = answer == Answer::Dropped && !call.retired && !call.stepped && !model.dropped;
    let left = if call.usable_at_start {
        model.remaining(call.start)
    } else {
        i64::MAX
    };
    let least = (left / 6).clamp(SECOND, limit.max(SECOND)).min(limit);
    (cut && took + TICK < least).then(|| format!("{call:?} was cut off after {took} ns of {least}"))
}

/// A fifth of what remains between two: forty from an hour down to the minimum interval.
const MOST_REPEATS: u64 = 60;
