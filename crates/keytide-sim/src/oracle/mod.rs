//! The oracle: judges what readers get and what issuers are asked, by the contract alone
//! (`crates/keytide-core/docs/contract.md`).
//!
//! It keeps a model of each cache, made of what its issuer answered and what was done to it, never of what the engine says
//! about itself. Each rule is a function that names its number. Where the contract leaves room, a rule is lenient.

mod calls;
mod failures;
mod landing;
mod model;
mod patience;
mod served;
mod status;
#[cfg(test)]
mod tests;

use keytide_core::ErrorKind;

pub(crate) use self::failures::CHOKES;
pub(crate) use self::model::{End, Model, Now, Refusal, SECOND, Seen, Start, Terms, nanos};
use crate::plan::{IssuerPlan, Move};
use crate::trace::{Line, Trace, Want, What};

/// Something that the contract forbids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which rule of the contract.
    pub rule: &'static str,
    /// Which cache, counted from 0.
    pub cache: usize,
    /// When, in nanoseconds of simulated time since the start of the world.
    pub at: i64,
    /// What happened.
    pub text: String,
}

/// Judges one world.
#[derive(Debug)]
pub(crate) struct Oracle {
    pub(crate) caches: Vec<Model>,
    pub(crate) issuers: Vec<IssuerPlan>,
    pub(crate) violation: Option<Violation>,
    pub(crate) trace: Trace,
    /// When a clock was last moved.
    moved: Option<Now>,
    /// The world is being taken down: nothing is judged any more.
    pub(crate) closed: bool,
}

/// What a rule says: nothing, or what is wrong.
type Verdict = Option<String>;

impl Oracle {
    pub(crate) fn new(issuers: Vec<IssuerPlan>, keeps_all: bool) -> Self {
        Self {
            caches: Vec::new(),
            issuers,
            violation: None,
            trace: Trace::new(keeps_all),
            moved: None,
            closed: false,
        }
    }

    /// A cache is built. Returns its number.
    pub(crate) fn built(&mut self, terms: Terms, now: Now) -> usize {
        self.caches.push(Model::new(terms));
        let cache = self.caches.len() - 1;
        self.note(cache, now, What::Built);
        cache
    }

    /// A reader asks.
    pub(crate) fn asks(&mut self, cache: usize, reader: u64, want: Want, now: Now) -> Start {
        self.note(cache, now, What::Asks { reader, want });
        let model = &mut self.caches[cache];
        let start = Start {
            reader,
            want,
            at: now,
            generation: model.returned,
            usable: model.is_usable(now),
            end: model.end,
            withdrawn: model.withdrawn,
            rotations: model.generation,
        };
        model.last_read = Some(now);
        model.waiting += u64::from(!want.is_instant());
        if let Some(current) = &mut model.current
            && now.boot <= current.boot - current.window()
        {
            current.read_early = Some(now);
        }
        if want == Want::ByName {
            model.names += 1;
            model.naming += 1;
        }
        start
    }

    /// A reader gives up: that is no answer.
    pub(crate) fn gave_up(&mut self, cache: usize, start: &Start, now: Now) {
        let reader = start.reader;
        self.note(cache, now, What::GaveUp { reader });
        self.is_done(cache, start, now);
    }

    /// A reader is served.
    pub(crate) fn got(&mut self, cache: usize, start: &Start, seen: &Seen, now: Now) {
        let (reader, generation) = (start.reader, seen.generation);
        self.note(cache, now, What::Got { reader, generation });
        for (rule, judge) in served::RULES {
            let said = judge(&self.caches[cache], start, seen, now);
            self.judge(rule, cache, now, said);
        }
        let said = patience::wait_was_bounded(self, cache, start, now);
        self.judge("10, 11", cache, now, said);
        let model = &mut self.caches[cache];
        model.returned = model.returned.max(generation);
        self.is_done(cache, start, now);
    }

    /// A reader is not served.
    pub(crate) fn failed(
        &mut self,
        cache: usize,
        start: &Start,
        kind: ErrorKind,
        words: &str,
        now: Now,
    ) {
        let reader = start.reader;
        self.note(cache, now, What::Failed { reader, kind });
        for (rule, judge) in failures::RULES.into_iter().chain(patience::RULES) {
            let said = judge(self, cache, start, (kind, words), now);
            self.judge(rule, cache, now, said);
        }
        self.is_done(cache, start, now);
    }

    /// A read lasts until its answer.
    fn is_done(&mut self, cache: usize, start: &Start, now: Now) {
        let model = &mut self.caches[cache];
        model.last_read = Some(now);
        model.waiting -= u64::from(!start.want.is_instant());
        if start.want == Want::ByName {
            model.naming -= 1;
        }
    }

    /// Whether the issuer of this cache has a call of it under way.
    pub(crate) fn is_asked(&self, cache: usize) -> bool {
        self.caches[cache].running().next().is_some()
    }

    /// An origin refused a generation, and that is reported.
    pub(crate) fn refused(
        &mut self,
        cache: usize,
        origin: usize,
        generation: u64,
        claims: bool,
        now: Now,
    ) {
        self.note(
            cache,
            now,
            What::Refuses {
                origin,
                generation,
                claims,
            },
        );
        let model = &mut self.caches[cache];
        // A late report says nothing.
        if model.withdrawn || model.current.is_none() || model.generation != generation {
            return;
        }
        let known = model.refusals.iter().any(|known| {
            known.origin == origin && known.generation == generation && !known.vouched
        });
        if !known {
            model.refusals.retain(|known| known.origin != origin);
            model.refusals.push(Refusal {
                origin,
                generation,
                claims,
                at: now,
                vouched: false,
            });
        }
    }

    /// A generation was invalidated; `current` is what the engine says of it.
    pub(crate) fn invalidated(&mut self, cache: usize, generation: u64, current: bool, now: Now) {
        self.note(
            cache,
            now,
            What::Invalidates {
                generation,
                current,
            },
        );
        let model = &mut self.caches[cache];
        let held = model.current.is_some() && !model.withdrawn && model.end != End::Revoked;
        let said = (current != (held && model.generation == generation)).then(|| {
            format!(
                "invalidating {generation} said {current}, the current one is {} (held: {held})",
                model.generation
            )
        });
        if current {
            model.withdrawn = true;
            model.retire(now);
        }
        self.judge("19", cache, now, said);
    }

    /// A provider's input changed: no backoff holds any more.
    pub(crate) fn input_changed(&mut self, cache: usize, now: Now) {
        self.note(cache, now, What::InputChanged);
        let model = &mut self.caches[cache];
        model.failures.clear();
        model.changes += 1;
        model.reset = true;
    }

    /// A cache was revoked, or its agent shut down.
    pub(crate) fn ended(&mut self, cache: usize, end: End, now: Now) {
        let what = if end == End::Revoked {
            What::Revoked
        } else {
            What::ShutDown
        };
        self.note(cache, now, what);
        let model = &mut self.caches[cache];
        model.end = model.end.max(end);
        model.retire(now);
    }

    /// The last handle of a cache is gone.
    pub(crate) fn dropped(&mut self, cache: usize, now: Now) {
        self.note(cache, now, What::Dropped);
        self.caches[cache].dropped = true;
    }

    /// The clocks are moved; judged by the instant after it.
    pub(crate) fn moved(&mut self, to: Move, now: Now) {
        self.note(0, now, What::Moved(to));
        self.moved = Some(now);
        for model in &mut self.caches {
            for call in model.calls.iter_mut().filter(|call| call.end.is_none()) {
                call.stepped = true;
            }
        }
    }

    /// Whether a clock was moved at this instant of the run or later.
    fn was_moved_since(&self, run: i64) -> bool {
        self.moved.is_some_and(|moved| moved.run >= run)
    }

    fn note(&mut self, cache: usize, now: Now, what: What) {
        if !self.closed && self.violation.is_none() {
            self.trace.add(Line {
                at: now.run,
                cache,
                what,
            });
        }
    }

    fn judge(&mut self, rule: &'static str, cache: usize, now: Now, said: Verdict) {
        if let Some(text) = said.filter(|_| !self.closed && self.violation.is_none()) {
            self.violation = Some(Violation {
                rule,
                cache,
                at: now.run,
                text,
            });
        }
    }
}
