//! What a cache knows beside its current credential: [`State`].

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::changes::Watched;
use super::flight::{Demand, Flight};
use crate::agent::Left;
use crate::credential::{Credential, Ends};
use crate::error::Error;
use crate::event::Trigger;
use crate::policy::backoff::Sort;
use crate::request::ChangeNotifier;
use crate::sync::{self, LayToRest, Mutex, MutexGuard, bury};
use crate::time::{Boot, Now};

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
    /// How long the last good answer took, in milliseconds.
    pub(super) latency: u32,
    pub(super) rare: Option<Box<Rare>>,
}

/// The lock over a cache's [`State`]. What is buried under it is dropped when it is released: it may be a user's.
#[derive(Default)]
pub(crate) struct StateLock(Mutex<State>);

/// The state, while it is locked. The guard goes first.
pub(crate) struct Locked<'a> {
    state: MutexGuard<'a, State>,
    _after: LayToRest,
}

impl StateLock {
    pub(crate) fn lock(&self) -> Locked<'_> {
        Locked {
            state: sync::lock(&self.0),
            _after: LayToRest,
        }
    }

    pub(crate) fn try_lock(&self) -> Option<Locked<'_>> {
        Some(Locked {
            state: sync::try_lock(&self.0)?,
            _after: LayToRest,
        })
    }
}

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

/// When the issuer may be asked again.
pub(super) struct Pace {
    /// Not before this instant, unless by name; `FAR`: not before the input has changed.
    pub(super) next: Boot,
    /// When the issuer was last asked.
    pub(super) last_start: Boot,
    /// All failures ever.
    pub(super) total: u32,
    trouble: Option<Box<Trouble>>,
}

/// What is known of failures since the last success.
struct Trouble {
    last_error: Error,
    /// Failures in a row, of one phase of the credential.
    failures: u32,
    /// The same refusal in a row.
    refusals: u32,
    /// Whether a credential was usable at the last failure.
    while_usable: bool,
}

/// An instant in the home's queue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Due(pub(super) Boot);

/// What most caches never need.
#[derive(Default)]
pub(super) struct Rare {
    /// How far the issuer's clock is ahead of ours, as far as it told.
    pub(super) skew: i64,
    /// Whoever watches for new generations.
    pub(super) changes: Option<Arc<Watched>>,
    /// What was invalidated: reinstated if the issuer gives it again.
    pub(super) withdrawn: Option<Arc<Credential>>,
    /// When a refusal or an invalidation last forced a call.
    pub(super) last_forced: Option<Boot>,
    /// How often in a row the issuer gave again what was invalidated.
    pub(super) reinstated: u32,
    pub(super) rejections: Vec<Rejection>,
    /// The origin whose refusal is the reason of what is wanted.
    pub(super) wanted_by: Option<Arc<str>>,
    /// The latest end of a former generation: until then its issuer accepts it.
    pub(super) former: Option<Ends>,
    /// What a revocation left behind.
    pub(super) left: Option<Arc<Left>>,
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
    /// What its challenge demanded of the next credential: sent with the calls that this refusal forces, and no others.
    pub(super) claims: Option<Arc<str>>,
    /// Refusals of this origin in a row.
    pub(super) count: u32,
    /// When it refused this generation: a call that was sent before says nothing to that.
    pub(super) reported: Boot,
    pub(super) last: Boot,
    /// When this origin may force the next refresh.
    pub(super) next: Boot,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            next: LONG_AGO,
            last_start: LONG_AGO,
            total: 0,
            trouble: None,
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

    pub(super) fn skew(&self) -> i64 {
        self.rare.as_ref().map_or(0, |rare| rare.skew)
    }

    /// What the challenge of an origin demanded when it refused this generation.
    pub(super) fn demand(&self, origin: Option<&str>, generation: u64) -> Option<Demand> {
        let rejections = &self.rare.as_ref()?.rejections;
        let rejection = rejections.iter().find(|rejection| {
            Some(rejection.origin.as_ref()) == origin && rejection.generation == generation
        })?;
        Some(Demand {
            origin: Arc::clone(&rejection.origin),
            claims: rejection.claims.clone()?,
        })
    }

    /// A call has landed that says nothing to some origins which refused this generation: the next of them has its turn.
    pub(super) fn pass_on(&mut self, generation: u64, but: Option<&str>, now: Now) {
        let Some(rare) = &mut self.rare else { return };
        let next = rare.rejections.iter().find(|rejection| {
            rejection.generation == generation
                && !rejection.vouched
                && Some(rejection.origin.as_ref()) != but
                && rejection.next <= now.boot
        });
        if let Some(next) = next {
            rare.wanted_by = Some(Arc::clone(&next.origin));
            self.wanted = Some(Trigger::Rejected);
        }
    }

    pub(super) fn withdrawn(&self) -> Option<&Arc<Credential>> {
        self.rare.as_ref()?.withdrawn.as_ref()
    }
}

impl Pace {
    pub(super) fn last_error(&self) -> Option<&Error> {
        self.trouble.as_ref().map(|trouble| &trouble.last_error)
    }

    /// Whether the last failure came while a credential was usable.
    pub(super) fn failed_while_usable(&self) -> bool {
        self.trouble
            .as_ref()
            .is_some_and(|trouble| trouble.while_usable)
    }

    /// Takes a failure down. Returns how many in a row.
    pub(super) fn failed(&mut self, error: &Error, usable: bool) -> u32 {
        self.total = self.total.saturating_add(1);
        let refused = Sort::of(error.kind()).is_refusal();
        let Some(trouble) = &mut self.trouble else {
            self.trouble = Some(Box::new(Trouble {
                last_error: error.clone(),
                failures: 1,
                refusals: u32::from(refused),
                while_usable: usable,
            }));
            return 1;
        };
        let same_phase = trouble.while_usable == usable;
        trouble.failures = if same_phase {
            trouble.failures.saturating_add(1)
        } else {
            1
        };
        let repeated = trouble.last_error.same_refusal(error);
        trouble.refusals = match (refused, repeated) {
            (false, _) => 0,
            (true, true) => trouble.refusals.saturating_add(1),
            (true, false) => 1,
        };
        trouble.while_usable = usable;
        // Its source is a user's type.
        bury(std::mem::replace(&mut trouble.last_error, error.clone()));
        if refused {
            trouble.refusals
        } else {
            trouble.failures
        }
    }

    pub(super) fn succeeded(&mut self) {
        bury(self.trouble.take());
        *self = Self {
            last_start: self.last_start,
            total: self.total,
            ..Self::default()
        };
    }

    /// Forgets the backoff: the input changed, or the user asked by name.
    pub(super) fn reset(&mut self) {
        self.next = LONG_AGO;
        if let Some(trouble) = &mut self.trouble {
            trouble.failures = 0;
            trouble.refusals = 0;
        }
    }
}

/// Before every boot.
pub(super) const LONG_AGO: Boot = Boot(i64::MIN / 2);
