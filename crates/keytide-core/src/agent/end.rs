//! How an agent ends: [`Agent::terminate`] and [`Agent::shutdown`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Agent;
use crate::cache::{RevocationReport, Revoking, TELLING_LIMIT};
use crate::engine::machine::Ended;
use crate::error::text::accepted;
use crate::error::{Error, ErrorKind};
use crate::event::{EventKind, Reason};
use crate::home::deadline::Deadline;

impl Agent {
    /// Ends the agent: when this returns, every read of everything it holds fails, and no call under way can undo it.
    ///
    /// The future tells the issuers that can be told, all at once, for at most ten seconds, and reports for how long
    /// what was issued is still accepted elsewhere. Dropping it only omits the telling; ending the agent once more reports
    /// what is left then. In a forked child it does nothing:
    /// what its parent holds is not the child's to end.
    pub fn terminate(&self, reason: Reason) -> Terminating {
        if self.inner.actor.is_foreign() {
            return Terminating {
                agent: self.clone(),
                telling: Vec::new(),
                revoked: Vec::new(),
                left: Duration::ZERO,
                deadline: None,
            };
        }
        let first = self.inner.end(Ended::Revoked);
        // Before the caches that live are revoked: those report for themselves.
        let (caches, left) = self.inner.caches_and_left();
        let now = self.inner.actor.clock.now();
        let left = left.map_or(Duration::ZERO, |ends| ends.remaining(now));
        let telling: Vec<_> = caches
            .iter()
            .map(|cache| Some(Revoking::of(cache, cache.revoke())))
            .collect();
        if first {
            self.inner.actor.emit(
                None,
                "",
                None,
                EventKind::Terminated {
                    reason: Some(reason),
                },
            );
        }
        let revoked = telling.iter().map(|_| None).collect();
        Terminating {
            agent: self.clone(),
            telling,
            revoked,
            left,
            deadline: None,
        }
    }

    /// Stops refreshing for good and waits until no call is under way, for at most `limit`. What is at hand is served
    /// until it expires.
    ///
    /// # Errors
    /// [`TimedOut`](ErrorKind::TimedOut) when a provider did not let go of its thread in time;
    /// [`ForeignInstance`](ErrorKind::ForeignInstance) in a forked child.
    pub async fn shutdown(&self, limit: Duration) -> Result<(), Error> {
        self.inner.check_process()?;
        self.inner.end(Ended::ShutDown);
        let caches = self.caches();
        for cache in &caches {
            cache.shut_down();
        }
        let deadline = Deadline::new(&self.inner.homes, limit);
        if self.inner.homes.settled(deadline.alarm()).await {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::TimedOut,
            format!("a call was still under way {limit:?} after the shutdown"),
        ))
    }
}

/// What an agent left behind.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TerminationReport {
    /// One for each cache that lived, in no particular order.
    pub revoked: Vec<RevocationReport>,
    /// For how long something is still accepted that was issued to caches which had been dropped or revoked before. Zero
    /// when there is nothing of the sort.
    pub left: Duration,
}

impl TerminationReport {
    /// For how long something that the agent was issued is still accepted by its issuer, as far as can be known.
    #[must_use]
    pub fn residual_exposure(&self) -> Duration {
        self.revoked
            .iter()
            .map(|revoked| revoked.residual_exposure)
            .fold(self.left, Duration::max)
    }
}

/// For how long something is still accepted, in words.
impl fmt::Display for TerminationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&accepted(self.residual_exposure()))
    }
}

/// Tells the issuers of an agent that has ended here already. See [`Agent::terminate`].
#[must_use = "issuers are told only when this is awaited; dropping it is fine where that is not wanted"]
pub struct Terminating {
    agent: Agent,
    telling: Vec<Option<Revoking>>,
    revoked: Vec<Option<RevocationReport>>,
    left: Duration,
    deadline: Option<Deadline>,
}

impl Future for Terminating {
    type Output = TerminationReport;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<TerminationReport> {
        let this = &mut *self;
        let mut pending = false;
        for (telling, revoked) in this.telling.iter_mut().zip(&mut this.revoked) {
            if let Some(told) = telling.as_mut().map(|telling| telling.poll_issuer(context)) {
                match told {
                    Poll::Ready(report) => {
                        *revoked = Some(report);
                        *telling = None;
                    }
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            let deadline = this
                .deadline
                .get_or_insert_with(|| Deadline::new(&this.agent.inner.homes, TELLING_LIMIT));
            if deadline.alarm().poll(context.waker()).is_pending() {
                return Poll::Pending;
            }
        }
        let revoked =
            this.telling
                .iter_mut()
                .zip(&mut this.revoked)
                .filter_map(|(telling, revoked)| {
                    revoked
                        .take()
                        .or_else(|| telling.as_mut().map(Revoking::give_up))
                });
        Poll::Ready(TerminationReport {
            revoked: revoked.collect(),
            left: this.left,
        })
    }
}

impl fmt::Debug for Terminating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminating")
            .field("agent", &self.agent)
            .finish_non_exhaustive()
    }
}
