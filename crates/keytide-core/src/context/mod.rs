//! What every event of one cache carries: [`Context`].

pub(crate) mod key;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::SystemTime;

use crate::context::key::Key;
use crate::error::Error;
use crate::event::{Event, EventKind, Sink};
use crate::identity::{AgentIdentity, InstanceId, Labels};
use crate::profile::{CredentialKind, Profile};
use crate::sync::slot::{Peeked, Swap};
use crate::sys::Process;
use crate::sys::chance::Chance;
use crate::sys::clock::AgentClock;
use crate::sys::time::Now;

/// Who holds a cache and what it is called. Credentials share it, so that an exposure can be attributed.
pub(crate) struct Context {
    pub(crate) actor: Arc<Actor>,
    pub(crate) key: Key,
    /// What the provider stated when the cache was built, or in its last answer: it is never asked again.
    profile: Swap<Profile>,
}

/// The agent as its caches, requests and events know it.
pub(crate) struct Actor {
    pub(crate) identity: Arc<AgentIdentity>,
    pub(crate) labels: Arc<Labels>,
    pub(crate) instance: InstanceId,
    pub(crate) clock: AgentClock,
    pub(crate) chance: Chance,
    pub(crate) sink: Sink,
    process: Process,
}

impl Actor {
    pub(crate) fn new(
        identity: AgentIdentity,
        labels: Labels,
        clock: AgentClock,
        chance: Chance,
        sink: Sink,
    ) -> Self {
        Self {
            identity: Arc::new(identity),
            labels: Arc::new(labels),
            instance: InstanceId::drawn(chance.id()),
            clock,
            chance,
            sink,
            process: Process::this(),
        }
    }

    /// Whether anybody is told of events.
    pub(crate) fn is_observed(&self) -> bool {
        !self.sink.is_empty()
    }

    /// Whether this process was forked from the one that built the agent.
    pub(crate) fn is_foreign(&self) -> bool {
        !self.process.is_this()
    }

    pub(crate) fn emit(
        &self,
        key: Option<&Arc<str>>,
        provider: &str,
        principal: Option<&Arc<str>>,
        kind: EventKind,
    ) {
        if !self.sink.is_empty() {
            self.emit_at(self.clock.now(), key, provider, principal, kind);
        }
    }

    pub(crate) fn emit_at(
        &self,
        now: Now,
        key: Option<&Arc<str>>,
        provider: &str,
        principal: Option<&Arc<str>>,
        kind: EventKind,
    ) {
        if self.sink.is_empty() {
            return;
        }
        self.sink.push(Event {
            identity: Arc::clone(&self.identity),
            instance: self.instance,
            labels: Arc::clone(&self.labels),
            cache: key.cloned(),
            provider: provider.to_owned(),
            principal: principal.cloned(),
            at: now.wall.system().unwrap_or(SystemTime::UNIX_EPOCH),
            kind,
        });
    }
}

impl Context {
    pub(crate) fn new(actor: Arc<Actor>, key: Key, profile: Arc<Profile>) -> Self {
        Self {
            actor,
            key,
            profile: Swap::new(profile),
        }
    }

    pub(crate) fn emit(&self, principal: Option<&Arc<str>>, kind: EventKind) {
        if !self.actor.sink.is_empty() {
            self.emit_at(self.clock.now(), principal, kind);
        }
    }

    /// Under a lock the clock is not read: it may be a user's.
    pub(crate) fn emit_at(&self, now: Now, principal: Option<&Arc<str>>, kind: EventKind) {
        if !self.actor.sink.is_empty() {
            let (key, provider) = (self.key.text(), self.provider_name());
            self.actor
                .emit_at(now, Some(&key), provider, principal, kind);
        }
    }

    pub(crate) fn provider_name(&self) -> &'static str {
        self.profile.load().name
    }

    /// Whether a credential of the kind `is` may stand where `wanted` is meant.
    pub(crate) fn expect_kind(
        &self,
        is: CredentialKind,
        wanted: CredentialKind,
    ) -> Result<(), Error> {
        if is == wanted {
            return Ok(());
        }
        let (holds, remedy) = match is {
            CredentialKind::BearerToken => (
                "holds bearer tokens, and nothing can be signed with one",
                "give one that holds signing keys",
            ),
            CredentialKind::SigningKey => (
                "holds signing keys, which are never sent",
                "give one that holds bearer tokens",
            ),
        };
        Err(Error::misconfigured(format!(
            "the cache {} (of {}) {holds}: {remedy}",
            self.key,
            self.provider_name()
        )))
    }

    /// What the provider states about itself.
    pub(crate) fn profile(&self) -> Arc<Profile> {
        self.profile.load()
    }

    /// The same, for a look.
    pub(crate) fn peek_profile(&self) -> Peeked<Profile> {
        self.profile.peek()
    }

    /// An answer came from a provider that states this.
    pub(crate) fn set_profile(&self, profile: Profile) {
        self.profile.store(profile.shared());
    }
}

impl Deref for Context {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.actor
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("key", &self.key)
            .field("instance", &self.actor.instance)
            .finish_non_exhaustive()
    }
}
