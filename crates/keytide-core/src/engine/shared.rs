//! What all clones of a cache share: [`Shared`].

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::household::Household;
use super::machine::Ended;
use super::options::Options;
use super::state::StateLock;
use super::watched::{END, Watched};
use crate::context::Context;
use crate::credential::{Credential, Verdict};
use crate::error::{Error, ErrorKind};
use crate::home;
use crate::provider::SharedProvider;
use crate::sync::discard;
use crate::sync::slot::Slot;
use crate::sys::time::Now;

/// One credential and all that keeps it fresh. Flights and timers hold it weakly, and its work ends with the last handle.
pub(crate) struct Shared {
    pub(crate) slot: Slot<Credential>,
    pub(crate) context: Arc<Context>,
    /// There until this is dropped.
    provider: Option<SharedProvider>,
    pub(crate) options: Arc<Options>,
    pub(crate) agent: Arc<Household<Self>>,
    pub(crate) state: StateLock,
    /// When somebody last read, by the boot clock: marked in the slow path of reads, a hint.
    pub(crate) read: AtomicI64,
    pub(crate) id: u32,
    /// Where its agent's registry knows it.
    pub(crate) place: u32,
    /// How many handles users hold.
    pub(crate) handles: AtomicU32,
    /// What the machine said last of these three, for reads that take no lock.
    pub(crate) ended: AtomicU8,
    /// The issuer said no since the last success: nothing is served past its expiry.
    pub(crate) refused: AtomicBool,
    /// The provider's input changed while nobody read.
    pub(crate) changed_unseen: AtomicBool,
}

impl Shared {
    pub(crate) fn new(
        agent: Arc<Household<Self>>,
        context: Arc<Context>,
        provider: SharedProvider,
        options: Arc<Options>,
        place: u32,
    ) -> Self {
        Self {
            slot: Slot::default(),
            context,
            provider: Some(provider),
            options,
            agent,
            state: StateLock::default(),
            read: AtomicI64::new(i64::MIN / 2),
            id: home::next_id(),
            place,
            handles: AtomicU32::new(1),
            ended: AtomicU8::new(Ended::No as u8),
            refused: AtomicBool::new(false),
            changed_unseen: AtomicBool::new(false),
        }
    }

    /// Judges a credential by both clocks.
    pub(crate) fn judge(&self, credential: &Credential, now: Now) -> Verdict {
        let refused = self.refused.load(Ordering::Relaxed);
        credential
            .held
            .judge(now, self.options.static_stability, refused)
    }

    pub(crate) fn ended(&self) -> Ended {
        // Acquire: with the end comes the slot as the end left it.
        match self.ended.load(Ordering::Acquire) {
            0 => Ended::No,
            1 => Ended::ShutDown,
            _ => Ended::Revoked,
        }
    }

    pub(crate) fn mark_demand(&self, now: Now) {
        self.read.store(now.boot.0, Ordering::Relaxed);
    }

    /// How long a call may take that starts now, and how far the issuer's clock is ahead of ours.
    pub(crate) fn terms_of_call(&self, now: Now) -> (Duration, i64) {
        let mut state = self.state.lock();
        let borrowed = self.current(&state);
        self.look(borrowed.get(), &mut state, now, |machine, seen| {
            (machine.flight_limit(seen), machine.skew())
        })
    }

    /// Whether the issuer gives lifetimes of this length, as far as its provider states. Not to be asked under a lock.
    pub(crate) fn could_last(&self, least: Duration) -> bool {
        least.is_zero()
            || self
                .context
                .profile()
                .longest_lifetime
                .is_none_or(|longest| least <= longest)
    }

    pub(crate) fn principal(&self) -> Option<Arc<str>> {
        if self.context.is_foreign() {
            return None;
        }
        self.principal_of(&self.state.lock())
    }

    pub(crate) fn provider(&self) -> Option<SharedProvider> {
        self.provider.clone()
    }

    /// Where it is told that an answer came, and which generation was told last.
    pub(crate) fn watched(&self) -> (Arc<Watched>, u64) {
        let mut state = self.state.lock();
        let watched = Arc::clone(state.watch());
        let seen = if self.ended() == Ended::No {
            state.machine.generation()
        } else {
            watched.end();
            END
        };
        (watched, seen)
    }

    /// Why a read cannot be served, when it is the end of the cache or of its process.
    pub(crate) fn closed(&self) -> Option<Error> {
        if let Some(error) = self.foreign() {
            return Some(error);
        }
        match self.ended() {
            Ended::Revoked => Some(self.error(ErrorKind::Revoked, REVOKED)),
            _ => None,
        }
    }

    /// This process was forked from the one that the cache is of: no lock of it may be taken here.
    pub(crate) fn foreign(&self) -> Option<Error> {
        let foreign = self.context.is_foreign();
        foreign.then(|| self.error(ErrorKind::ForeignInstance, FOREIGN))
    }

    pub(crate) fn error(&self, kind: ErrorKind, message: &str) -> Error {
        Error::new(kind, format!("{}: {message}", self.context.key))
    }

    pub(crate) fn weak(self: &Arc<Self>) -> Weak<Self> {
        Arc::downgrade(self)
    }
}

/// What is a user's is dropped here one by one, caught: this may run on a thread of the library's.
impl Drop for Shared {
    fn drop(&mut self) {
        if self.context.is_foreign() {
            // A parent's, whose locks may be held by threads that are not here.
            return;
        }
        let state = std::mem::take(&mut *self.state.lock());
        discard(state);
        discard(self.slot.swap(None));
        discard(self.provider.take());
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

pub(crate) const REVOKED: &str = "the credential was revoked";
pub(crate) const SHUT_DOWN: &str = "the agent was shut down, nothing is refreshed";
pub(crate) const FOREIGN: &str =
    "this process was forked from the one that built the agent; build an agent here";
