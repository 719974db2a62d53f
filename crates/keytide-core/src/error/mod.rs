//! What went wrong and what happens next: [`Error`] and [`ErrorKind`].

mod cut;
pub(crate) mod text;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::error::text::bounded_string;

/// An error that is one pointer wide, cheap to clone (waiters share it), and says what happens next.
///
/// It never holds a response body, a file's content or a secret. A message that a provider gives stands on one line of at
/// most 1 KiB: control characters are escaped, and what is longer is cut. [`Error::kind`] is what to act upon.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    provider: Option<String>,
    message: String,
    retry_after: Option<RetryAfter>,
    until_changed: bool,
    /// It came out of a cache, so that for a provider which reads that cache it is of what it rests on.
    of_cache: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What sort of error it is, by what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The issuer could not be asked, or its answer was unusable. Retried after a backoff; a credential at hand stays
    /// in use until it expires. What is unknown is of this kind.
    Unavailable,
    /// The issuer asks for patience. Retried when it said, within the bounds of the backoff.
    Throttled,
    /// The issuer says no. A credential at hand stays in use until it expires; asked again after 0.5–1 s, doubling to
    /// 5 min, and at once when the provider's input has changed or by
    /// [`Cache::refresh_now`](crate::Cache::refresh_now).
    Refused,
    /// Nothing here configures this provider. A chain goes on to its next provider.
    NotConfigured,
    /// The provider is configured wrongly: the message says what to mend. Ends a chain; asked again like `Refused`.
    Misconfigured,
    /// There is no credential yet. A synchronous read has asked for one; read again, or wait with
    /// [`Cache::get`](crate::Cache::get).
    Empty,
    /// The credential has expired and no newer one came. The source is why. The next demand asks again.
    Expired,
    /// The credential was invalidated and no newer one came. The next demand asks again.
    Invalidated,
    /// This destination refused the credential that is current. It is not sent there again before the issuer was
    /// asked anew.
    Rejected,
    /// The credential was revoked or its agent terminated. Final: build a new cache or agent.
    Revoked,
    /// The agent was shut down, so nothing is refreshed. A credential at hand is served until it expires.
    ShutDown,
    /// The credential does not last as long as this read asked. Ask for less, or for a longer lifetime at the issuer.
    TooShort,
    /// The reader's patience ended first. The refresh goes on without it.
    TimedOut,
    /// The agent belongs to another process: this one was forked from it. Build an agent here.
    ForeignInstance,
    /// The issuer answered for another principal than before. The message names both; it is not served unless it is
    /// listed or adopted by name.
    PrincipalChanged,
    /// A secret that never expires was refused. The message says where it came from.
    StaticCredential,
    /// The credential lives longer than the lifetime policy accepts.
    LifetimeTooLong,
    /// An argument is out of its range: the message names it.
    InvalidArgument,
}

/// How long the issuer asks to be left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryAfter {
    /// This long from the answer on.
    Delay(Duration),
    /// Until this instant of the wall clock.
    At(SystemTime),
}

impl Error {
    /// The issuer could not be asked, or its answer was unusable.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::from_outside(ErrorKind::Unavailable, message)
    }

    /// The issuer asks for patience; `None` when it does not say how long.
    #[must_use]
    pub fn throttled(retry_after: Option<RetryAfter>, message: impl Into<String>) -> Self {
        Self::from_outside(ErrorKind::Throttled, message)
            .edit(|inner| inner.retry_after = retry_after)
    }

    /// The issuer says no.
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self::from_outside(ErrorKind::Refused, message)
    }

    /// Nothing here configures the provider.
    #[must_use]
    pub fn not_configured(message: impl Into<String>) -> Self {
        Self::from_outside(ErrorKind::NotConfigured, message)
    }

    /// The provider is configured wrongly. Say which variable, file or field to mend.
    #[must_use]
    pub fn misconfigured(message: impl Into<String>) -> Self {
        Self::from_outside(ErrorKind::Misconfigured, message)
    }

    /// Adds the cause. Its `Display` must hold no secret and no response body; the message must not repeat it.
    ///
    /// A cause, or what stands behind it, that is over 1 KiB or no single line (a certificate's list of 500 names) is replaced
    /// by its text, cut and on one line.
    #[must_use]
    pub fn caused_by(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = cut::cut(source.into());
        self.edit(|inner| inner.source = Some(source))
    }

    /// Says that asking again is useless until the provider's input has changed: the issuer declared a single-use
    /// input dead, or a new subject token is needed.
    ///
    /// No timer and no read asks again; a [`ChangeNotifier`](crate::ChangeNotifier) or
    /// [`Cache::refresh_now`](crate::Cache::refresh_now) does.
    #[must_use]
    pub fn until_changed(self) -> Self {
        self.edit(|inner| inner.until_changed = true)
    }

    /// What sort of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The provider that failed, when one did.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    /// How long the issuer asked to be left alone, if it said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<RetryAfter> {
        self.0.retry_after
    }

    /// Adds when it is tried again.
    pub(crate) fn retry_at(self, retry_after: RetryAfter) -> Self {
        self.edit(|inner| inner.retry_after = Some(retry_after))
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            provider: None,
            message: message.into(),
            retry_after: None,
            until_changed: false,
            of_cache: false,
            source: None,
        }))
    }

    /// The words of a provider: they may be an issuer's.
    fn from_outside(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::new(kind, bounded_string(message.into()))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// Names the provider, unless the error names one already.
    pub(crate) fn named_after(self, provider: &str) -> Self {
        if self.0.provider.is_some() {
            return self;
        }
        self.edit(|inner| inner.provider = Some(provider.to_owned()))
    }

    /// The error of a call as a cache gives it out.
    pub(crate) fn out_of_cache(self) -> Self {
        self.edit(|inner| inner.of_cache = true)
    }

    /// What a provider failed with. One that rests on a cache whose provider is not configured is configured itself, and
    /// wrongly: a chain must not go on to another principal for it.
    pub(crate) fn of_provider(self) -> Self {
        if self.kind() != ErrorKind::NotConfigured || !self.0.of_cache {
            return self;
        }
        let message = format!("what it rests on is not configured: {self}");
        self.edit(|inner| {
            inner.kind = ErrorKind::Misconfigured;
            inner.provider = None;
            inner.message = message;
            inner.of_cache = false;
        })
    }

    /// The same error with another message.
    pub(crate) fn restated(self, message: String) -> Self {
        self.edit(|inner| inner.message = message)
    }

    pub(crate) fn waits_for_change(&self) -> bool {
        self.0.until_changed
    }

    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether it is the refusal that came before, as far as can be told: the words may hold a time or a request's id.
    pub(crate) fn same_refusal(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.provider() == other.provider()
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        if Arc::get_mut(&mut self.0).is_none() {
            let shared = self.clone();
            self = Self(Arc::new(Inner {
                kind: shared.kind(),
                provider: shared.0.provider.clone(),
                message: shared.0.message.clone(),
                retry_after: shared.0.retry_after,
                until_changed: shared.0.until_changed,
                of_cache: shared.0.of_cache,
                source: shared
                    .source()
                    .map(|_| Box::new(SharedSource(shared.clone())) as _),
            }));
        }
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.provider {
            Some(provider) => write!(f, "{provider}: {}", self.0.message),
            None => f.write_str(&self.0.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("provider", &self.0.provider)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// The source of an error that others hold too: stands in for it without a copy.
struct SharedSource(Error);

impl SharedSource {
    fn inner(&self) -> &(dyn StdError + 'static) {
        self.0.source().unwrap_or(&self.0)
    }
}

impl fmt::Debug for SharedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.inner(), f)
    }
}

impl fmt::Display for SharedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.inner(), f)
    }
}

impl StdError for SharedSource {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner().source()
    }
}
