//! What a provider is told when it is asked: [`Request`].

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, Weak};
use std::time::SystemTime;

use crate::context::Context;
use crate::event::Trigger;
use crate::identity::{AgentIdentity, InstanceId, Labels};
use crate::profile::Profile;
use crate::sync::{Mutex, lock};
use crate::sys::remote::RemoteClock;
use crate::sys::time::Now;

/// Who asks, why, and by which clock.
pub struct Request {
    pub(crate) context: Arc<Context>,
    pub(crate) trigger: Trigger,
    pub(crate) sent: Now,
    /// What is known of the issuer's clock.
    issuer: RemoteClock,
    /// Whether this request has told of it.
    measured: AtomicBool,
    claims: Option<Arc<str>>,
    cache: Weak<dyn Changed>,
    /// What the provider states that answered, where another one chose it.
    profile: Mutex<Option<Box<Profile>>>,
}

/// What a request has brought beside the answer.
#[derive(Default)]
pub(crate) struct Learned {
    /// The request's own reference, for what is made of the answer.
    pub(crate) context: Option<Arc<Context>>,
    /// How far the issuer's clock is ahead of ours, in nanoseconds.
    pub(crate) skew: Option<i64>,
    /// What the provider states that answered, where another one chose it.
    pub(crate) profile: Option<Box<Profile>>,
}

impl Request {
    pub(crate) fn new(
        context: Arc<Context>,
        trigger: Trigger,
        sent: Now,
        skew: i64,
        claims: Option<Arc<str>>,
        cache: Weak<dyn Changed>,
    ) -> Self {
        Self {
            context,
            trigger,
            sent,
            issuer: RemoteClock::ahead_by(skew),
            measured: AtomicBool::new(false),
            claims,
            cache,
            profile: Mutex::new(None),
        }
    }

    /// Who acts.
    #[must_use]
    pub fn identity(&self) -> &AgentIdentity {
        &self.context.actor.identity
    }

    /// What else is known of who acts.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.context.actor.labels
    }

    /// Which instance of the agent acts.
    #[must_use]
    pub fn instance(&self) -> InstanceId {
        self.context.actor.instance
    }

    /// The key of the cache that asks.
    #[must_use]
    pub fn cache_key(&self) -> Arc<str> {
        self.context.key.text()
    }

    /// Why the issuer is asked.
    #[must_use]
    pub fn trigger(&self) -> Trigger {
        self.trigger
    }

    /// Whether somebody wants the issuer itself to be asked anew, through every layer: a credential that it gave
    /// before was rejected, invalidated, or found too short.
    #[must_use]
    pub fn forced(&self) -> bool {
        matches!(
            self.trigger,
            Trigger::Rejected | Trigger::Invalidated | Trigger::TooShort | Trigger::ByName
        )
    }

    /// What a destination demanded of the next credential when it refused the last one, as a JSON text: the `claims` of
    /// its challenge, decoded. An issuer that knows such demands is sent them; others ignore them, or fail:
    /// they come with the calls that this refusal forces alone, so nobody else is harmed.
    ///
    /// It is the destination's text, at most 8 KiB where keytide's HTTP layer reports it: never a place to send anything.
    #[must_use]
    pub fn claims(&self) -> Option<&str> {
        self.claims.as_deref()
    }

    /// The agent's wall clock.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.context.clock.wall()
    }

    /// The issuer's clock, as far as its answers have told: for dating what the issuer will verify.
    #[must_use]
    pub fn issuer_now(&self) -> SystemTime {
        self.issuer.at(self.now())
    }

    /// Reports the time that the issuer's clock showed in an answer just received over TLS or loopback: its `Date`, or
    /// the `iat` of a token that this answer minted. Never from a token read from a file.
    ///
    /// What differs from our clock by more than the answer's own uncertainty is used to date assertions, and may
    /// shorten a life, never lengthen it. Differences over 24 h are taken as 24 h.
    pub fn saw_issuer_clock(&self, shown: SystemTime) {
        let now = self.now();
        let sent = self.sent.wall.system().unwrap_or(now);
        self.issuer.showed(shown, sent, now);
        self.measured.store(true, Ordering::Relaxed);
    }

    /// Says which of several providers answered, by what it states about itself: that holds for this answer and for all
    /// calls to come, in place of what was stated when the cache was built. For a provider that chooses among others.
    pub fn answered_by(&self, profile: Profile) {
        *lock(&self.profile) = Some(Box::new(profile));
    }

    /// A way to tell the cache, at any later time, that the provider's input has changed (a file, an environment, a
    /// subject token).
    #[must_use]
    pub fn change_notifier(&self) -> ChangeNotifier {
        ChangeNotifier {
            cache: Weak::clone(&self.cache),
        }
    }

    /// What it has brought beside the answer.
    pub(crate) fn into_learned(self) -> Learned {
        Learned {
            context: Some(self.context),
            skew: self.measured.into_inner().then(|| self.issuer.ahead()),
            profile: self
                .profile
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("context", &self.context)
            .field("trigger", &self.trigger)
            .finish_non_exhaustive()
    }
}

/// Whoever asks again when its provider's input has changed.
pub(crate) trait Changed: Send + Sync {
    fn input_changed(self: Arc<Self>);

    /// Whether a user holds it.
    fn is_held(&self) -> bool;
}

/// Tells a cache that its provider's input has changed. Holds nothing alive.
#[derive(Clone)]
pub struct ChangeNotifier {
    cache: Weak<dyn Changed>,
}

impl Default for ChangeNotifier {
    fn default() -> Self {
        Self {
            cache: Weak::<Nobody>::new(),
        }
    }
}

/// Nobody is told.
struct Nobody;

impl Changed for Nobody {
    fn input_changed(self: Arc<Self>) {}

    fn is_held(&self) -> bool {
        false
    }
}

impl ChangeNotifier {
    /// The input has changed: whatever the backoff, the issuer is asked now, if the cache is in use.
    pub fn notify(&self) {
        if let Some(shared) = self.cache.upgrade() {
            shared.input_changed();
        }
    }

    /// Whether the cache is gone, so that nobody needs to be told any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !self.cache.upgrade().is_some_and(|cache| cache.is_held())
    }

    /// The same, but for a cache that somebody still looks at: it takes no reference, which might be the last, so it may be
    /// asked under a lock.
    pub(crate) fn is_gone(&self) -> bool {
        self.cache.strong_count() == 0
    }

    pub(crate) fn is_for(&self, other: &Self) -> bool {
        self.cache.ptr_eq(&other.cache)
    }
}

impl fmt::Debug for ChangeNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeNotifier")
            .field("closed", &self.is_closed())
            .finish()
    }
}
