//! What goes wrong: [`Fault`].

mod all;
mod answers;
mod wire;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::field::{Change, Field};
use super::good::Good;
use super::reply::Reply;
#[cfg(feature = "tls")]
use super::tls::TlsFault;
use crate::outcome::Outcome;

/// One way in which an issuer's answer goes wrong. Each has a stable [`name`](Self::name), for tables and for choosing
/// one by name; [`Fault::all`] lists them.
///
/// ```
/// use std::time::Duration;
/// use keytide_testkit::server::{At, Fault};
///
/// assert_eq!(Fault::reset(At::InBody).name(), "reset-in-body");
/// assert_eq!(Fault::status(429).retry_after("120").name(), "429-retry-after");
/// assert!(Fault::all().len() > 80);
/// assert!(Fault::named("gzip-bomb").is_some());
/// ```
///
/// Every body that a fault sends holds the server's [body canary](super::FaultServer::body_canary), wherever the
/// fault leaves room for it: what is found of it in an error or a log has come from a body.
#[derive(Clone)]
pub struct Fault {
    name: Cow<'static, str>,
    pub(super) what: What,
    outcome: Outcome,
}

/// Where in a connection something goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum At {
    /// Before anything was read. Over TLS: in place of the handshake.
    Accept,
    /// The whole request was read, nothing was answered.
    BeforeHeaders,
    /// Half of the headers was sent.
    InHeaders,
    /// The headers were sent.
    AfterHeaders,
    /// Half of the body was sent.
    InBody,
}

#[derive(Clone)]
pub(super) enum What {
    Nothing,
    Slow(Duration),
    Dribble(Duration),
    Hang(At),
    Reset(At),
    Truncated,
    ChunksEnd,
    ChunkMalformed,
    Endless {
        length: Option<u64>,
    },
    GzipBomb,
    LongHeader,
    ManyHeaders,
    EndlessHeaders,
    Informational,
    Http10,
    ClosedKeepAlive,
    RedirectInCircle,
    Date(Shown),
    ContentType(&'static str),
    Body(fn(Vec<u8>, &str) -> Vec<u8>),
    Answer(Reply),
    Field(Field, Change),
    #[cfg(feature = "tls")]
    Tls(TlsFault),
}

/// What the `Date` header shows.
#[derive(Clone)]
pub(super) enum Shown {
    /// The server's time, so many seconds off.
    Off(i64),
    Text(String),
    Nothing,
}

impl Fault {
    /// The same fault under another name.
    #[must_use]
    pub fn called(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The same fault, with another idea of what a client should make of it.
    #[must_use]
    pub fn expecting(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// Its name: lower case, digits and hyphens.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a client should make of it.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Whether the client gets no end of an answer within any patience, so that only its own time limit ends the
    /// call.
    #[must_use]
    pub fn outlasts_patience(&self) -> bool {
        match &self.what {
            What::Hang(_) => true,
            #[cfg(feature = "tls")]
            What::Tls(fault) => *fault == TlsFault::Hangs,
            _ => false,
        }
    }

    /// How long the answer asks to be left alone, for one that says so by its status: `Some(None)` where it gives no
    /// time, or none that means anything. `None` for other faults, and where clients may differ.
    #[must_use]
    pub fn asks_for(&self) -> Option<Option<Duration>> {
        match &self.what {
            What::Answer(reply) if reply.status == 429 => reply.retry_after(),
            _ => None,
        }
    }

    /// Why this fault cannot be shown by a server with this good answer; `None` when it can.
    #[must_use]
    pub fn not_applicable(&self, good: &Good, tls: bool) -> Option<String> {
        match &self.what {
            What::Field(field, _) if !good.has(*field) => {
                Some(format!("the good answer names no {} field", field.name()))
            }
            #[cfg(feature = "tls")]
            What::Tls(_) if !tls => Some("the server speaks no TLS".to_owned()),
            _ => {
                let _ = tls;
                None
            }
        }
    }

    /// Whether it happens before a request was read.
    pub(super) fn at_accept(&self) -> bool {
        match &self.what {
            What::Hang(At::Accept) | What::Reset(At::Accept) => true,
            #[cfg(feature = "tls")]
            What::Tls(_) => true,
            _ => false,
        }
    }

    pub(super) fn of(name: impl Into<Cow<'static, str>>, what: What, outcome: Outcome) -> Self {
        Self {
            name: name.into(),
            what,
            outcome,
        }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fault").field(&self.name).finish()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}
