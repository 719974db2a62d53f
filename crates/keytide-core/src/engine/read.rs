//! Reads outside any lease: a judgement by both clocks, and why there is nothing to read.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::machine::Ended;
use super::shared::{SHUT_DOWN, Shared};
use crate::credential::{Credential, Verdict, grant};
use crate::error::text::bounded;
use crate::error::{Error, ErrorKind};
use crate::sys::time::Now;

impl Shared {
    /// Judges what a read found outside any lease, without waiting: both clocks and the process; marks demand; renews
    /// the lease; and wakes the refresher where something is due.
    #[cold]
    #[inline(never)]
    pub(crate) fn slow_read(
        self: &Arc<Self>,
        found: Option<&Credential>,
        least: Duration,
    ) -> Result<(), Error> {
        if let Some(error) = self.closed() {
            return Err(error);
        }
        let now = self.context.clock.now_of_reader();
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
                credential.past_expiry.fetch_add(1, Ordering::Relaxed);
                self.tell_past_expiry(credential, now);
                self.demand_by_read(now, None);
                Ok(())
            }
            Verdict::PastExpiry | Verdict::Expired => {
                self.demand_by_read(now, None);
                Err(self.expired())
            }
        }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn slow_read_for_origin(
        self: &Arc<Self>,
        found: Option<&Credential>,
        origin: &str,
        least: Duration,
    ) -> Result<(), Error> {
        self.slow_read(found, least)?;
        let origin = &*bounded(origin);
        let refused = found.is_some_and(|credential| {
            credential.maybe_rejected()
                && self
                    .state
                    .lock()
                    .machine
                    .refuses(Some(origin), credential.generation())
        });
        if !refused {
            return Ok(());
        }
        let message =
            format!("{origin} refused the credential, and the issuer has given no newer one");
        Err(self.error(ErrorKind::Rejected, &message))
    }

    pub(crate) fn renew_lease(&self, credential: &Credential, remaining: Duration, now: Now) {
        if self.context.clock.is_system() {
            let to_refresh = remaining
                .checked_sub(credential.held.plan.refresh_margin())
                .filter(|left| !left.is_zero());
            credential.renew_lease(grant(now.wall, remaining, to_refresh));
        }
    }

    /// There is no credential: why, as far as a read can say.
    #[cold]
    pub(crate) fn absent(&self) -> Error {
        if let Some(error) = self.closed() {
            return error;
        }
        let state = self.state.lock();
        let (kind, message) = if self.ended() == Ended::ShutDown {
            (ErrorKind::ShutDown, SHUT_DOWN)
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
    pub(crate) fn expired(&self) -> Error {
        let state = self.state.lock();
        let message = "the credential has expired and no newer one has come";
        with_cause(self.error(ErrorKind::Expired, message), state.last_error())
    }

    #[cold]
    pub(crate) fn too_short(&self, least: Duration, remaining: Duration) -> Error {
        let message =
            format!("the credential lasts {remaining:?} longer, less than the {least:?} asked for");
        self.error(ErrorKind::TooShort, &message)
    }

    /// A read that does not wait found something due: the driver looks into it.
    fn demand_by_read(self: &Arc<Self>, now: Now, least: Option<Duration>) {
        self.kick(now, least.filter(|least| self.could_last(*least)));
    }
}

pub(crate) fn with_cause(error: Error, cause: Option<&Error>) -> Error {
    match cause {
        Some(cause) => error.caused_by(cause.clone()),
        None => error,
    }
}
