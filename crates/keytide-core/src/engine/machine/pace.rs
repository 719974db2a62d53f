//! When the issuer may be asked again: [`Pace`].

use std::time::Duration;

use crate::engine::backoff::Sort;
use crate::error::ErrorKind;
use crate::sys::time::{Boot, Now};

/// When the issuer may be asked again.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Not before this instant, unless by name; `FAR`: not before the input has changed.
    pub(super) next: Boot,
    /// When the issuer was last asked.
    pub(super) last_start: Boot,
    trouble: Option<Box<Trouble>>,
}

/// What is known of failures since the last success.
#[derive(Debug)]
struct Trouble {
    last: Failed,
    /// Failures in a row, of one phase of the credential.
    failures: u32,
    /// The same refusal in a row.
    refusals: u32,
    /// Whether a credential was usable at the last failure.
    while_usable: bool,
    /// The distance between the clocks at the last failure.
    offset: i64,
}

/// A failure, as far as it is reckoned with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failed {
    pub(crate) kind: ErrorKind,
    /// It is the refusal that came before.
    pub(crate) repeated: bool,
    /// Asking again is useless until the input has changed.
    pub(crate) until_changed: bool,
    /// How long the issuer asked to be left alone.
    pub(crate) pause: Option<Duration>,
    /// That pause is a lifetime, not an instant of the wall clock.
    pub(crate) relative: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            next: LONG_AGO,
            last_start: LONG_AGO,
            trouble: None,
        }
    }
}

impl Pace {
    /// Not before this instant, unless by name; `FAR`: not before the input has changed.
    pub(crate) fn next(&self) -> Boot {
        self.next
    }

    /// The wall clock stepped: what was reckoned by the wrong one sets no pace any more.
    pub(super) fn clock_stepped(&mut self, min_interval: Duration) {
        if self.trouble.is_none() {
            let spaced = self.last_start.after(min_interval);
            self.next = self.next.min(spaced);
        }
    }

    pub(super) fn last_failure(&self) -> Option<&Failed> {
        self.trouble.as_ref().map(|trouble| &trouble.last)
    }

    /// Whether what last failed may pass by itself, so that a reader with patience waits for the next attempt.
    pub(super) fn may_pass(&self) -> bool {
        self.last_failure().is_none_or(Failed::may_pass)
    }

    /// Whether the last failure came while a credential was usable.
    pub(super) fn failed_while_usable(&self) -> bool {
        self.trouble
            .as_ref()
            .is_some_and(|trouble| trouble.while_usable)
    }

    /// When the issuer may be asked again, unless by name. What failed before the wall clock stepped may have failed for that:
    /// it sets no pace any more, unless the issuer asked to be left alone for a while, or until its input has changed.
    pub(super) fn next_by_this_clock(&self, now: Now, min_interval: Duration) -> Boot {
        match &self.trouble {
            Some(trouble) if trouble.has_stepped(now) && !trouble.last.asks_for_a_while() => {
                self.next.min(self.last_start.after(min_interval))
            }
            _ => self.next,
        }
    }

    /// Takes a failure down. Returns how many in a row.
    pub(super) fn failed(&mut self, failed: Failed, usable: bool, now: Now) -> u32 {
        let refused = Sort::of(failed.kind).is_refusal();
        let trouble = self.trouble.get_or_insert_with(|| {
            Box::new(Trouble {
                last: failed,
                failures: 0,
                refusals: 0,
                while_usable: usable,
                offset: now.offset(),
            })
        });
        let stepped = trouble.has_stepped(now);
        if trouble.while_usable != usable || stepped {
            trouble.failures = 0;
        }
        trouble.failures = trouble.failures.saturating_add(1);
        trouble.refusals = match (refused, failed.repeated) {
            (false, _) => 0,
            (true, true) if !stepped => trouble.refusals.saturating_add(1),
            (true, _) => 1,
        };
        trouble.while_usable = usable;
        trouble.offset = now.offset();
        trouble.last = failed;
        if refused {
            trouble.refusals
        } else {
            trouble.failures
        }
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self {
            last_start: self.last_start,
            ..Self::default()
        };
    }

    /// Forgets the backoff: the input changed, or the user asked by name. The pace of changes is kept.
    pub(super) fn reset(&mut self, min_interval: Duration) {
        self.next = self.last_start.after(changed_interval(min_interval));
        if let Some(trouble) = &mut self.trouble {
            trouble.failures = 0;
            trouble.refusals = 0;
        }
    }
}

impl Trouble {
    /// Whether the wall clock has stepped since the last failure.
    fn has_stepped(&self, now: Now) -> bool {
        self.offset.abs_diff(now.offset()) > STEP.as_nanos() as u64
    }
}

impl Failed {
    fn asks_for_a_while(&self) -> bool {
        self.until_changed || (self.relative && self.kind == ErrorKind::Throttled)
    }

    /// Whether it may pass by itself: the issuer could not be asked, or wants patience.
    pub(crate) fn may_pass(&self) -> bool {
        !self.until_changed && matches!(Sort::of(self.kind), Sort::Unavailable | Sort::Throttled)
    }
}

/// The shortest pace of changes of the input: a file that is written over and over.
pub(super) fn changed_interval(min_interval: Duration) -> Duration {
    min_interval.min(Duration::from_millis(100))
}

/// A change of the distance between the clocks that counts as a step.
const STEP: Duration = Duration::from_secs(1);
/// Before every boot.
pub(super) const LONG_AGO: Boot = Boot(i64::MIN / 2);
