//! What becomes of the credential of a stream that outlives it: [`StreamWatch`].

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use keytide_core::{Cache, Changes};

use crate::error::{Error, ErrorKind};

/// Follows the credential that a long-lived stream was opened with: server-sent events, a WebSocket, a gRPC stream.
///
/// A stream is judged by its server when it is opened, and mostly never again: a rotation need not end it, a revocation
/// should. The watch tells of both at once, without a timer; it keeps neither the stream nor the cache alive.
///
/// ```no_run
/// # async fn example(http: keytide_http::AuthorizedClient) -> Result<(), Box<dyn std::error::Error>> {
/// let (mut response, mut watch) = http.get("https://api.example.com/events").open().await?;
/// while let Some(chunk) = watch.unless_revoked(response.chunk()).await?? {
///     println!("{} bytes", chunk.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct StreamWatch {
    generation: u64,
    latest: u64,
    changes: Changes,
    revoked: bool,
}

impl StreamWatch {
    pub(crate) fn new(cache: &Cache, generation: u64) -> Self {
        let changes = cache.changes();
        Self {
            generation,
            // Told before the watch began.
            latest: cache.status().generation,
            changes,
            revoked: false,
        }
    }

    /// The generation of the credential that opened the stream.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Waits for a generation that is newer than the stream's, and than the last one told. `None`: there will be none,
    /// for the credential was revoked. May be dropped at any point.
    pub async fn rotated(&mut self) -> Option<u64> {
        loop {
            if self.revoked {
                return None;
            }
            if self.latest > self.generation {
                self.generation = self.latest;
                return Some(self.latest);
            }
            self.next().await;
        }
    }

    /// Waits until the credential is revoked, its agent has ended, or its cache is gone. May be dropped at any point.
    pub async fn revoked(&mut self) {
        while !self.revoked {
            self.next().await;
        }
    }

    /// The output of a future, such as the next piece of the stream, unless the credential is revoked before it is
    /// there: then drop the stream.
    ///
    /// # Errors
    /// [`Revoked`](ErrorKind::Revoked), also where the output would have been ready too.
    pub async fn unless_revoked<F: Future>(&mut self, future: F) -> Result<F::Output, Error> {
        let (mut revoked, mut future) = (pin!(self.revoked()), pin!(future));
        poll_fn(|context| {
            if revoked.as_mut().poll(context).is_ready() {
                let message = "the credential that the stream was opened with was revoked";
                return Poll::Ready(Err(Error::new(ErrorKind::Revoked, message)));
            }
            future.as_mut().poll(context).map(Ok)
        })
        .await
    }

    async fn next(&mut self) {
        match self.changes.next().await {
            Some(generation) => self.latest = self.latest.max(generation),
            None => self.revoked = true,
        }
    }
}

impl fmt::Debug for StreamWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWatch")
            .field("generation", &self.generation)
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}
