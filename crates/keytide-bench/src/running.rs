//! A contender that runs, whichever it is: [`Running`], and why it may not: [`Failure`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use crate::issuer::FakeIssuer;
use crate::token::Stamp;

/// Why a read, or the making of a cache, failed.
#[derive(Debug, Clone)]
pub struct Failure(String);

impl Failure {
    /// With the text of an error.
    #[must_use]
    pub fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }

    /// With the text of an error that has no `Display`.
    #[must_use]
    pub fn debug(error: impl fmt::Debug) -> Self {
        Self(format!("{error:?}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// A contender that runs, whichever it is.
pub(crate) trait Running: Send + Sync {
    /// Reads this many times. The loop is on this side of the call, so that a read is inlined as it is for users.
    fn read_many(&self, reads: u64) -> Reading<'_, ()>;

    fn read(&self) -> Reading<'_, Seen>;

    /// Whether a reader with patience was served; `None` where none can be stated.
    fn read_within(&self, patience: Duration) -> Reading<'_, Option<bool>>;

    fn beside(&self, issuer: &FakeIssuer) -> Result<Arc<dyn Running>, Failure>;

    /// Sends this many GETs one after another, each with what was read for it.
    fn get_many<'a>(
        &'a self,
        http: &'a reqwest::Client,
        url: &'a str,
        gets: u64,
    ) -> Reading<'a, ()>;

    /// How many bytes this wrapper takes, which are not the contender's.
    fn wrapper(&self) -> usize;
}

pub(crate) type Reading<'a, R> = Pin<Box<dyn Future<Output = Result<R, Failure>> + Send + 'a>>;

/// What was read, to be looked at once the clock has stopped.
pub(crate) struct Seen(Box<dyn FnOnce() -> Option<HeaderValue> + Send>);

impl Seen {
    pub(crate) fn new(header: impl FnOnce() -> Option<HeaderValue> + Send + 'static) -> Self {
        Self(Box::new(header))
    }

    /// Which token was read; `None` where the read does not tell.
    pub(crate) fn stamp(self) -> Option<Stamp> {
        Stamp::of((self.0)()?.to_str().ok()?)
    }
}
