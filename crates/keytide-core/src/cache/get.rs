//! Reads that wait for the issuer where there is nothing to serve: [`Cache::get`] and its relatives.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Cache;
use crate::credential::Credential;
use crate::engine::ask::Limit;
use crate::engine::machine::Want;
use crate::engine::obtain::Attempt;
use crate::error::Error;
use crate::sync::slot::Borrowed;

impl Cache {
    /// The credential, owned. Ready at once while there is a usable one; else waits for the issuer, for at most as
    /// long as one call may take ([`flight_limit`](crate::CacheBuilder::flight_limit)), the wait for a place at the issuer
    /// included. It is told of the first failure: state a patience ([`need`](Self::need)) to wait through what may
    /// pass. Where what is current was invalidated within the minimum interval (1 s unless set) of the last call
    /// that was forced so, it waits for the rest of that first.
    ///
    /// Needs no runtime of its own, and may be dropped at any point: the call goes on for others.
    ///
    /// # Errors
    /// What the issuer's failure was ([`Unavailable`](crate::ErrorKind::Unavailable) and the like), shared by all who waited,
    /// and at once while backing off; or [`Revoked`](crate::ErrorKind::Revoked), [`ShutDown`](crate::ErrorKind::ShutDown),
    /// [`ForeignInstance`](crate::ErrorKind::ForeignInstance).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keytide_core::Error> {
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// let credential = cache.get().await?;
    /// assert_eq!(credential.expose_bearer("to look at it")?, b"token-1");
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn get(&self) -> Get<'_> {
        Get {
            cache: self,
            slow: None,
        }
    }

    /// The credential, owned, for programs without a runtime: blocks the thread for at most `patience`, and waits through
    /// failures that may pass, as [`Need::within`](super::Need::within) says. Short for `need().within(patience).blocking()`.
    ///
    /// Not for async code: it blocks. A usable credential is given without blocking.
    ///
    /// # Errors
    /// Those of [`Need::get`](super::Need::get).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// let credential = cache.get_blocking(Duration::from_secs(10))?;
    /// assert_eq!(credential.generation(), 1);
    /// # Ok::<(), keytide_core::Error>(())
    /// ```
    pub fn get_blocking(&self, patience: Duration) -> Result<Arc<Credential>, Error> {
        self.need().within(patience).blocking()
    }

    /// Asks the issuer now, whatever the backoff and whatever is at hand, and waits for its answer. Joins a call that
    /// is under way.
    ///
    /// # Errors
    /// Those of [`get`](Self::get). A credential at hand stays in use.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keytide_core::Error> {
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// assert_eq!(cache.get().await?.generation(), 1);
    /// assert_eq!(cache.refresh_now().await?.generation(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn refresh_now(&self) -> Result<Arc<Credential>, Error> {
        self.shared
            .obtain(
                Want {
                    by_name: true,
                    ..Want::default()
                },
                Limit::OneCall,
            )
            .await
    }
}

/// The future of [`Cache::get`]. It allocates only where it must wait.
#[must_use = "futures do nothing unless polled"]
pub struct Get<'a> {
    cache: &'a Cache,
    slow: Option<Obtaining<'a>>,
}

/// A read that must wait: boxed, so that those that need not stay small.
type Obtaining<'a> = Pin<Box<dyn Future<Output = Result<Arc<Credential>, Error>> + Send + 'a>>;

impl Future for Get<'_> {
    type Output = Result<Arc<Credential>, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.slow.is_some() {
            return self.poll_slow(None, context);
        }
        let borrowed = self.cache.shared.slot.load();
        if borrowed.get().is_some_and(Credential::leased) {
            let credential = borrowed.into_owned();
            return Poll::Ready(credential.ok_or_else(|| self.cache.shared.absent()));
        }
        self.poll_slow(Some(borrowed), context)
    }
}

impl Get<'_> {
    /// `found`: what there is outside any lease, when this is polled for the first time.
    #[cold]
    fn poll_slow(
        &mut self,
        found: Option<Borrowed<Credential>>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Arc<Credential>, Error>> {
        let shared = &self.cache.shared;
        if let Some(borrowed) = found
            && let Some(current) = borrowed.get()
            && current.remaining() > Duration::ZERO
            && shared.slow_read(Some(current), Duration::ZERO).is_ok()
            && let Some(credential) = borrowed.into_owned()
        {
            return Poll::Ready(Ok(credential));
        }
        let pending = match &mut self.slow {
            Some(pending) => pending,
            none => match shared.ask(Want::default(), Limit::OneCall) {
                Attempt::Done(result) => return Poll::Ready(result),
                Attempt::Waits(pending) => none.insert(Box::pin(shared.answer_to(pending))),
            },
        };
        pending.as_mut().poll(context)
    }
}

impl fmt::Debug for Get<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get")
            .field("cache", self.cache)
            .field("waits", &self.slow.is_some())
            .finish()
    }
}
