//! Reads for one destination: never a generation that it refused and the issuer has not been asked about since.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Cache;
use crate::credential::Credential;
use crate::engine::ask::Limit;
use crate::engine::machine::Want;
use crate::error::Error;
use crate::error::text::bounded;

impl Cache {
    /// Reads the credential for one destination, without waiting: [`read`](Self::read), but never a generation that
    /// this origin refused and the issuer has not been asked about since.
    ///
    /// # Errors
    /// Those of [`read`](Self::read), and [`Rejected`](crate::ErrorKind::Rejected): wait with
    /// [`get_for_origin`](Self::get_for_origin).
    #[inline]
    pub fn read_for_origin<R>(
        &self,
        origin: &str,
        read: impl FnOnce(&Credential) -> R,
    ) -> Result<R, Error> {
        let borrowed = self.shared.slot.load();
        match borrowed.get() {
            Some(credential) if credential.leased() && !credential.maybe_rejected() => {
                Ok(read(credential))
            }
            other => {
                self.shared.slow_read_for_origin(other, origin)?;
                other.map(read).ok_or_else(|| self.shared.absent())
            }
        }
    }

    /// The credential for one destination: [`get`](Self::get), but never a generation that this origin refused and the
    /// issuer has not been asked about since.
    ///
    /// # Errors
    /// Those of [`get`](Self::get), and [`Rejected`](crate::ErrorKind::Rejected).
    pub async fn get_for_origin(&self, origin: &str) -> Result<Arc<Credential>, Error> {
        let credential = self.get().await?;
        if !credential.maybe_rejected() {
            return Ok(credential);
        }
        self.shared
            .obtain(for_origin(&bounded(origin)), Limit::OneCall)
            .await
    }

    /// [`get_for_origin`](Self::get_for_origin) of a credential that lasts at least `least` longer, with an end to the
    /// reader's patience. `Duration::ZERO` for `least` asks for any usable credential.
    ///
    /// # Errors
    /// Those of [`get_for_origin`](Self::get_for_origin), [`TooShort`](crate::ErrorKind::TooShort), and
    /// [`TimedOut`](crate::ErrorKind::TimedOut): the call goes on for others.
    pub async fn get_for_origin_within(
        &self,
        origin: &str,
        patience: Duration,
        least: Duration,
    ) -> Result<Arc<Credential>, Error> {
        let origin = bounded(origin);
        let want = Want {
            least,
            ..for_origin(&origin)
        };
        self.shared.obtain(want, Limit::Patience(patience)).await
    }

    /// The agent's wall clock: what goes with a credential is dated by it.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.shared.context.clock.wall()
    }
}

fn for_origin(origin: &str) -> Want<'_> {
    Want {
        origin: Some(origin),
        ..Want::default()
    }
}
