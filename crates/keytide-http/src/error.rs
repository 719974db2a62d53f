//! What went wrong with a request, and whether anything was sent: [`Error`] and [`ErrorKind`].

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::rule::Rule;

/// An error that is one pointer wide, cheap to clone, and says what became of the request.
///
/// It names origins, never a path, a query, a body or a secret. [`Error::kind`] is what to act upon.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    rule: Option<Rule>,
    message: String,
    source: Option<BoxError>,
}

/// What sort of error it is, by what happened to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value given to the builder of the client cannot be used: the message names it.
    InvalidArgument,
    /// A destination is `http` and not on this machine, so the credential would travel in clear text. Name it with
    /// `https`.
    InsecureDestination,
    /// The URL of the request cannot be used: it does not parse, is neither `http` nor `https`, or holds a user name
    /// or a password. Nothing was sent.
    InvalidUrl,
    /// The request is for an origin that is not a destination of this client, or for a method or a path that is not
    /// admitted there. Nothing was sent. [`Error::rule`] tells which.
    Destination,
    /// The request carries a header already that this client sets. Nothing was sent.
    HeaderPresent,
    /// The request could not be built, for a header, a query or a body cannot be written. Nothing was sent.
    Request,
    /// There is no credential for this request, or it cannot be attached. The source, a [`keytide_core::Error`], says
    /// what happens next where there is none. This request, or this hop of it, was not sent.
    Credential,
    /// The patience for a credential, or the time limit of the request, ended before there was one. The refresh goes
    /// on. This request, or this hop of it, was not sent.
    TimedOut,
    /// The credential that a stream was opened with was revoked: close the stream.
    Revoked,
    /// The destination answered with a redirect that is not followed: it leads to where the credential may not go, or
    /// is one too many. What was asked of the destination before that did happen.
    Redirect,
    /// The HTTP client failed: no connection, a broken one, or a time limit. The source, a `reqwest::Error` without its
    /// URL, tells which. Whether the destination has seen the request is not known.
    Transport,
}

/// Any error, as a `tower` service passes it on.
pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

impl Error {
    /// What sort of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The rule by which the request was refused; `None` if it was not refused by a rule.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        self.0.rule
    }

    #[cfg(feature = "reqwest")]
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// An error of an [`Attach`](crate::Attach): the credential, or this request, does not fit it. Of kind
    /// [`Credential`](ErrorKind::Credential).
    ///
    /// The reason is one lower-case clause and holds no secret.
    #[must_use]
    pub fn cannot_attach(reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::Credential, reason)
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::whole(kind, None, message.into(), None)
    }

    pub(crate) fn caused_by(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<BoxError>,
    ) -> Self {
        Self::whole(kind, None, message.into(), Some(source.into()))
    }

    /// A request that a rule forbids.
    pub(crate) fn refused(kind: ErrorKind, rule: Rule, message: impl Into<String>) -> Self {
        Self::whole(kind, Some(rule), message.into(), None)
    }

    /// A URL that cannot be read.
    #[cfg(feature = "reqwest")]
    pub(crate) fn unreadable(source: impl Into<BoxError>) -> Self {
        let message = "the URL of the request does not parse".to_owned();
        Self::whole(
            ErrorKind::InvalidUrl,
            Some(Rule::Url),
            message,
            Some(source.into()),
        )
    }

    fn whole(
        kind: ErrorKind,
        rule: Option<Rule>,
        message: String,
        source: Option<BoxError>,
    ) -> Self {
        Self(Arc::new(Inner {
            kind,
            rule,
            message,
            source,
        }))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    #[cfg(any(feature = "reqwest", feature = "tower"))]
    pub(crate) fn credential(source: keytide_core::Error) -> Self {
        if source.kind() == keytide_core::ErrorKind::TimedOut {
            let message = "there was no credential for the request in time; the refresh goes on";
            return Self::caused_by(ErrorKind::TimedOut, message, source);
        }
        Self::caused_by(
            ErrorKind::Credential,
            "there is no credential for the request",
            source,
        )
    }

    /// The URL is taken off: its query may hold what nobody else should read.
    #[cfg(feature = "reqwest")]
    pub(crate) fn transport(origin: &str, source: reqwest::Error) -> Self {
        let message = format!("the request to {origin} failed");
        Self::caused_by(ErrorKind::Transport, message, source.without_url())
    }
}

/// The credential does not fit how it is to be attached: what [`Attach::prepare`](crate::Attach::prepare) passes on of
/// [`Credential::expose_bearer`](keytide_core::Credential::expose_bearer) and its like.
impl From<keytide_core::Error> for Error {
    fn from(source: keytide_core::Error) -> Self {
        Self::cannot_attach(source.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match self.0.rule {
            Some(rule) => write!(f, " (rule: {rule})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("rule", &self.0.rule)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
