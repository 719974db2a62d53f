//! What all clones of a cache share: [`Shared`].

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::changes::{END, tell_watchers};
use super::state::{LONG_AGO, State, StateLock};
use crate::agent::AgentInner;
use crate::context::Context;
use crate::credential::Credential;
use crate::error::{Error, ErrorKind};
use crate::event::EventKind;
use crate::home;
use crate::issued::CredentialKind;
use crate::policy::options::Options;
use crate::slot::Slot;
use crate::time::{Boot, Now};

/// One credential and all that keeps it fresh. Flights and timers hold it weakly, so its end is that of the last
/// handle.
pub(crate) struct Shared {
    pub(crate) slot: Slot,
    pub(crate) context: Arc<Context>,
    pub(crate) options: Arc<Options>,
    pub(crate) agent: Arc<AgentInner>,
    pub(super) state: StateLock,
    /// When somebody last read, by the boot clock: marked in the slow path of reads, a hint.
    demand: AtomicI64,
    pub(super) id: u32,
    /// Where its agent's registry knows it.
    place: u32,
    pub(super) phase: u32,
    /// Reads served past expiry since the last event of it.
    pub(super) past_expiry: AtomicU32,
    ended: AtomicU8,
    /// The issuer said no since the last success: nothing is served past its expiry.
    pub(super) refused: AtomicBool,
    /// The provider's input changed while nobody read.
    pub(super) changed_unseen: AtomicBool,
}

/// Why a cache does not refresh any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Ended {
    No = 0,
    ShutDown = 1,
    Revoked = 2,
}

/// What a credential is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It lasts this much longer.
    Usable(Duration),
    /// Past its expiry, served by static stability.
    PastExpiry,
    /// Not to be served.
    Expired,
}

impl Shared {
    pub(crate) fn new(
        agent: Arc<AgentInner>,
        context: Arc<Context>,
        options: Arc<Options>,
        place: u32,
        phase: u32,
    ) -> Self {
        Self {
            slot: Slot::default(),
            context,
            options,
            agent,
            state: StateLock::default(),
            demand: AtomicI64::new(LONG_AGO.0),
            id: home::next_id(),
            place,
            phase,
            past_expiry: AtomicU32::new(0),
            ended: AtomicU8::new(Ended::No as u8),
            refused: AtomicBool::new(false),
            changed_unseen: AtomicBool::new(false),
        }
    }

    /// Judges a credential by both clocks.
    pub(crate) fn judge(&self, credential: &Credential, now: Now) -> Verdict {
        let remaining = credential.remaining_at(now);
        if !remaining.is_zero() {
            return Verdict::Usable(remaining);
        }
        let Some(bound) = self.options.static_stability else {
            return Verdict::Expired;
        };
        if credential.kind() != CredentialKind::SigningKey || self.refused.load(Ordering::Relaxed) {
            return Verdict::Expired;
        }
        let past = credential.ends.past(now);
        if past < bound {
            Verdict::PastExpiry
        } else {
            Verdict::Expired
        }
    }

    pub(super) fn ended(&self) -> Ended {
        match self.ended.load(Ordering::Acquire) {
            0 => Ended::No,
            1 => Ended::ShutDown,
            _ => Ended::Revoked,
        }
    }

    /// Only ever grows: what is revoked stays so.
    pub(super) fn set_ended(&self, ended: Ended) {
        self.ended.fetch_max(ended as u8, Ordering::AcqRel);
    }

    pub(super) fn mark_demand(&self, now: Now) {
        self.demand.store(now.boot.0, Ordering::Relaxed);
    }

    /// Whether somebody read this recently enough to go on refreshing ahead of expiry.
    pub(super) fn in_demand(&self, credential: &Credential, now: Now) -> bool {
        let idle_after = self
            .options
            .idle_after
            .unwrap_or_else(|| credential.lifetime());
        Boot(self.demand.load(Ordering::Relaxed)).until(now.boot) <= idle_after
    }

    /// How long a call may take now: at most a sixth of what remains of a usable credential, but a second, and twice
    /// what the issuer took the last time, so that a slow one is not cut off when little remains.
    pub(super) fn flight_limit(&self, now: Now) -> Duration {
        let longest = self.options.flight_limit;
        match self
            .slot
            .load()
            .get()
            .map(|credential| self.judge(credential, now))
        {
            Some(Verdict::Usable(remaining)) => {
                let usual = Duration::from_millis(u64::from(self.state.lock().latency));
                longest.min((remaining / 6).max(SHORTEST_LIMIT).max(usual * 2))
            }
            _ => longest,
        }
    }

    /// Whether the issuer gives lifetimes of this length, as far as its provider states. Not to be asked under a lock.
    pub(super) fn could_last(&self, least: Duration) -> bool {
        least.is_zero()
            || self
                .context
                .profile()
                .longest_lifetime
                .is_none_or(|longest| least <= longest)
    }

    pub(super) fn principal(&self) -> Option<Arc<str>> {
        if self.context.is_foreign() {
            return None;
        }
        self.principal_of(&self.state.lock())
    }

    /// Who the issuer says we are, as far as it ever said.
    pub(super) fn principal_of(&self, state: &State) -> Option<Arc<str>> {
        let borrowed = self.slot.load();
        let known = borrowed
            .get()
            .or_else(|| state.withdrawn().map(Arc::as_ref));
        known.and_then(Credential::principal_arc).cloned()
    }

    /// Tells observers, in the order of decisions: under the lock, where no code of theirs runs.
    pub(super) fn tell(&self, state: &State, now: Now, kind: EventKind) {
        if !self.context.sink.is_empty() {
            let principal = self.principal_of(state);
            self.context.emit_at(now, principal.as_ref(), kind);
        }
    }

    pub(super) fn skew(&self) -> i64 {
        self.state.lock().skew()
    }

    /// Why a read cannot be served, when it is the end of the cache or of its process.
    pub(super) fn closed(&self) -> Option<Error> {
        if let Some(error) = self.foreign() {
            return Some(error);
        }
        match self.ended() {
            Ended::Revoked => Some(self.error(ErrorKind::Revoked, "the credential was revoked")),
            _ => None,
        }
    }

    /// This process was forked from the one that the cache is of: no lock of it may be taken here.
    pub(super) fn foreign(&self) -> Option<Error> {
        let foreign = self.context.is_foreign();
        foreign.then(|| self.error(ErrorKind::ForeignInstance, FOREIGN))
    }

    pub(super) fn error(&self, kind: ErrorKind, message: &str) -> Error {
        Error::new(kind, format!("{}: {message}", self.context.key))
    }

    pub(super) fn weak(self: &Arc<Self>) -> Weak<Self> {
        Arc::downgrade(self)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.context.is_foreign() {
            // A parent's, whose locks may be held by threads that are not here.
            return;
        }
        let state = std::mem::take(&mut *self.state.lock());
        let watched = state.rare.as_ref().and_then(|rare| rare.changes.clone());
        tell_watchers(watched, END);
        let left = self.left_behind(&state);
        if let Some(flight) = &state.flight {
            flight.retire();
        }
        if state.due.0 != Boot::FAR {
            self.agent.homes.unschedule(state.due.0, self.id);
        }
        home::forget(self.id);
        self.agent.forget(self.place, &self.context.key, left);
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

const SHORTEST_LIMIT: Duration = Duration::from_secs(1);
pub(super) const FOREIGN: &str =
    "this process was forked from the one that built the agent; build an agent here";
