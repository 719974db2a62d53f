//! Binding a credential to a request, at the moment of sending.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::{HOST, HeaderValue};
use keytide_core::Credential;

use super::{Attempt, Guard, PendingUse};
use crate::attach::{Outgoing, RequestClock, Sending};
use crate::destination::DestinationId;
use crate::error::Error;
use crate::prepared::Attached;

impl Guard {
    /// Attaches the credential that is at hand, without waiting. `None`: get one with [`credential`](Self::credential).
    ///
    /// `life` is for how long the request may take, where that is limited.
    #[inline]
    pub(crate) fn bind_now(
        &self,
        to: DestinationId,
        life: Option<Duration>,
        sending: Sending<'_>,
    ) -> Result<Option<Attempt>, Error> {
        let read = self.sender.read(self.to(to).origin(), |credential| {
            if self.wish(credential, life).is_some()
                && self.is_first_to_want_more_than(credential.generation())
            {
                return Ok(None);
            }
            self.bind(to, credential, sending)
        });
        // Why there is none is told by those who wait for one.
        read.unwrap_or(Ok(None))
    }

    /// Attaches this credential. `None`: it is known to be superseded.
    #[inline]
    pub(crate) fn bind(
        &self,
        to: DestinationId,
        credential: &Credential,
        sending: Sending<'_>,
    ) -> Result<Option<Attempt>, Error> {
        let allowed = self.to(to);
        let clock = || self.clock_of(allowed);
        let pending = self
            .sender
            .observes_uses()
            .then(|| (sending.method.clone(), sending.path.to_owned()));
        if sending.headers.contains_key(HOST) {
            // It was judged to say the same in whatever case: what is attached is attached to what is sent.
            if let Ok(authority) = HeaderValue::from_str(allowed.authority()) {
                sending.headers.insert(HOST, authority);
            }
        }
        let mut outgoing = Outgoing {
            sending,
            origin: Cow::Borrowed(allowed.origin()),
            authority: Cow::Borrowed(allowed.authority()),
            profile: &self.profile,
            now: RequestClock::Learned(&clock),
        };
        Ok(match self.prepared.attach(credential, &mut outgoing)? {
            Attached::Current => Some(Attempt {
                to,
                generation: credential.generation(),
                sent: self.profile.wants_clock().then(|| self.sender.now()),
                pending: pending.map(|(method, path)| {
                    Box::new(PendingUse {
                        sender: self.sender.clone(),
                        generation: credential.generation(),
                        origin: allowed.origin().to_owned(),
                        method,
                        path,
                        status: None,
                    })
                }),
            }),
            Attached::Superseded => None,
        })
    }

    /// The credential for a destination, waited for where there is none.
    ///
    /// Where the one at hand ends before the request may, the issuer is asked once a generation; if that does not help,
    /// the request goes with what there is.
    pub(crate) async fn credential(
        &self,
        to: DestinationId,
        life: Option<Duration>,
        limit: Option<Duration>,
    ) -> Result<Arc<Credential>, Error> {
        let origin = self.to(to).origin();
        let patience = limit.map_or(self.patience, |limit| self.patience.min(limit));
        let wish = self
            .sender
            .read(origin, |credential| self.wish(credential, life));
        if let Ok(Some(least)) = wish {
            let half = patience / 2;
            let need = self.sender.need(origin).lasting(least).within(half);
            if let Ok(longer) = need.get().await {
                return Ok(longer);
            }
        }
        let need = self.sender.need(origin).within(patience);
        need.get().await.map_err(Error::credential)
    }

    /// How long the wait for a newer credential may be.
    pub(crate) fn patience(&self, limit: Option<Duration>) -> Duration {
        limit.map_or(self.patience, |limit| self.patience.min(limit))
    }

    /// The life that a request wishes for and this credential does not have. Half of what the issuer gives is the most
    /// that is wished for: a fresh credential always has that.
    #[inline]
    fn wish(&self, credential: &Credential, life: Option<Duration>) -> Option<Duration> {
        let life = life.unwrap_or(self.least);
        if life.is_zero() {
            return None;
        }
        let least = life.min(credential.lifetime() / 2);
        (!credential.lasts(least)).then_some(least)
    }

    fn is_first_to_want_more_than(&self, generation: u64) -> bool {
        self.too_short.fetch_max(generation, Ordering::Relaxed) < generation
    }
}
