//! The issuer is told of a revocation: [`Revoking`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::engine::end::Ending;
use crate::engine::household::Household;
use crate::engine::shared::Shared;
use crate::engine::tell::Telling;
use crate::error::text::accepted;
use crate::error::{Error, ErrorKind};
use crate::home::deadline::Deadline;
use crate::sync::discard;

/// What a revocation leaves behind.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RevocationReport {
    /// The key of the cache.
    pub cache: Arc<str>,
    /// For how long some generation that was issued is still accepted by its issuer, as far as can be known. Zero when
    /// nothing was issued, or all that was is revoked at the issuer. Only the last generation can be taken back there: one
    /// that it replaced before its time counts until its own expiry.
    pub residual_exposure: Duration,
    /// How many borrowers (owned reads, parked handles) held the last generation at the moment of revocation.
    pub borrowers: usize,
    /// What the issuer was told: `None` where it has no way to be told, or there was nothing to tell;
    /// [`TimedOut`](ErrorKind::TimedOut) when it did not answer in time.
    pub issuer: Option<Result<(), Error>>,
}

/// For how long something is still accepted, in words.
impl fmt::Display for RevocationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&accepted(self.residual_exposure))
    }
}

/// Tells the issuer of a revocation that is done here already, within ten seconds. See [`Cache::revoke`](super::Cache::revoke).
#[must_use = "the issuer is told only when this is awaited; dropping it is fine where that is not wanted"]
pub struct Revoking {
    report: RevocationReport,
    agent: Arc<Household<Shared>>,
    telling: Option<Telling>,
    deadline: Option<Deadline>,
}

impl Revoking {
    pub(crate) fn of(shared: &Shared, ending: Ending) -> Self {
        Self {
            report: RevocationReport {
                cache: shared.context.key.text(),
                residual_exposure: ending.residual_exposure,
                borrowers: ending.borrowers,
                issuer: ending.refused.map(Err),
            },
            agent: Arc::clone(&shared.agent),
            telling: ending.telling,
            deadline: None,
        }
    }

    /// What is known without telling the issuer.
    #[must_use]
    pub fn report(&self) -> &RevocationReport {
        &self.report
    }

    /// Tells the issuer, without a limit.
    pub(crate) fn poll_issuer(&mut self, context: &mut Context<'_>) -> Poll<RevocationReport> {
        if let Some(telling) = &mut self.telling {
            let Poll::Ready(told) = telling.as_mut().poll(context) else {
                return Poll::Pending;
            };
            discard(self.telling.take());
            self.report.issuer = Some(told.map(|accepted_for| {
                self.report.residual_exposure = accepted_for;
            }));
        }
        Poll::Ready(self.report.clone())
    }

    /// The issuer was not told in time. What is under way there goes on, and is heard of by later reports.
    pub(crate) fn give_up(&mut self) -> RevocationReport {
        discard(self.telling.take());
        let message = format!("the issuer was not told within {TELLING_LIMIT:?}");
        self.report.issuer = Some(Err(Error::new(ErrorKind::TimedOut, message)));
        self.report.clone()
    }
}

impl Future for Revoking {
    type Output = RevocationReport;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<RevocationReport> {
        let this = &mut *self;
        if let Poll::Ready(report) = this.poll_issuer(context) {
            this.deadline = None;
            return Poll::Ready(report);
        }
        let deadline = this
            .deadline
            .get_or_insert_with(|| Deadline::new(&this.agent.homes, TELLING_LIMIT));
        deadline.alarm().poll(context.waker()).map(|()| {
            this.deadline = None;
            this.give_up()
        })
    }
}

impl Drop for Revoking {
    fn drop(&mut self) {
        // It holds the credential, and with that what is a user's.
        discard(self.telling.take());
    }
}

impl fmt::Debug for Revoking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revoking")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

/// How long issuers may take to be told.
pub(crate) const TELLING_LIMIT: Duration = Duration::from_secs(10);
