//! A published credential: [`Credential`], whole and immutable but for its lease.

mod attributes;
pub(crate) mod fit;
mod held;
mod lease;
pub(crate) mod secret;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

pub(crate) use self::attributes::Attributes;
pub(crate) use self::held::{Ends, Held, Plan, Verdict};
use self::lease::NO_LEASE;
pub(crate) use self::lease::grant;
use self::secret::{Buffer, Secret, SharedSecret};
use crate::context::Context;
use crate::error::Error;
use crate::event::EventKind;
use crate::profile::CredentialKind;
use crate::sys;
use crate::sys::time::{Now, Wall, nanos};

/// A secret and when its issuer stops accepting it, as one generation of a cache.
///
/// Readers borrow it or hold it in an `Arc`; nothing in it changes after it was published.
pub struct Credential {
    /// Until when, by the coarse wall clock, a read may serve this without looking at anything else. A hint: what it
    /// lets through was judged at most a second ago.
    lease: AtomicU64,
    /// Reads served past its expiry since the last event of it.
    pub(crate) past_expiry: AtomicU32,
    /// Whether some destination refused it: a hint that sends readers for a destination to the list.
    rejected: AtomicBool,
    /// Where the secret begins in its buffer: kept apart, for there may be a hundred thousand of these.
    start: u8,
    buffer: Buffer,
    pub(crate) held: Held,
    extra: Option<Box<Extra>>,
    pub(crate) context: Arc<Context>,
}

/// A signing key in the open, borrowed from its credential: it never leaves a process, but for the session token, which
/// goes with each signature.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct ExposedKey<'a> {
    /// The public id, such as AWS's access key id.
    pub key_id: &'a str,
    /// What signs.
    pub secret: &'a [u8],
    /// What the issuer wants beside a signature, if anything.
    pub session_token: Option<&'a [u8]>,
}

/// What plain bearer tokens do without.
struct Extra {
    /// The end as the issuer said it, where ours differs.
    expires_at: Option<SystemTime>,
    principal: Option<Arc<str>>,
    attributes: Attributes,
    signing: Option<Box<Signing>>,
    revoke: Option<RevokeAt>,
}

/// What belongs to a signing key beside its secret.
pub(crate) struct Signing {
    pub(crate) key_id: String,
    pub(crate) session_token: Option<Secret>,
}

/// The issuer being told.
pub(crate) type RevokeFuture = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;
pub(crate) type RevokeAt = Box<dyn Fn(Arc<Credential>) -> RevokeFuture + Send + Sync>;

/// The parts of a credential that the cache decides on.
pub(crate) struct Parts {
    pub(crate) held: Held,
    pub(crate) secret: Secret,
    pub(crate) signing: Option<Box<Signing>>,
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) principal: Option<Arc<str>>,
    pub(crate) attributes: Attributes,
    pub(crate) context: Arc<Context>,
    pub(crate) revoke: Option<RevokeAt>,
}

impl Credential {
    pub(crate) fn new(parts: Parts) -> Self {
        let ours = parts.held.ends.wall;
        let expires_at = parts
            .expires_at
            .filter(|told| ours == Wall::FAR || Wall::from(*told) != ours);
        let plain = expires_at.is_none()
            && parts.principal.is_none()
            && parts.attributes.is_empty()
            && parts.signing.is_none()
            && parts.revoke.is_none();
        let extra = (!plain).then(|| {
            Box::new(Extra {
                expires_at,
                principal: parts.principal,
                attributes: parts.attributes,
                signing: parts.signing,
                revoke: parts.revoke,
            })
        });
        let (buffer, start) = parts.secret.into_parts();
        Self {
            lease: AtomicU64::new(NO_LEASE),
            past_expiry: AtomicU32::new(0),
            rejected: AtomicBool::new(false),
            start,
            buffer,
            held: parts.held,
            extra,
            context: parts.context,
        }
    }

    /// What it is good for.
    #[must_use]
    pub fn kind(&self) -> CredentialKind {
        self.held.kind
    }

    /// Its number in its cache: grows with every published credential, from 1.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.held.generation
    }

    /// When the issuer stops accepting it, as the issuer said it (or the moment of sending plus the lifetime that it
    /// said). `None` for a static credential, which never expires.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        let told = self.extra.as_ref().and_then(|extra| extra.expires_at);
        told.or_else(|| {
            (self.held.ends.wall != Wall::FAR)
                .then(|| self.held.ends.wall.system())
                .flatten()
        })
    }

    /// How much life is left by the stricter of the two clocks. Zero once expired; `Duration::MAX` for a static
    /// credential.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.remaining_at(self.context.clock.now_of_reader())
    }

    /// How long it lasted when it was received; `Duration::MAX` for a static credential.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.held.lifetime()
    }

    /// Whether at least this much life is left: [`remaining`](Self::remaining), but two clocks are read only where it is
    /// a close thing.
    #[must_use]
    pub fn lasts(&self, least: Duration) -> bool {
        // Inside a lease both clocks agreed on the end a second ago at most.
        let far = self.leased()
            && nanos(least)
                .saturating_add(nanos(LEASE_SLACK))
                .saturating_add(sys::coarse_wall().0)
                < self.held.ends.wall.0;
        far || self.remaining() >= least
    }

    /// Who the issuer says we are, where it says so.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        self.principal_arc().map(AsRef::as_ref)
    }

    /// What its provider said else of it under this name ([`Issued::attribute`](crate::Issued::attribute)).
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.extra.as_ref()?.attributes.get(name)
    }

    /// The public id of a signing key; `None` for a bearer token.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.signing().map(|signing| signing.key_id.as_str())
    }

    /// The bearer token itself. The reason goes into an event: say what it is exposed for, such as `"http header"`.
    ///
    /// # Errors
    /// [`Misconfigured`](crate::ErrorKind::Misconfigured), where this is a signing key: what signs is never sent.
    pub fn expose_bearer(&self, reason: &'static str) -> Result<&[u8], Error> {
        self.expect_kind(CredentialKind::BearerToken)?;
        self.tell_exposed(reason);
        Ok(self.secret())
    }

    /// A share of the bearer token's own buffer, without a copy. An event, like
    /// [`expose_bearer`](Self::expose_bearer).
    ///
    /// # Errors
    /// Those of [`expose_bearer`](Self::expose_bearer).
    pub fn share_bearer(&self, reason: &'static str) -> Result<SharedSecret, Error> {
        self.expect_kind(CredentialKind::BearerToken)?;
        self.tell_exposed(reason);
        Ok(self.buffer.share(self.start))
    }

    /// The parts of the signing key. An event, like [`expose_bearer`](Self::expose_bearer).
    ///
    /// # Errors
    /// [`Misconfigured`](crate::ErrorKind::Misconfigured), where this is a bearer token: nothing can be signed with it.
    pub fn expose_signing_key(&self, reason: &'static str) -> Result<ExposedKey<'_>, Error> {
        self.expect_kind(CredentialKind::SigningKey)?;
        // What is of this kind was made with an id.
        let signing = self.signing().ok_or_else(|| {
            Error::misconfigured("the signing key has no id: its provider made it without one")
        })?;
        self.tell_exposed(reason);
        Ok(ExposedKey {
            key_id: &signing.key_id,
            secret: self.secret(),
            session_token: signing.session_token.as_ref().map(Secret::bytes),
        })
    }

    pub(crate) fn secret(&self) -> &[u8] {
        self.buffer.after(self.start)
    }

    fn expect_kind(&self, wanted: CredentialKind) -> Result<(), Error> {
        self.context.expect_kind(self.kind(), wanted)
    }

    pub(crate) fn principal_arc(&self) -> Option<&Arc<str>> {
        self.extra.as_ref()?.principal.as_ref()
    }

    pub(crate) fn signing(&self) -> Option<&Signing> {
        self.extra.as_ref()?.signing.as_deref()
    }

    pub(crate) fn revoke_at(&self) -> Option<&RevokeAt> {
        self.extra.as_ref()?.revoke.as_ref()
    }

    /// Whether the lease covers this instant: one load, one subtraction, one comparison.
    #[inline]
    pub(crate) fn leased(&self) -> bool {
        lease::covers(self.lease.load(Ordering::Relaxed), sys::coarse_wall())
    }

    pub(crate) fn renew_lease(&self, until: u64) {
        self.lease.store(until, Ordering::Relaxed);
    }

    /// Whether some origin's refusal of it counts.
    pub(crate) fn mark_rejected(&self, rejected: bool) {
        self.rejected.store(rejected, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn maybe_rejected(&self) -> bool {
        self.rejected.load(Ordering::Relaxed)
    }

    pub(crate) fn remaining_at(&self, now: Now) -> Duration {
        self.held.ends.remaining(now)
    }

    fn tell_exposed(&self, reason: &'static str) {
        self.context.emit(
            self.principal_arc(),
            EventKind::Exposed {
                generation: self.generation(),
                reason,
            },
        );
    }
}

/// More than a clock may have moved since a lease was granted.
const LEASE_SLACK: Duration = Duration::from_secs(2);

impl fmt::Debug for ExposedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExposedKey")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("kind", &self.held.kind)
            .field("generation", &self.held.generation)
            .field("expires_at", &self.expires_at())
            .field("principal", &self.principal())
            .field("secret", &format_args!("Secret(***)"))
            .finish_non_exhaustive()
    }
}
