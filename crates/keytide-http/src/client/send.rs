//! The way of one request: judge its origin, attach the credential, send, and answer a refusal or a redirect.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::header::HOST;
use keytide_core::Credential;
use reqwest::{Request, Response};
use tokio::time::Instant;

use super::Inner;
use crate::challenge::blames_credential;
use crate::destination::Destination;
use crate::error::{Error, ErrorKind};
use crate::header::Attached;
use crate::redirect::{Spare, target};

impl Inner {
    pub(super) async fn send(&self, mut request: Request) -> Result<Response, Error> {
        let mut to = self.admit(&request)?;
        let deadline = request
            .timeout()
            .and_then(|limit| Instant::now().checked_add(*limit));
        let (mut newer, mut retried, mut hops) = (None, false, 0);
        loop {
            let may_retry = self.retry_on_401 && !retried;
            let spare = (may_retry || self.redirects > 0).then(|| Spare::of(&request));

            let generation = self
                .authorize(to, newer.take(), deadline, &mut request)
                .await?;
            if let Some(deadline) = deadline {
                *request.timeout_mut() = Some(deadline.saturating_duration_since(Instant::now()));
            }
            let sent = self.http.execute(request).await;
            let response = sent.map_err(|error| Error::transport(to.origin(), error))?;

            if blames_credential(response.status(), response.headers()) {
                // The report counts from here on, whether or not anybody waits for what comes of it.
                let answer = self.cache.rejected(generation, to.origin());
                let Some(again) = spare.filter(|_| may_retry).and_then(Spare::again) else {
                    return Ok(response);
                };
                let Some(Ok(credential)) = within(self.wait_until(deadline), answer).await else {
                    return Ok(response);
                };
                (newer, retried, request) = (Some(credential), true, again);
                continue;
            }

            let Some(url) = target(&response).filter(|_| self.redirects > 0) else {
                return Ok(response);
            };
            let next = self.destinations.judge_redirect(to, &url)?;
            if hops == self.redirects {
                let message = format!("{} redirects once more after {hops} redirects", to.origin());
                return Err(Error::new(ErrorKind::Redirect, message));
            }
            let same_origin = next.origin() == to.origin();
            let status = response.status();
            let Some(redirected) =
                spare.and_then(|spare| spare.redirected(status, url, same_origin))
            else {
                return Ok(response);
            };
            (to, request) = (next, redirected);
            hops += 1;
        }
    }

    /// Judges a request before anything is done for it.
    fn admit(&self, request: &Request) -> Result<&Destination, Error> {
        let destination = self.destinations.judge(request.url())?;
        for name in [self.header.name(), &HOST] {
            if request.headers().contains_key(name) {
                let message = format!("the request carries the header {name}, which is set here");
                return Err(Error::new(ErrorKind::HeaderPresent, message));
            }
        }
        Ok(destination)
    }

    /// Attaches the credential that is current for this destination. Returns its generation.
    async fn authorize(
        &self,
        to: &Destination,
        newer: Option<Arc<Credential>>,
        deadline: Option<Instant>,
        request: &mut Request,
    ) -> Result<u64, Error> {
        let mut known = newer;
        loop {
            let credential = match known.take() {
                Some(credential) => credential,
                None => self.credential_for(to, deadline).await?,
            };
            if self.header.attach(&credential, request)? == Attached::Yes {
                return Ok(credential.generation());
            }
        }
    }

    async fn credential_for(
        &self,
        to: &Destination,
        deadline: Option<Instant>,
    ) -> Result<Arc<Credential>, Error> {
        let asking = self.cache.get_for_origin(to.origin());
        match within(self.wait_until(deadline), asking).await {
            Some(result) => result.map_err(Error::credential),
            None => {
                let message =
                    "there was no credential for the request in time; the refresh goes on";
                Err(Error::new(ErrorKind::TimedOut, message))
            }
        }
    }

    fn wait_until(&self, deadline: Option<Instant>) -> impl FnOnce() -> Duration {
        let patience = self.patience;
        move || match deadline {
            Some(deadline) => patience.min(deadline.saturating_duration_since(Instant::now())),
            None => patience,
        }
    }
}

/// The output of a future, if it is there within a limit. One that is ready at once costs no clock and no timer.
async fn within<F: Future>(limit: impl FnOnce() -> Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
        Poll::Ready(output) => Some(output),
        Poll::Pending => tokio::time::timeout(limit(), future).await.ok(),
    }
}
