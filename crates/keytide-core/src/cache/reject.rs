//! When somebody says that a credential is no good: a destination, the user, or a layer above.

use std::sync::Arc;
use std::time::Duration;

use super::ask::Want;
use super::shared::Shared;
use super::state::{LONG_AGO, Rejection, State};
use super::timer::After;
use super::{Cache, Ended};
use crate::credential::Credential;
use crate::error::Error;
use crate::event::{EventKind, Trigger};
use crate::request::ChangeNotifier;
use crate::text::bounded;
use crate::time::Now;

impl Cache {
    /// Reports that `origin` refused `generation` (an HTTP 401), and waits for what the issuer says to that.
    ///
    /// It forces one refresh, however many report the same; other origins keep the generation. The report of a
    /// generation that is no longer current costs nothing. An origin that refuses for ever may force a refresh at the
    /// pace of the backoff only. The report counts from the call on, the future only waits.
    ///
    /// # Errors
    /// The wait ends with [`Rejected`](crate::ErrorKind::Rejected) when the issuer gives the same credential again or
    /// cannot be asked: let the refusal surface.
    pub fn rejected(
        &self,
        generation: u64,
        origin: &str,
    ) -> impl Future<Output = Result<Arc<Credential>, Error>> + Send + use<> {
        self.rejected_with(generation, origin, None, None)
    }

    /// [`rejected`](Self::rejected) with what the origin's challenge demanded, and an end to the reader's patience.
    ///
    /// The claims, a JSON text, are handed to the provider with the calls that this report forces, and with no others:
    /// [`Request::claims`](crate::Request::claims). A call that fails with them sets no pace but this origin's, and readers
    /// for others who waited for it have one made without them.
    ///
    /// # Errors
    /// Those of [`rejected`](Self::rejected), and [`TimedOut`](crate::ErrorKind::TimedOut): the call goes on for others.
    pub fn rejected_with(
        &self,
        generation: u64,
        origin: &str,
        claims: Option<&str>,
        patience: Option<Duration>,
    ) -> impl Future<Output = Result<Arc<Credential>, Error>> + Send + use<> {
        self.shared.report(generation, origin, claims);
        let (cache, origin) = (self.clone(), origin.to_owned());
        async move {
            let want = Want {
                origin: Some(&bounded(&origin)),
                beyond: Some(generation),
                ..Want::default()
            };
            let credential = cache.shared.obtain(want, patience).await?;
            if credential.generation() > generation {
                return Ok(credential);
            }
            let message =
                format!("{origin} refused the credential, and the issuer gave the same one again");
            Err(cache.shared.error(crate::ErrorKind::Rejected, &message))
        }
    }

    /// Declares `generation` invalid everywhere: it is not read any more, and the issuer is asked anew by the next
    /// demand. Returns whether it was the current one; an older generation changes nothing.
    pub fn invalidate(&self, generation: u64) -> bool {
        if self.shared.context.is_foreign() {
            return false;
        }
        let now = self.shared.context.clock.now();
        let mut state = self.shared.state.lock();
        let Some(current) = self
            .shared
            .slot
            .load()
            .into_owned()
            .filter(|known| known.generation() == generation)
        else {
            return false;
        };
        if self.shared.ended() == Ended::Revoked {
            return false;
        }
        let wanted = self.shared.in_demand(&current, now);
        state.rare().withdrawn = Some(current);
        self.shared.slot.store(None);
        let after = After {
            retired: state.flight.take(),
            ..After::default()
        };
        self.shared
            .tell(&state, now, EventKind::Invalidated { generation });
        if wanted && self.shared.ended() == Ended::No {
            state.wanted = Some(Trigger::Invalidated);
            let may = self
                .shared
                .may_start(&state, Trigger::Invalidated, None, now);
            let at = may.err().unwrap_or(now.boot);
            self.shared.schedule(&mut state, at, now);
        }
        drop(state);
        after.run();
        true
    }

    /// Accepts another principal from now on, beside those listed at building.
    pub fn adopt_principal(&self, principal: impl Into<Arc<str>>) {
        if self.shared.context.is_foreign() {
            return;
        }
        let mut state = self.shared.state.lock();
        state.pace.reset();
        let (principal, adopted) = (principal.into(), &mut state.rare().adopted);
        if !adopted.contains(&principal) {
            adopted.push(principal);
        }
    }
}

impl Shared {
    /// Has `notifier` told of the next generation, unless there is one beyond `used` already: then returns true.
    pub(crate) fn await_newer(&self, used: u64, notifier: ChangeNotifier) -> bool {
        let mut state = self.state.lock();
        if state.generation > used {
            return true;
        }
        let dependants = &mut state.rare().dependants;
        dependants.retain(|known| !known.is_closed() && !known.is_for(&notifier));
        dependants.push(notifier);
        false
    }

    /// Takes down a refusal, and has the issuer asked if the origin's pace allows it.
    fn report(self: &Arc<Self>, generation: u64, origin: &str, claims: Option<&str>) {
        if self.context.is_foreign() {
            return;
        }
        let origin = &*bounded(origin);
        let now = self.context.clock.now();
        let mut state = self.state.lock();
        let Some(current) = self
            .slot
            .load()
            .into_owned()
            .filter(|known| known.generation() == generation)
        else {
            return;
        };
        let Some(next) = state.note_rejection(&current, origin, claims, now) else {
            return;
        };
        self.tell(
            &state,
            now,
            EventKind::Rejected {
                generation,
                origin: origin.to_owned(),
            },
        );
        current.mark_rejected();
        if next && self.ended() == Ended::No && state.flight.is_none() {
            state.wanted = Some(Trigger::Rejected);
            state.rare().wanted_by = Some(Arc::from(origin));
            let may = self.may_start(&state, Trigger::Rejected, Some(&current), now);
            let at = may.err().unwrap_or(now.boot);
            self.schedule(&mut state, at, now);
        }
    }
}

impl State {
    /// Notes who refused what. `None` if that is known already; else whether the origin may force a refresh now.
    fn note_rejection(
        &mut self,
        current: &Credential,
        origin: &str,
        claims: Option<&str>,
        now: Now,
    ) -> Option<bool> {
        let generation = current.generation();
        let rejections = &mut self.rare().rejections;
        let index = match rejections
            .iter()
            .position(|known| known.origin.as_ref() == origin)
        {
            Some(index) => index,
            None => {
                if rejections.len() >= MOST_ORIGINS {
                    // What is known of this generation is never forgotten for another origin's sake.
                    let former = |known: &Rejection| known.generation != generation;
                    let spared = rejections.iter().position(former)?;
                    rejections.remove(spared);
                }
                rejections.push(Rejection {
                    origin: Arc::from(origin),
                    generation: 0,
                    vouched: false,
                    claims: None,
                    count: 0,
                    reported: now.boot,
                    last: now.boot,
                    next: LONG_AGO,
                });
                rejections.len() - 1
            }
        };
        let known = &mut rejections[index];
        if known.generation == generation && !known.vouched {
            known.last = now.boot;
            return None;
        }
        // One that was in use for a while was not refused for what the origin is, but for what became of it.
        let served_well = current.plan.received.until(now.boot) >= current.lifetime() / 4;
        if served_well || known.last.until(now.boot) > FORGIVEN {
            known.count = 0;
            known.next = LONG_AGO;
        }
        known.generation = generation;
        known.vouched = false;
        known.claims = claims.map(Arc::from);
        known.reported = now.boot;
        known.last = now.boot;
        Some(known.next <= now.boot)
    }
}

/// More origins than a credential has destinations. The refusal of one more is not taken down while all these refuse the
/// current generation.
const MOST_ORIGINS: usize = 256;
/// An origin that has not refused for this long is as good as one that never did.
const FORGIVEN: Duration = Duration::from_secs(600);
