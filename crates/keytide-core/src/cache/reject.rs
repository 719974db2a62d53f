//! When somebody says that a credential is no good: a destination, the user, or a layer above.

use std::sync::Arc;

use super::Cache;
use crate::credential::Credential;
use crate::engine::decide::Words;
use crate::error::Error;

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
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keytide_core::Error> {
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// let origin = "https://api.example.com";
    /// let used = cache.get().await?.generation();
    ///
    /// // … the answer is a 401 …
    /// let newer = cache.rejected(used, origin).await?;
    /// assert!(newer.generation() > used);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rejected(
        &self,
        generation: u64,
        origin: &str,
    ) -> impl Future<Output = Result<Arc<Credential>, Error>> + Send + use<> {
        self.sender().rejected(generation, origin, None, None)
    }

    /// Declares `generation` invalid everywhere: it is not read any more, and the issuer is asked anew by the next
    /// demand. Returns whether it was the current one; an older generation changes nothing.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keytide_core::Error> {
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// let leaked = cache.get().await?.generation();
    /// assert!(cache.invalidate(leaked));
    ///
    /// // No reader gets it any more.
    /// assert!(cache.get().await?.generation() > leaked);
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// // The account that the issuer names from now on is another one, on purpose.
    /// cache.adopt_principal("arn:aws:sts::123456789012:assumed-role/reader/instance");
    /// assert!(cache.get_blocking(Duration::from_secs(10)).is_ok());
    /// # Ok::<(), keytide_core::Error>(())
    /// ```
    pub fn adopt_principal(&self, principal: impl Into<Arc<str>>) {
        if self.shared.context.is_foreign() {
            return;
        }
        // Before the lock is taken: the conversion is a user's.
        let principal = principal.into();
        let mut state = self.shared.state.lock();
        state.machine.adopted(self.shared.options.min_interval());
        let adopted = &mut state.rest().adopted;
        if !adopted.contains(&principal) {
            adopted.push(principal);
        }
    }
}
