//! Who lives in a home, as the home knows them: what it must be told of caches, and no more.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::tally::Ticket;
use super::wheel::TimerKey;
use crate::error::Error;
use crate::identity::InstanceId;
use crate::sync::AbortHandle;
use crate::sys::time::{Boot, Now};

/// Whose timers a home keeps: a cache.
pub(crate) trait Resident: Send + Sync {
    /// Which agent it is of.
    fn agent(&self) -> InstanceId;

    /// The instant that was scheduled has come.
    fn due(self: Arc<Self>, now: Now);

    /// The wall clock stepped.
    fn stepped(self: Arc<Self>, now: Now);

    /// The home that held its timer does not serve it any more.
    fn rehome(self: Arc<Self>);

    /// Tells of a step of the wall clock: asked of one resident of each agent.
    fn tell_step(&self, by: Duration, backward: bool);

    /// Its home was set aside: told to one resident of each agent.
    fn home_blocked(&self, by: Option<&'static str>);
}

/// When a cache is to be woken, and until now was.
pub(crate) struct Timer {
    pub(crate) former: TimerKey,
    pub(crate) due: Boot,
    /// The former instant has long passed, so its home is looked at.
    pub(crate) late: bool,
    pub(crate) cache: Weak<dyn Resident>,
}

/// What a home carries for somebody: a call to an issuer, or the telling of a revocation.
pub(crate) trait Call: Send + Sync {
    /// Which agent it is of.
    fn agent(&self) -> InstanceId;

    /// Whose provider is polled, where it may be polled again: the number of a cache.
    fn cache(&self) -> Option<u32>;

    /// The provider's name.
    fn name(&self) -> &'static str;

    /// It goes on as this task, and as no other.
    fn carried(&self, by: AbortHandle);

    /// It ends with this error.
    fn fail(&self, error: Error);

    /// It was moved to another home before it began.
    fn moved(&self, blocked_by: Option<&'static str>);

    /// Nobody polls it any more: it is to be made anew. `paced`: at the pace of other calls, else at once.
    fn orphan(&self, blocked_by: Option<&'static str>, paced: bool);

    /// Its home was set aside: told to one call of each agent that has no timers there.
    fn home_blocked(&self, by: Option<&'static str>);
}

/// What a call does in the end, once its user's code has run.
pub(crate) type Landing = Box<dyn FnOnce() + Send>;

/// A call's work: a user's code, polled in a home.
pub(crate) type Work = Pin<Box<dyn Future<Output = Landing> + Send>>;

/// A call's work, and the mark that it is under way.
pub(crate) struct Load {
    pub(super) work: Work,
    pub(super) ticket: Ticket,
}

impl Load {
    pub(crate) fn new(work: Work, ticket: Ticket) -> Self {
        Self { work, ticket }
    }
}
