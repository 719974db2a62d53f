//! What a cache knows beside its current credential: [`State`].

use std::sync::Arc;

use super::flight::Flight;
use crate::credential::{Credential, Ends};
use crate::error::Error;
use crate::event::Trigger;
use crate::policy::backoff::Sort;
use crate::request::ChangeNotifier;
use crate::time::Boot;

/// All that is decided under one lock. Held for one decision; never while a provider, an observer or a waiter runs,
/// and never across an await.
#[derive(Default)]
pub(crate) struct State {
    /// The current flight: the only one that may publish.
    pub(super) flight: Option<Arc<Flight>>,
    pub(super) pace: Pace,
    /// The number of the last published generation; 0 before the first.
    pub(super) generation: u64,
    /// When the driver is to look; `FAR` for never.
    pub(super) due: Due,
    /// Somebody wants an answer without waiting for it.
    pub(super) wanted: Option<Trigger>,
    pub(super) idle: bool,
    pub(super) expiry_told: bool,
    pub(super) rotations: u32,
    /// How far the issuer's clock is ahead of ours, as far as it told.
    pub(super) skew: i64,
    pub(super) principal: Option<Arc<str>>,
    pub(super) rare: Option<Box<Rare>>,
}

/// When the issuer may be asked again.
pub(super) struct Pace {
    /// Not before this instant, unless by name; `FAR`: not before the input has changed.
    pub(super) next: Boot,
    /// When the issuer was last asked.
    pub(super) last_start: Boot,
    pub(super) last_error: Option<Error>,
    /// Failures in a row, of one phase of the credential.
    pub(super) failures: u32,
    /// The same refusal in a row.
    pub(super) refusals: u32,
    /// All failures ever.
    pub(super) total: u32,
    /// Whether a credential was usable at the last failure.
    pub(super) while_usable: bool,
}

/// An instant in the home's queue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Due(pub(super) Boot);

/// What most caches never need.
#[derive(Default)]
pub(super) struct Rare {
    /// What was invalidated: reinstated if the issuer gives it again.
    pub(super) withdrawn: Option<Arc<Credential>>,
    pub(super) rejections: Vec<Rejection>,
    /// The latest end of a former generation: until then its issuer accepts it.
    pub(super) former: Option<Ends>,
    pub(super) adopted: Vec<Arc<str>>,
    /// Caches whose providers wait for a newer credential of this one.
    pub(super) dependants: Vec<ChangeNotifier>,
    pub(super) past_expiry_told: Option<Boot>,
}

/// What one origin said of one generation.
pub(super) struct Rejection {
    pub(super) origin: Arc<str>,
    pub(super) generation: u64,
    /// The issuer was asked since, and gave the same credential.
    pub(super) vouched: bool,
    /// Refusals of this origin in a row.
    pub(super) count: u32,
    pub(super) last: Boot,
    /// When this origin may force the next refresh.
    pub(super) next: Boot,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            next: LONG_AGO,
            last_start: LONG_AGO,
            last_error: None,
            failures: 0,
            refusals: 0,
            total: 0,
            while_usable: false,
        }
    }
}

impl Default for Due {
    fn default() -> Self {
        Self(Boot::FAR)
    }
}

impl State {
    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(super) fn withdrawn(&self) -> Option<&Arc<Credential>> {
        self.rare.as_ref()?.withdrawn.as_ref()
    }
}

impl Pace {
    /// A failure at `now`, with what then remains of a usable credential. Returns how many in a row.
    pub(super) fn failed(&mut self, error: &Error, usable: bool) -> u32 {
        let sort = Sort::of(error.kind());
        let same_phase = self.while_usable == usable;
        self.failures = if same_phase {
            self.failures.saturating_add(1)
        } else {
            1
        };
        let repeated = self
            .last_error
            .as_ref()
            .is_some_and(|last| last.same_refusal(error));
        self.refusals = match (sort.is_refusal(), repeated) {
            (false, _) => 0,
            (true, true) => self.refusals.saturating_add(1),
            (true, false) => 1,
        };
        self.total = self.total.saturating_add(1);
        self.while_usable = usable;
        self.last_error = Some(error.clone());
        if sort.is_refusal() {
            self.refusals
        } else {
            self.failures
        }
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self {
            last_start: self.last_start,
            total: self.total,
            ..Self::default()
        };
    }

    /// Forgets the backoff: the input changed, or the user asked by name.
    pub(super) fn reset(&mut self) {
        self.next = LONG_AGO;
        self.failures = 0;
        self.refusals = 0;
    }
}

/// Before every boot.
pub(super) const LONG_AGO: Boot = Boot(i64::MIN / 2);
