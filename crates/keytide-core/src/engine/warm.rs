//! Warming up: a cache is asked for at the pace of the backoff until it serves, whoever brings what it serves.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::ask::Limit;
use super::machine::{Ended, Want};
use super::patience::SHORTEST_WAIT;
use super::shared::Shared;
use crate::credential::Verdict;
use crate::error::{Error, ErrorKind};
use crate::home::deadline::Deadline;

impl Shared {
    /// Waits until a credential is at hand, for ever if need be.
    ///
    /// # Errors
    /// What no wait can heal. Of a cache that nobody holds any more, nothing.
    pub(crate) async fn warm(self: &Arc<Self>) -> Result<(), Error> {
        loop {
            let Err(error) = self.obtain(Want::default(), Limit::OneCall).await else {
                return Ok(());
            };
            if !self.is_held() {
                return Ok(());
            }
            if is_final(error.kind()) || !self.wait_for_turn().await {
                return Err(error);
            }
        }
    }

    /// Waits until the issuer may be asked again, or something came of a call of others. Returns false where no thread
    /// can be had that would end the wait.
    async fn wait_for_turn(&self) -> bool {
        let (watched, _) = self.watched();
        let mut registration = watched.registration();
        let next = self.state.lock().machine.pace().next();
        let wait = self.context.clock.now().boot.until(next).max(SHORTEST_WAIT);
        let turn = Deadline::new(&self.agent.homes, wait);
        poll_fn(|context| {
            registration.register(context.waker());
            if self.is_served()
                || self.ended() != Ended::No
                || self.state.lock().machine.pace().next() != next
            {
                return Poll::Ready(());
            }
            turn.alarm().poll(context.waker())
        })
        .await;
        turn.is_kept()
    }

    fn is_served(&self) -> bool {
        let now = self.context.clock.now();
        let borrowed = self.slot.load();
        borrowed
            .get()
            .is_some_and(|current| self.judge(current, now) != Verdict::Expired)
    }

    /// The last failure, as far as none has been healed since.
    pub(crate) fn last_error(&self) -> Option<Error> {
        self.state.lock().last_error().cloned()
    }
}

fn is_final(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Revoked | ErrorKind::ShutDown | ErrorKind::ForeignInstance
    )
}
