//! A cache as the layer that sends its credentials sees it: [`Sender`].

use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Cache, Need};
use crate::credential::Credential;
use crate::engine::ask::Limit;
use crate::engine::machine::Want;
use crate::error::text::bounded;
use crate::error::{Error, ErrorKind};
use crate::event::EventKind;
use crate::home::deadline::Deadline;

impl Cache {
    /// This cache for a layer that attaches its credentials to requests: reads for one destination, and reports of what
    /// became of a request.
    #[must_use]
    pub fn sender(&self) -> Sender {
        Sender {
            cache: self.clone(),
        }
    }
}

/// Sends the credentials of one cache: what a layer needs that attaches them to requests, and a reader does not.
///
/// A destination is named by its origin, such as `https://api.example.com`. What one of them refuses is kept from it alone.
///
/// ```
/// # use keytide_testkit::{Answer, scripted_cache};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), keytide_core::Error> {
/// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
/// use std::time::Duration;
///
/// let (sender, origin) = (cache.sender(), "https://api.example.com");
/// let first = sender.need(origin).get().await?.generation();
///
/// // … it is sent, and the answer is a 401 …
/// let newer = sender.rejected(first, origin, None, Some(Duration::from_secs(10))).await?;
/// assert!(newer.generation() > first);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Sender {
    cache: Cache,
}

/// A request that was sent with a credential, for observers of uses.
#[derive(Debug, Clone, Copy)]
pub struct UseReport<'a> {
    /// The generation that it was sent with.
    pub generation: u64,
    /// The origin that it was sent to.
    pub destination: &'a str,
    /// Its method.
    pub method: &'a str,
    /// Its path, without the query.
    pub path: &'a str,
    /// The status of the answer, if one came.
    pub status: Option<u16>,
}

impl Sender {
    /// The cache whose credentials are sent.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Reads the credential for one destination, without waiting: [`Cache::read`], but never a generation that this origin
    /// refused and the issuer has not been asked about since.
    ///
    /// # Errors
    /// Those of [`Cache::read`], and [`Rejected`](ErrorKind::Rejected): wait with [`need`](Self::need).
    #[inline]
    pub fn read<R>(&self, origin: &str, read: impl FnOnce(&Credential) -> R) -> Result<R, Error> {
        self.need(origin).read(read)
    }

    /// What a request to this destination wants: [`Cache::need`], but never a generation that this origin refused and the
    /// issuer has not been asked about since.
    #[inline]
    pub fn need<'a>(&'a self, origin: &'a str) -> Need<'a> {
        let mut need = self.cache.need();
        need.origin = Some(origin);
        need
    }

    /// [`Cache::rejected`], with what the origin's challenge demanded, and an end to the reader's patience.
    ///
    /// The claims, a JSON text, are handed to the provider with the calls that this report forces, and with no others:
    /// [`Request::claims`](crate::Request::claims). A call that fails with them sets no pace but this origin's, and readers
    /// for others who waited for it have one made without them.
    ///
    /// # Errors
    /// Those of [`Cache::rejected`], and [`TimedOut`](ErrorKind::TimedOut): the call goes on for others.
    pub fn rejected(
        &self,
        generation: u64,
        origin: &str,
        claims: Option<&str>,
        patience: Option<Duration>,
    ) -> impl Future<Output = Result<Arc<Credential>, Error>> + Send + use<> {
        self.cache.shared.rejected(generation, origin, claims);
        let (cache, origin) = (self.cache.clone(), origin.to_owned());
        async move {
            let want = Want {
                origin: Some(&bounded(&origin)),
                beyond: Some(generation),
                ..Want::default()
            };
            let limit = patience.map_or(Limit::OneCall, Limit::Patience);
            let credential = cache.shared.obtain(want, limit).await?;
            if credential.generation() > generation {
                return Ok(credential);
            }
            let message =
                format!("{origin} refused the credential, and the issuer gave the same one again");
            Err(cache.shared.error(ErrorKind::Rejected, &message))
        }
    }

    /// The agent's wall clock: what goes with a credential is dated by it.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.cache.shared.context.clock.wall()
    }

    /// Ends after so long, by the clock that ends the patience of readers: for waits for a peer, which may not last for ever.
    ///
    /// It needs no timer of the runtime that it is awaited on. Nothing is set before it is polled. Where no thread can be
    /// had that would keep the time, it ends at once.
    pub fn pause(&self, length: Duration) -> impl Future<Output = ()> + Send + use<> {
        let cache = self.cache.clone();
        async move {
            let deadline = Deadline::new(&cache.shared.agent.homes, length);
            poll_fn(|context| deadline.alarm().poll(context.waker())).await;
        }
    }

    /// Whether somebody observes each use: otherwise count them, and tell with [`report_uses`](Self::report_uses).
    #[inline]
    #[must_use]
    pub fn observes_uses(&self) -> bool {
        self.cache.shared.context.sink.wants_uses()
    }

    /// Tells observers of uses that a request was sent with this credential.
    pub fn report_use(&self, used: UseReport<'_>) {
        if self.observes_uses() {
            self.report(EventKind::Used {
                generation: used.generation,
                destination: bounded(used.destination).into_owned(),
                method: bounded(used.method).into_owned(),
                path: bounded(used.path).into_owned(),
                status: used.status,
            });
        }
    }

    /// Tells observers how many requests were sent with this generation.
    pub fn report_uses(&self, generation: u64, uses: u64) {
        self.report(EventKind::UsesCounted { generation, uses });
    }

    /// Tells observers that a request was refused by a rule before it was sent.
    pub fn report_refused(&self, destination: &str, rule: &'static str) {
        self.report(EventKind::Refused {
            destination: bounded(destination).into_owned(),
            rule,
        });
    }

    fn report(&self, kind: EventKind) {
        let shared = &self.cache.shared;
        if !shared.context.sink.is_empty() {
            shared.context.emit(shared.principal().as_ref(), kind);
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("cache", &self.cache)
            .finish()
    }
}
