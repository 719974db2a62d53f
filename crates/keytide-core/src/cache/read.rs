//! Synchronous reads: one load and one coarse clock while a lease covers the credential, a judgement otherwise.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Cache;
use super::shared::Shared;
use crate::credential::{Credential, Verdict};
use crate::error::{Error, ErrorKind};
use crate::lease;
use crate::time::Now;

impl Cache {
    /// Reads the credential where it stands, without waiting.
    ///
    /// The closure sees one whole credential. It should be short: while it runs, that generation is not wiped.
    ///
    /// # Errors
    /// [`Empty`](ErrorKind::Empty), [`Expired`](ErrorKind::Expired), [`Invalidated`](ErrorKind::Invalidated): the
    /// issuer is being asked, read again or wait with [`get`](Self::get). [`Revoked`](ErrorKind::Revoked),
    /// [`ShutDown`](ErrorKind::ShutDown), [`ForeignInstance`](ErrorKind::ForeignInstance): final.
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
    /// Those of [`read`](Self::read), and [`TooShort`](ErrorKind::TooShort): the issuer is being asked, if that can
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

impl Shared {
    /// Judges what a read found outside any lease, without waiting: both clocks and the process; marks demand; renews
    /// the lease; and wakes the refresher where something is due.
    #[cold]
    #[inline(never)]
    pub(super) fn slow_read(
        self: &Arc<Self>,
        found: Option<&Credential>,
        least: Duration,
    ) -> Result<(), Error> {
        if let Some(error) = self.closed() {
            return Err(error);
        }
        let now = self.context.clock.now();
        self.mark_demand(now);
        let Some(credential) = found else {
            self.demand_by_read(now, None);
            return Err(self.absent());
        };
        match self.judge(credential, now) {
            Verdict::Usable(remaining) => {
                self.renew_lease(credential, remaining, now);
                if remaining <= credential.held.plan.refresh_margin()
                    || self.changed_unseen.load(Ordering::Relaxed)
                {
                    self.demand_by_read(now, None);
                }
                if remaining < least {
                    self.demand_by_read(now, Some(least));
                    return Err(self.too_short(least, remaining));
                }
                Ok(())
            }
            Verdict::PastExpiry if least.is_zero() => {
                self.past_expiry.fetch_add(1, Ordering::Relaxed);
                self.demand_by_read(now, None);
                Ok(())
            }
            Verdict::PastExpiry | Verdict::Expired => {
                self.demand_by_read(now, None);
                Err(self.expired())
            }
        }
    }

    pub(super) fn renew_lease(&self, credential: &Credential, remaining: Duration, now: Now) {
        if self.context.clock.is_system() {
            let to_refresh = remaining
                .checked_sub(credential.held.plan.refresh_margin())
                .filter(|left| !left.is_zero());
            credential.renew_lease(lease::grant(now.wall, remaining, to_refresh));
        }
    }

    /// There is no credential: why, as far as a read can say.
    #[cold]
    pub(super) fn absent(&self) -> Error {
        if let Some(error) = self.closed() {
            return error;
        }
        let state = self.state.lock();
        let (kind, message) = if self.ended() == super::Ended::ShutDown {
            (
                ErrorKind::ShutDown,
                "the agent was shut down, nothing is refreshed",
            )
        } else if state.withdrawn().is_none() {
            (ErrorKind::Empty, "there is no credential yet")
        } else {
            (
                ErrorKind::Invalidated,
                "the credential was invalidated and no newer one has come",
            )
        };
        with_cause(self.error(kind, message), state.last_error())
    }

    #[cold]
    pub(super) fn expired(&self) -> Error {
        let state = self.state.lock();
        let message = "the credential has expired and no newer one has come";
        with_cause(self.error(ErrorKind::Expired, message), state.last_error())
    }

    #[cold]
    pub(super) fn too_short(&self, least: Duration, remaining: Duration) -> Error {
        let message =
            format!("the credential lasts {remaining:?} longer, less than the {least:?} asked for");
        self.error(ErrorKind::TooShort, &message)
    }

    /// A read that does not wait found something due: the driver looks into it.
    fn demand_by_read(self: &Arc<Self>, now: Now, least: Option<Duration>) {
        self.tell_past_expiry(now);
        self.kick(now, least.filter(|least| self.could_last(*least)));
    }
}

pub(super) fn with_cause(error: Error, cause: Option<&Error>) -> Error {
    match cause {
        Some(cause) => error.caused_by(cause.clone()),
        None => error,
    }
}
