//! Reads that wait for the issuer where there is nothing to serve: [`Cache::get`] and its relatives.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::Cache;
use crate::credential::Credential;
use crate::engine::ask::Limit;
use crate::engine::machine::Want;
use crate::engine::obtain::Asked;
use crate::error::{Error, ErrorKind};
use crate::sync::slot::Borrowed;
use crate::sys;

impl Cache {
    /// The credential, owned. Ready at once while there is a usable one; else waits for the issuer, for at most as
    /// long as one call may take ([`flight_limit`](crate::CacheBuilder::flight_limit)), the wait for a place at the issuer
    /// included. It is told of the first failure: state a patience ([`get_within`](Self::get_within)) to wait through what may
    /// pass. Where what is current was invalidated within the floor (1 s unless set) of the last call
    /// that was forced so, it waits for the rest of that first.
    ///
    /// Needs no runtime of its own, and may be dropped at any point: the call goes on for others.
    ///
    /// # Errors
    /// What the issuer's failure was ([`Unavailable`](ErrorKind::Unavailable) and the like), shared by all who waited,
    /// and at once while backing off; or [`Revoked`](ErrorKind::Revoked), [`ShutDown`](ErrorKind::ShutDown),
    /// [`ForeignInstance`](ErrorKind::ForeignInstance).
    #[inline]
    pub fn get(&self) -> Get<'_> {
        Get {
            cache: self,
            slow: None,
        }
    }

    /// [`get`](Self::get) of a credential that lasts at least `least` longer. The issuer is asked once, if that can
    /// help.
    ///
    /// # Errors
    /// Those of [`get`](Self::get), and [`TooShort`](ErrorKind::TooShort).
    pub async fn get_for(&self, least: Duration) -> Result<Arc<Credential>, Error> {
        self.shared
            .obtain(
                Want {
                    least,
                    ..Want::default()
                },
                Limit::OneCall,
            )
            .await
    }

    /// [`get_for`](Self::get_for) by a reader that states its patience: it waits through failures that may pass
    /// ([`Unavailable`](ErrorKind::Unavailable), [`Throttled`](ErrorKind::Throttled)), and has the issuer asked again at the pace
    /// of the backoff, for as long as another attempt fits; not for more life than what is at hand has left. `Duration::ZERO` for `least` asks for any usable credential.
    ///
    /// # Errors
    /// At once what cannot pass: those of [`get_for`](Self::get_for) but for the two above. Where the next attempt does not fit
    /// into what is left of the patience: the failure, with when that attempt is as its
    /// [`retry_after`](Error::retry_after). [`TimedOut`](ErrorKind::TimedOut) when the patience ends during a call, which goes on
    /// for others.
    pub async fn get_within(
        &self,
        patience: Duration,
        least: Duration,
    ) -> Result<Arc<Credential>, Error> {
        self.shared
            .obtain(
                Want {
                    least,
                    ..Want::default()
                },
                Limit::Patience(patience),
            )
            .await
    }

    /// The credential, owned, for programs without a runtime: blocks the thread for at most `patience`, and waits through
    /// failures that may pass as [`get_within`](Self::get_within) does.
    ///
    /// Not for async code: it blocks. A usable credential is given without blocking.
    ///
    /// # Errors
    /// Those of [`get_within`](Self::get_within).
    pub fn get_blocking(&self, patience: Duration) -> Result<Arc<Credential>, Error> {
        let borrowed = self.shared.slot.load();
        if borrowed.get().is_some_and(Credential::leased)
            && let Some(credential) = borrowed.into_owned()
        {
            return Ok(credential);
        }
        self.get_blocking_for(patience, Duration::ZERO)
    }

    /// [`get_blocking`](Self::get_blocking) of a credential that lasts at least `least` longer.
    ///
    /// # Errors
    /// Those of [`get_within`](Self::get_within).
    pub fn get_blocking_for(
        &self,
        patience: Duration,
        least: Duration,
    ) -> Result<Arc<Credential>, Error> {
        let deadline = sys::monotonic().checked_add(patience);
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut asking = std::pin::pin!(self.shared.obtain(
            Want {
                least,
                ..Want::default()
            },
            Limit::OwnThread(patience),
        ));
        loop {
            if let Poll::Ready(result) = asking.as_mut().poll(&mut context) {
                return result;
            }
            let left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(sys::monotonic()),
                None => Duration::from_secs(3600),
            };
            if left.is_zero() {
                let message = format!("no credential within {patience:?}; the refresh goes on");
                return Err(self.shared.error(ErrorKind::TimedOut, &message));
            }
            std::thread::park_timeout(left);
        }
    }

    /// Asks the issuer now, whatever the backoff and whatever is at hand, and waits for its answer. Joins a call that
    /// is under way.
    ///
    /// # Errors
    /// Those of [`get`](Self::get). A credential at hand stays in use.
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
        let asking = match &mut self.slow {
            Some(asking) => asking,
            none => match shared.ask(Want::default(), Limit::OneCall) {
                Asked::Done(result) => return Poll::Ready(result),
                Asked::Waits(asking) => none.insert(Box::pin(shared.answer_to(asking))),
            },
        };
        asking.as_mut().poll(context)
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

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
