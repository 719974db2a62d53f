//! Rules for what a reader is given.

use super::Verdict;
use super::model::{End, Model, Now, SECOND, Seen, Start, TICK};
use crate::trace::Want;

type Rule = fn(&Model, &Start, &Seen, Now) -> Verdict;

/// All of them, by their numbers in the contract.
pub(super) const RULES: [(&str, Rule); 10] = [
    ("3, T15", is_whole),
    ("21, T5", is_not_after_the_end),
    ("2, 17, 23", is_alive),
    ("19", is_not_withdrawn),
    ("19", is_not_what_the_origin_refused),
    ("4, 20", goes_not_back),
    ("15, 20, T4", is_the_current_one),
    ("4", lasts_long_enough),
    ("16, T12, T40", is_of_the_principal),
    ("24, T10", tells_the_issuers_end),
];

/// 3: no reader mixes two generations.
fn is_whole(_: &Model, _: &Start, seen: &Seen, _: Now) -> Verdict {
    (!seen.whole).then(|| format!("a credential with parts of several calls: {seen:?}"))
}

/// 21: every read that starts after `revoke` returned fails.
fn is_not_after_the_end(_: &Model, start: &Start, seen: &Seen, _: Now) -> Verdict {
    (start.end == End::Revoked).then(|| format!("served after the revocation: {seen:?}"))
}

/// 2 and 23: never past its end by either clock. 17: but a signing key where that was asked for, for as long as that
/// was, unless the issuer said no.
fn is_alive(model: &Model, start: &Start, seen: &Seen, now: Now) -> Verdict {
    let current = model.current.filter(|known| known.mint == seen.mint)?;
    let past = (now.boot - current.boot).max(now.wall - current.wall);
    if past < 0 {
        return None;
    }
    let text = format!(
        "served {:.3} s past its end by {}: {seen:?}",
        past as f64 / SECOND as f64,
        if now.boot >= current.boot {
            "the boot clock"
        } else {
            "the wall clock"
        }
    );
    match model.terms.static_stability {
        Some(bound) if past < bound && model.said_no => {
            Some(format!("{text}, and the issuer had said no"))
        }
        Some(bound) if past < bound && !matches!(start.want, Want::For(_)) => None,
        _ => Some(text),
    }
}

/// 19: what was invalidated is not read, until the issuer gave it again.
fn is_not_withdrawn(model: &Model, start: &Start, seen: &Seen, _: Now) -> Verdict {
    (start.withdrawn && model.withdrawn && seen.generation <= model.generation)
        .then(|| format!("served what was invalidated: {seen:?}"))
}

/// 19: an origin is not sent what it refused before the issuer was asked anew.
fn is_not_what_the_origin_refused(model: &Model, start: &Start, seen: &Seen, _: Now) -> Verdict {
    let origin = start.want.origin()?;
    let refused = model.refusals.iter().find(|known| {
        known.origin == origin
            && known.generation == seen.generation
            && !known.vouched
            // One that came while this reader waited is its own affair.
            && (known.at.run < start.at.run || matches!(start.want, Want::Beyond(..)))
    });
    refused.map(|known| format!("{known:?} was given to that origin again"))
}

/// 4 and 20: a reader who asks after another was served gets no older one; what is beyond a generation is newer.
fn goes_not_back(_: &Model, start: &Start, seen: &Seen, _: Now) -> Verdict {
    let least = match start.want {
        Want::Beyond(_, refused) => start.generation.max(refused + 1),
        _ => start.generation,
    };
    (seen.generation < least).then(|| format!("generation {} after {least}", seen.generation))
}

/// 15 and 20: what is served is what the last good answer brought, under its number; for one who waited, what any answer
/// brought meanwhile.
fn is_the_current_one(model: &Model, start: &Start, seen: &Seen, now: Now) -> Verdict {
    let known = model.current.map(|current| current.mint);
    let is_current = known == Some(seen.mint) && seen.generation == model.generation;
    let waited = now.run > start.at.run
        && seen.generation >= start.rotations
        && seen.generation <= model.generation;
    (!is_current && !waited).then(|| {
        format!(
            "{seen:?}; the current one is {} of call {known:?}",
            model.generation
        )
    })
}

/// 4: at least the life that was asked for.
fn lasts_long_enough(model: &Model, start: &Start, seen: &Seen, now: Now) -> Verdict {
    let Want::For(least) = start.want else {
        return None;
    };
    let (least, left) = (super::model::nanos(least), model.remaining(now));
    let short =
        seen.remaining < least || (seen.generation == model.generation && left + TICK < least);
    short.then(|| {
        format!(
            "lasts {} ns, {left} by the oracle, not {least}",
            seen.remaining
        )
    })
}

/// 16 and T40: another principal is never served, unless it is listed; what names nobody is nobody's.
fn is_of_the_principal(model: &Model, _: &Start, seen: &Seen, _: Now) -> Verdict {
    let current = model.current.filter(|known| known.mint == seen.mint)?;
    let differs = matches!((model.other, seen.other), (Some(known), Some(other)) if known != other);
    let wrong = seen.other != current.other || differs && !model.terms.accepts_other;
    wrong.then(|| format!("served for {:?}, not {:?}", seen.other, current.other))
}

/// 24 and T10: the end that is told is the issuer's.
fn tells_the_issuers_end(model: &Model, _: &Start, seen: &Seen, _: Now) -> Verdict {
    let current = model.current.filter(|known| known.mint == seen.mint)?;
    let off = seen
        .told
        .map_or(i64::MAX, |told| (told - current.told).abs());
    (off > TICK / 10).then(|| format!("ends at {:?}, not {}", seen.told, current.told))
}
