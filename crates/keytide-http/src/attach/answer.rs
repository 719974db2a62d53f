//! What a destination answered, as an [`Attach`](super::Attach) sees it: [`Answer`].

use http::{HeaderMap, StatusCode};

/// The answer to a request that a credential was attached to.
#[derive(Debug)]
pub struct Answer<'a> {
    origin: &'a str,
    status: StatusCode,
    headers: &'a HeaderMap,
    body: Option<&'a [u8]>,
}

/// What is to be done about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Remedy {
    /// Nothing but what is done about any answer.
    None,
    /// It refuses how the credential was attached (a nonce, a date), not the credential: the request is sent once more
    /// with the same one, if it may be retried and its body can be copied, and nothing is reported to the cache.
    AttachAgain,
}

impl<'a> Answer<'a> {
    /// An answer, for tests of an implementation.
    #[must_use]
    pub fn new(
        origin: &'a str,
        status: StatusCode,
        headers: &'a HeaderMap,
        body: Option<&'a [u8]>,
    ) -> Self {
        Self {
            origin,
            status,
            headers,
            body,
        }
    }

    /// Who answered: scheme, host and port, as [`Outgoing::origin`](super::Outgoing::origin).
    #[must_use]
    pub fn origin(&self) -> &'a str {
        self.origin
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The body of a 400, 401 or 403, if its length was told and is at most 64 KiB; else `None`.
    ///
    /// It is the destination's text: take known codes from it, and never put it into a log or an error.
    #[must_use]
    pub fn body(&self) -> Option<&'a [u8]> {
        self.body
    }
}
