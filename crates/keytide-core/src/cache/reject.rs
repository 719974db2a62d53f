//! When somebody says that a credential is no good: a destination, the user, or a layer above.

use std::sync::Arc;
use std::time::Duration;

use super::Cache;
use crate::credential::Credential;
use crate::engine::ask::Limit;
use crate::engine::decide::Words;
use crate::engine::machine::Want;
use crate::error::Error;
use crate::error::text::bounded;

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
        self.shared.rejected(generation, origin, claims);
        let (cache, origin) = (self.clone(), origin.to_owned());
        async move {
            let want = Want {
                origin: Some(&bounded(&origin)),
                beyond: Some(generation),
                ..Want::default()
            };
            let limit = patience.map_or(Limit::OneCall, Limit::Patience);
            let credential = cache.shared.obtain(want, limit).await?;
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
        let shared = &self.shared;
        let now = shared.context.clock.now();
        let state = shared.state.lock();
        shared.step(state, now, Words::default(), |machine, seen, effects| {
            machine.invalidated(generation, seen, effects)
        })
    }

    /// Accepts another principal from now on, beside those listed at building.
    pub fn adopt_principal(&self, principal: impl Into<Arc<str>>) {
        if self.shared.context.is_foreign() {
            return;
        }
        // Before the lock is taken: the conversion is a user's.
        let principal = principal.into();
        let mut state = self.shared.state.lock();
        state.machine.adopted(self.shared.options.floor());
        let adopted = &mut state.rest().adopted;
        if !adopted.contains(&principal) {
            adopted.push(principal);
        }
    }
}
