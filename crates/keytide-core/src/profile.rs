//! What a provider states about itself: [`Profile`].

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keytide_fork::PerProcess;

/// What a credential is good for, as far as caching goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialKind {
    /// Whoever bears it may use it. Never served past its expiry.
    BearerToken,
    /// Signs requests and is not sent itself. May be served past its expiry where static stability is on.
    SigningKey,
}

/// What a provider states about itself and its issuer, before it is asked.
///
/// ```
/// use std::time::Duration;
/// use keytide_core::Profile;
///
/// let profile = Profile::bearer("metadata_server")
///     .issuer("http://169.254.169.254")
///     .advisory_window(Duration::from_secs(240));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Profile {
    pub(crate) name: &'static str,
    pub(crate) kind: CredentialKind,
    pub(crate) issuer: Option<Arc<str>>,
    pub(crate) advisory_window: Option<Duration>,
    pub(crate) longest_lifetime: Option<Duration>,
    pub(crate) revocation: Revocation,
    pub(crate) answers_at_once: bool,
    pub(crate) remedy: Option<&'static str>,
    pub(crate) static_input: Option<&'static str>,
}

/// What an issuer can really revoke, and how fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Revocation {
    /// Refused everywhere as soon as the issuer was told.
    Immediate,
    /// Refused everywhere this long after the issuer was told, at the latest.
    Within(Duration),
    /// Accepted until it expires, whatever the issuer is told.
    UntilExpiry,
}

impl Profile {
    /// A provider of bearer tokens. The name stands in events and errors.
    #[must_use]
    pub fn bearer(name: &'static str) -> Self {
        Self::new(name, CredentialKind::BearerToken)
    }

    /// A provider of signing keys. The name stands in events and errors.
    #[must_use]
    pub fn signing_key(name: &'static str) -> Self {
        Self::new(name, CredentialKind::SigningKey)
    }

    /// Names the issuer. Calls of all caches in this process to issuers of one name are bounded together (default:
    /// 10 at a time, most urgent first). Defaults to none: not bounded.
    #[must_use]
    pub fn issuer(mut self, key: impl Into<Arc<str>>) -> Self {
        self.issuer = Some(key.into());
        self
    }

    /// The advisory window that suits this issuer. Defaults to one by lifetime; a window set on the cache wins.
    #[must_use]
    pub fn advisory_window(mut self, window: Duration) -> Self {
        self.advisory_window = Some(window);
        self
    }

    /// The longest lifetime that the issuer gives. A read that asks for more fails without a call. Defaults to
    /// unknown, then learned from its answers.
    #[must_use]
    pub fn longest_lifetime(mut self, lifetime: Duration) -> Self {
        self.longest_lifetime = Some(lifetime);
        self
    }

    /// What the issuer can revoke. Defaults to [`Revocation::UntilExpiry`].
    #[must_use]
    pub fn revocation(mut self, revocation: Revocation) -> Self {
        self.revocation = revocation;
        self
    }

    /// Promises that the first poll of [`provide`](crate::ProvideCredential::provide) never blocks its thread.
    ///
    /// An empty cache is then first asked in its first waiting reader, which pays for no task when the answer is
    /// there at once. Without the promise the reader would be at the mercy of a provider that blocks. Defaults to no.
    #[must_use]
    pub fn answers_at_once(mut self) -> Self {
        self.answers_at_once = true;
        self
    }

    /// What to use instead, for the error that refuses a credential which never expires or lives too long, or a
    /// [`static_input`](Self::static_input).
    #[must_use]
    pub fn remedy(mut self, text: &'static str) -> Self {
        self.remedy = Some(text);
        self
    }

    /// Names a secret that the provider sends to its issuer and that never expires, as `"a client secret"`.
    ///
    /// Such a provider is refused as a static credential is, unless the cache was built with
    /// [`danger_allow_static`](crate::CacheBuilder::danger_allow_static): what it brings back is short-lived, and what
    /// it rests on is not. Defaults to none.
    #[must_use]
    pub fn static_input(mut self, what: &'static str) -> Self {
        self.static_input = Some(what);
        self
    }

    /// One for all caches whose providers state the same: there may be a hundred thousand.
    pub(crate) fn shared(self) -> Arc<Self> {
        static KNOWN: PerProcess<Mutex<HashSet<Arc<Profile>>>> = PerProcess::new();
        let known = KNOWN.get().lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known.get(&self) {
            return Arc::clone(shared);
        }
        if known.len() == known.capacity() {
            known.retain(|profile| Arc::strong_count(profile) > 1);
        }
        let shared = Arc::new(self);
        known.insert(Arc::clone(&shared));
        shared
    }

    fn new(name: &'static str, kind: CredentialKind) -> Self {
        Self {
            name,
            kind,
            issuer: None,
            advisory_window: None,
            longest_lifetime: None,
            revocation: Revocation::UntilExpiry,
            answers_at_once: false,
            remedy: None,
            static_input: None,
        }
    }
}
