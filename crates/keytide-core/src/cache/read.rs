//! Synchronous reads: one load and one coarse clock while a lease covers the credential, a judgement otherwise.

use std::sync::Arc;
use std::time::Duration;

use super::Cache;
use crate::credential::Credential;
use crate::error::Error;

impl Cache {
    /// Reads the credential where it stands, without waiting.
    ///
    /// The closure sees one whole credential. It should be short: while it runs, that generation is not wiped.
    ///
    /// # Errors
    /// [`Empty`](crate::ErrorKind::Empty), [`Expired`](crate::ErrorKind::Expired), [`Invalidated`](crate::ErrorKind::Invalidated): the
    /// issuer is being asked, read again or wait with [`get`](Self::get). [`Revoked`](crate::ErrorKind::Revoked),
    /// [`ShutDown`](crate::ErrorKind::ShutDown), [`ForeignInstance`](crate::ErrorKind::ForeignInstance): final.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// # cache.get_blocking(Duration::from_secs(10))?;
    /// let left = cache.read(|credential| credential.remaining())?;
    /// assert!(left > Duration::from_secs(3500));
    /// # Ok::<(), keytide_core::Error>(())
    /// ```
    #[inline]
    pub fn read<R>(&self, read: impl FnOnce(&Credential) -> R) -> Result<R, Error> {
        let borrowed = self.shared.slot.load();
        match borrowed.get() {
            Some(credential) if credential.leased() => Ok(read(credential)),
            other => {
                self.shared.slow_read(other, Duration::ZERO)?;
                other.map(read).ok_or_else(|| self.shared.absent())
            }
        }
    }

    /// The credential, owned, without waiting. It stays readable after a rotation, until it is dropped.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// use keytide_core::ErrorKind;
    ///
    /// // The first read starts the first call, and does not wait for it.
    /// assert_eq!(cache.try_get().unwrap_err().kind(), ErrorKind::Empty);
    ///
    /// cache.get_blocking(Duration::from_secs(10))?;
    /// assert_eq!(cache.try_get()?.generation(), 1);
    /// # Ok::<(), keytide_core::Error>(())
    /// ```
    #[inline]
    pub fn try_get(&self) -> Result<Arc<Credential>, Error> {
        let borrowed = self.shared.slot.load();
        if !borrowed.get().is_some_and(Credential::leased) {
            self.shared.slow_read(borrowed.get(), Duration::ZERO)?;
        }
        borrowed.into_owned().ok_or_else(|| self.shared.absent())
    }
}
