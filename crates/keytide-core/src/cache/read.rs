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

    /// [`read`](Self::read) of a credential that lasts at least `least` longer.
    ///
    /// # Errors
    /// Those of [`read`](Self::read), and [`TooShort`](crate::ErrorKind::TooShort): the issuer is being asked, if that can
    /// help.
    pub fn read_for<R>(
        &self,
        least: Duration,
        read: impl FnOnce(&Credential) -> R,
    ) -> Result<R, Error> {
        let borrowed = self.shared.slot.load();
        self.shared.slow_read(borrowed.get(), least)?;
        borrowed.get().map(read).ok_or_else(|| self.shared.absent())
    }

    /// The credential, owned, without waiting. It stays readable after a rotation, until it is dropped.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    #[inline]
    pub fn try_get(&self) -> Result<Arc<Credential>, Error> {
        let borrowed = self.shared.slot.load();
        if !borrowed.get().is_some_and(Credential::leased) {
            self.shared.slow_read(borrowed.get(), Duration::ZERO)?;
        }
        borrowed.into_owned().ok_or_else(|| self.shared.absent())
    }

    /// [`try_get`](Self::try_get) of a credential that lasts at least `least` longer.
    ///
    /// # Errors
    /// Those of [`read_for`](Self::read_for).
    pub fn try_get_for(&self, least: Duration) -> Result<Arc<Credential>, Error> {
        let borrowed = self.shared.slot.load();
        self.shared.slow_read(borrowed.get(), least)?;
        borrowed.into_owned().ok_or_else(|| self.shared.absent())
    }
}
