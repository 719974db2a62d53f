//! Waiting until all that an agent holds is at hand: [`Agent::warm_up`].

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use super::Agent;
use super::together::Together;
use crate::engine::shared::Shared;
use crate::error::{Error, ErrorKind};
use crate::home::deadline::Deadline;

impl Agent {
    /// Waits until every cache that the agent holds now has a usable credential, asking again at the pace of the
    /// backoff, for at most `limit`. All are waited for at once; a credential that another reader's call brings counts, and
    /// a cache whose last handle is dropped meanwhile does not.
    ///
    /// # Errors
    /// [`TimedOut`](ErrorKind::TimedOut), with the last failure of a cache that has none as its source; or at once
    /// what no wait can heal: [`Revoked`](ErrorKind::Revoked), [`ShutDown`](ErrorKind::ShutDown),
    /// [`ForeignInstance`](ErrorKind::ForeignInstance).
    pub async fn warm_up(&self, limit: Duration) -> Result<(), Error> {
        self.inner.check_process()?;
        let deadline = Deadline::new(&self.inner.homes, limit);
        let caches = self.caches();
        let mut warming = Together::new(caches.iter().map(|cache| cache.warm()));
        poll_fn(|context| {
            if let Poll::Ready(done) = warming.poll(context) {
                return Poll::Ready(done);
            }
            if deadline.alarm().poll(context.waker()).is_pending() {
                return Poll::Pending;
            }
            match warming.first().and_then(|place| caches.get(place)) {
                Some(cold) => Poll::Ready(Err(timed_out(cold, limit))),
                None => Poll::Ready(Ok(())),
            }
        })
        .await
    }
}

fn timed_out(cold: &Shared, limit: Duration) -> Error {
    let message = format!("{}: not warm within {limit:?}", cold.context.key);
    let error = Error::new(ErrorKind::TimedOut, message);
    match cold.last_error() {
        Some(cause) => error.caused_by(cause),
        None => error,
    }
}
