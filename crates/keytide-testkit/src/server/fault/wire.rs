//! Faults of connections, and of how an answer is sent.

use std::time::Duration;

use super::{At, Fault, UNUSABLE, What};
use crate::outcome::Outcome;
#[cfg(feature = "tls")]
use crate::server::tls::TlsFault;

impl Fault {
    /// No fault: the good answer, as an item of a script.
    #[must_use]
    pub fn none() -> Self {
        Self::of("none", What::Nothing, Outcome::Credential)
    }

    /// The whole answer comes this much later. [`Outcome::Either`]: it depends on the client's patience.
    #[must_use]
    pub fn slow(by: Duration) -> Self {
        Self::of("slow", What::Slow(by), Outcome::Either)
    }

    /// The good answer, a byte at a time with this pause between. [`Outcome::Either`], as with [`slow`](Self::slow).
    #[must_use]
    pub fn dribble(pause: Duration) -> Self {
        Self::of("dribble", What::Dribble(pause), Outcome::Either)
    }

    /// Nothing more is sent from this point on; the connection stays open until the client closes it.
    #[must_use]
    pub fn hang(at: At) -> Self {
        Self::of(at.name("hang"), What::Hang(at), UNUSABLE)
    }

    /// The connection is reset (TCP RST) at this point.
    #[must_use]
    pub fn reset(at: At) -> Self {
        Self::of(at.name("reset"), What::Reset(at), UNUSABLE)
    }

    /// The body ends before its `Content-Length`.
    #[must_use]
    pub fn truncated() -> Self {
        Self::of("truncated", What::Truncated, UNUSABLE)
    }

    /// A chunked body ends without its last chunk.
    #[must_use]
    pub fn unfinished_chunks() -> Self {
        Self::of("chunked-unfinished", What::ChunksEnd, UNUSABLE)
    }

    /// A chunked body whose second chunk has no size.
    #[must_use]
    pub fn malformed_chunk() -> Self {
        Self::of("chunked-malformed", What::ChunkMalformed, UNUSABLE)
    }

    /// The good body, then spaces without end and without a `Content-Length`. For JSON it would be a good answer, if
    /// it ended.
    #[must_use]
    pub fn endless_body() -> Self {
        Self::of("endless-body", What::Endless { length: None }, UNUSABLE)
    }

    /// The same with a `Content-Length` of 10 GB.
    #[must_use]
    pub fn huge_body() -> Self {
        let length = Some(10_000_000_000);
        Self::of("huge-body", What::Endless { length }, UNUSABLE)
    }

    /// A gzip body of about half a MiB that holds the good body and 512 MiB of spaces. Sent whether the client said
    /// that it takes gzip or not.
    #[must_use]
    pub fn gzip_bomb() -> Self {
        Self::of("gzip-bomb", What::GzipBomb, UNUSABLE)
    }

    /// The good answer, with one header of 256 KiB.
    #[must_use]
    pub fn long_header() -> Self {
        Self::of("long-header", What::LongHeader, UNUSABLE)
    }

    /// The good answer, with 5,000 headers: 150 KiB.
    #[must_use]
    pub fn many_headers() -> Self {
        Self::of("many-headers", What::ManyHeaders, UNUSABLE)
    }

    /// Headers without end.
    #[must_use]
    pub fn endless_headers() -> Self {
        Self::of("endless-headers", What::EndlessHeaders, UNUSABLE)
    }

    /// Two informational answers (`100`, `103`) before the good one.
    #[must_use]
    pub fn informational() -> Self {
        Self::of("informational", What::Informational, Outcome::Credential)
    }

    /// The good answer by HTTP/1.0, whose body ends with the connection.
    #[must_use]
    pub fn http10() -> Self {
        Self::of("http-1.0", What::Http10, Outcome::Credential)
    }

    /// The good answer on a connection that the server says it keeps, and closes without a word when the next request
    /// on it comes. A new connection gets the good answer again.
    #[must_use]
    pub fn closed_keep_alive() -> Self {
        Self::of("keep-alive-closed", What::ClosedKeepAlive, Outcome::Either)
    }

    /// The handshake goes wrong. For servers started with [`start_tls`](crate::server::FaultServer::start_tls).
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn tls(fault: TlsFault) -> Self {
        Self::of(fault.name(), What::Tls(fault), UNUSABLE)
    }
}

impl At {
    fn name(self, what: &str) -> String {
        let at = match self {
            Self::Accept => "at-accept",
            Self::BeforeHeaders => "before-headers",
            Self::InHeaders => "in-headers",
            Self::AfterHeaders => "after-headers",
            Self::InBody => "in-body",
        };
        format!("{what}-{at}")
    }
}
