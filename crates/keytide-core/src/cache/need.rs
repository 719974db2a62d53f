//! What a read wants beyond any usable credential: [`Need`].

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::Cache;
use crate::credential::Credential;
use crate::engine::ask::Limit;
use crate::engine::machine::Want;
use crate::error::text::bounded;
use crate::error::{Error, ErrorKind};
use crate::sync::slot::Borrowed;
use crate::sys;

impl Cache {
    /// A read that wants more than any usable credential, or says for how long it waits.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keytide_core::Error> {
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// let minute = Duration::from_secs(60);
    /// let for_an_upload = cache.need().lasting(10 * minute).within(minute).get().await?;
    /// assert!(for_an_upload.remaining() >= 10 * minute);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn need(&self) -> Need<'_> {
        Need {
            cache: self,
            origin: None,
            lasting: Duration::ZERO,
            within: None,
        }
    }
}

/// A read that says what it wants, and how long it waits for that: made by [`Cache::need`].
#[derive(Clone, Copy)]
#[must_use = "a need reads nothing until it is told how"]
pub struct Need<'a> {
    cache: &'a Cache,
    /// Where the credential is to be sent.
    pub(super) origin: Option<&'a str>,
    lasting: Duration,
    within: Option<Duration>,
}

impl Need<'_> {
    /// The credential must last at least this much longer. The issuer is asked for a longer one once, if that can help.
    /// Defaults to any that is usable.
    pub fn lasting(mut self, least: Duration) -> Self {
        self.lasting = least;
        self
    }

    /// How long the reader waits. Such a reader has patience: it waits through failures that may pass
    /// ([`Unavailable`](ErrorKind::Unavailable), [`Throttled`](ErrorKind::Throttled)), and has the issuer asked again at the pace of
    /// the backoff, for as long as another attempt fits; but not for more life than what is at hand has left. Defaults to
    /// one call of the issuer, whose failure is told at once.
    pub fn within(mut self, patience: Duration) -> Self {
        self.within = Some(patience);
        self
    }

    /// Reads it where it stands, without waiting: see [`Cache::read`].
    ///
    /// # Errors
    /// Those of [`Cache::read`], and [`TooShort`](ErrorKind::TooShort): the issuer is being asked, if that can help. For an origin
    /// also [`Rejected`](ErrorKind::Rejected).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// # cache.get_blocking(Duration::from_secs(5))?;
    /// let minute = Duration::from_secs(60);
    /// let length = cache.need().lasting(minute).read(|credential| credential.expose_bearer("to measure it").map(<[u8]>::len))?;
    /// # assert_eq!(length?, 7);
    /// # Ok::<(), keytide_core::Error>(())
    /// ```
    #[inline]
    pub fn read<R>(self, read: impl FnOnce(&Credential) -> R) -> Result<R, Error> {
        let borrowed = self.borrow()?;
        let found = borrowed.get().map(read);
        found.ok_or_else(|| self.cache.shared.absent())
    }

    /// The credential, owned, without waiting: see [`Cache::try_get`].
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// # cache.get_blocking(Duration::from_secs(5))?;
    /// let minute = Duration::from_secs(60);
    /// assert!(cache.need().lasting(minute).try_get().is_ok());
    /// # Ok::<(), keytide_core::Error>(())
    /// ```
    #[inline]
    pub fn try_get(self) -> Result<Arc<Credential>, Error> {
        let owned = self.borrow()?.into_owned();
        owned.ok_or_else(|| self.cache.shared.absent())
    }

    /// The credential, owned; waited for where what is at hand does not do.
    ///
    /// # Errors
    /// Those of [`Cache::get`], and [`TooShort`](ErrorKind::TooShort); for an origin also [`Rejected`](ErrorKind::Rejected).
    /// Of a reader with [patience](Self::within): at once what cannot pass; where the next attempt does not fit into what is left,
    /// the failure, with when that attempt is as its [`retry_after`](Error::retry_after); and
    /// [`TimedOut`](ErrorKind::TimedOut) when the patience ends during a call, which goes on for others.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keytide_core::Error> {
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// // Rides out an issuer that is down for a moment.
    /// let credential = cache.need().within(Duration::from_secs(30)).get().await?;
    /// # assert_eq!(credential.generation(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get(self) -> Result<Arc<Credential>, Error> {
        if let Some(credential) = self.at_hand() {
            return Ok(credential);
        }
        let origin = self.origin.map(bounded);
        let limit = self.within.map_or(Limit::OneCall, Limit::Patience);
        let want = self.want(origin.as_deref());
        self.cache.shared.obtain(want, limit).await
    }

    /// The same for programs without a runtime: blocks the thread while it waits.
    ///
    /// Not for async code: it blocks. A credential that does is given without blocking.
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// let minute = Duration::from_secs(60);
    /// let credential = cache.need().lasting(minute).within(minute).blocking()?;
    /// # assert_eq!(credential.generation(), 1);
    /// # Ok::<(), keytide_core::Error>(())
    /// ```
    pub fn blocking(self) -> Result<Arc<Credential>, Error> {
        if let Some(credential) = self.at_hand() {
            return Ok(credential);
        }
        let shared = &self.cache.shared;
        let deadline = self
            .within
            .and_then(|patience| sys::monotonic().checked_add(patience));
        let origin = self.origin.map(bounded);
        let limit = self.within.map_or(Limit::OneCall, Limit::OwnThread);
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut asking = std::pin::pin!(shared.obtain(self.want(origin.as_deref()), limit));
        loop {
            if let Poll::Ready(result) = asking.as_mut().poll(&mut context) {
                return result;
            }
            let left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(sys::monotonic()),
                None => Duration::from_secs(3600),
            };
            if left.is_zero() {
                let patience = self.within.unwrap_or_default();
                let message = format!("no credential within {patience:?}; the refresh goes on");
                return Err(shared.error(ErrorKind::TimedOut, &message));
            }
            std::thread::park_timeout(left);
        }
    }

    /// What is current, if it does.
    #[inline]
    fn borrow(&self) -> Result<Borrowed<Credential>, Error> {
        let shared = &self.cache.shared;
        let borrowed = shared.slot.load();
        if !borrowed.get().is_some_and(|found| self.is_sure(found)) {
            match self.origin {
                None => shared.slow_read(borrowed.get(), self.lasting)?,
                Some(origin) => {
                    shared.slow_read_for_origin(borrowed.get(), origin, self.lasting)?
                }
            }
        }
        Ok(borrowed)
    }

    /// What is current, if a lease covers it.
    #[inline]
    fn at_hand(&self) -> Option<Arc<Credential>> {
        let borrowed = self.cache.shared.slot.load();
        if borrowed.get().is_some_and(|found| self.is_sure(found)) {
            borrowed.into_owned()
        } else {
            None
        }
    }

    /// Whether it does without a judgement.
    #[inline]
    fn is_sure(&self, found: &Credential) -> bool {
        self.lasting.is_zero()
            && found.leased()
            && (self.origin.is_none() || !found.maybe_rejected())
    }

    fn want<'o>(&self, origin: Option<&'o str>) -> Want<'o> {
        Want {
            least: self.lasting,
            origin,
            ..Want::default()
        }
    }
}

impl fmt::Debug for Need<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Need")
            .field("cache", self.cache)
            .field("origin", &self.origin)
            .field("lasting", &self.lasting)
            .field("within", &self.within)
            .finish()
    }
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
