//! Rules for what a cache says of itself.

use keytide_core::{CacheStatus, Phase};

use super::model::{End, Model, Now, TICK};
use super::{Oracle, Verdict};

impl Oracle {
    /// A cache was asked what it is doing.
    pub(crate) fn reported(&mut self, cache: usize, status: &CacheStatus, now: Now) {
        let said = agrees(&self.caches[cache], status, now);
        self.judge("status", cache, now, said);
    }
}

/// What is told is what happened.
fn agrees(model: &Model, status: &CacheStatus, now: Now) -> Verdict {
    let revoked = model.end == End::Revoked;
    let usable = model.is_usable(now);
    let phase = match status.phase {
        Phase::Revoked => revoked,
        Phase::Empty => !revoked && model.current.is_none(),
        Phase::Invalidated => !revoked && model.withdrawn,
        Phase::Expired => !revoked && !model.withdrawn && model.current.is_some() && !usable,
        _ => usable,
    };
    let running = model.running().any(|call| !call.stepped);
    let left = status.remaining.map_or(0, super::model::nanos);
    let wrong = [
        (!phase, "the phase"),
        (status.generation != model.generation, "the generation"),
        (status.rotations != model.generation, "the rotations"),
        (
            status.failures < model.failed || status.failures > model.failed + model.lost,
            "the failures",
        ),
        (running && !status.in_flight, "whether a call is under way"),
        (
            usable && (left - model.remaining(now)).abs() > TICK,
            "what remains",
        ),
    ];
    let (_, what) = wrong.iter().find(|(wrong, _)| *wrong)?;
    Some(format!(
        "{what} is wrong in {status:?}; {} generations, {} failures",
        model.generation, model.failed
    ))
}
