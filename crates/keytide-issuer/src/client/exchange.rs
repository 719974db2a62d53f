//! An answer for an SDK that reads it itself: [`Exchange`].

use std::fmt;
use std::time::SystemTime;

use http::{HeaderMap, StatusCode};
use keytide_core::RetryAfter;

use super::answer::Reply;
use super::wiped::Wiped;

/// An answer of any status, whole and unread, for the HTTP connector of an SDK: the guards of the client have held it,
/// and nothing of it was judged.
pub struct Exchange {
    reply: Reply,
    date: Option<SystemTime>,
}

impl Exchange {
    pub(super) fn new(reply: Reply, date: Option<SystemTime>) -> Self {
        Self { reply, date }
    }

    /// The `Date` of the answer, where it came over TLS or loopback: for
    /// [`Request::saw_issuer_clock`](keytide_core::Request::saw_issuer_clock).
    #[must_use]
    pub fn date(&self) -> Option<SystemTime> {
        self.date
    }

    /// How long the issuer asks to be left alone, by its `Retry-After`.
    #[must_use]
    pub fn retry_after(&self) -> Option<RetryAfter> {
        self.reply.retry_after()
    }

    /// Status, headers and body. The body may hold a secret: it is wiped with its buffer, and a body of a failure that is
    /// larger than 64 KiB is empty.
    #[must_use]
    pub fn into_parts(self) -> (StatusCode, HeaderMap, Wiped) {
        self.reply.into_parts()
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("reply", &self.reply)
            .field("date", &self.date)
            .finish()
    }
}
