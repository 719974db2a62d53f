//! The way of one request: judge it, attach the credential, send, and answer a refusal or a redirect.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use keytide_core::Credential;
use reqwest::{Body, Request, Response, ResponseBuilderExt};
use tokio::time::Instant;

use super::spare::{Spare, target};
use crate::attach::Sending;
use crate::destination::{Asked, Place, Target};
use crate::error::{Error, ErrorKind};
use crate::guard::{Finding, Guard, Trip};

/// Sends one request as it is. reqwest's client does, and so does the rest of a chain of middleware.
pub(crate) trait Carry: Sync {
    type Error;

    fn carry(&self, request: Request)
    -> impl Future<Output = Result<Response, Self::Error>> + Send;
}

/// What a request came to nothing by.
pub(crate) enum Failure<E> {
    Ours(Error),
    /// The origin that was asked, and what the client said.
    Theirs(Place, E),
}

/// A response, and what it was asked with.
pub(crate) struct Sent {
    pub(crate) response: Response,
    pub(crate) generation: u64,
}

/// What is given to one request on its way.
pub(crate) struct Way<'a, C> {
    pub(crate) guard: &'a Guard,
    pub(crate) carrier: &'a C,
    pub(crate) redirects: usize,
}

impl<C: Carry> Way<'_, C> {
    pub(crate) async fn send(&self, mut request: Request) -> Result<Sent, Failure<C::Error>> {
        let guard = self.guard;
        let mut to = guard.admit(&asked(&request))?;
        let limit = request.timeout().copied();
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let (mut known, mut retried, mut hops) = (None, false, 0);
        loop {
            let may_retry = guard.retry && !retried;
            let spare = (may_retry || self.redirects > 0).then(|| Spare::of(&mut request));

            let mut trip = self.bind(to, known.take(), deadline, &mut request).await?;
            if let Some(deadline) = deadline {
                *request.timeout_mut() = Some(left(deadline));
            }
            let sent = self.carrier.carry(request).await;
            guard.tell_use(&mut trip, sent.as_ref().ok().map(Response::status));
            let response = sent.map_err(|error| Failure::Theirs(to, error))?;
            let (response, finding) = self.examine(&trip, response).await;
            let done = |response| Sent {
                response,
                generation: trip.generation,
            };

            match finding {
                Finding::Fine => {}
                Finding::AttachAgain => {
                    let Some(again) = spare.filter(|_| may_retry).and_then(Spare::again) else {
                        return Ok(done(response));
                    };
                    (retried, request) = (true, again);
                    continue;
                }
                Finding::Refused(refusal) => {
                    // The report counts from here on, whether or not anybody waits for what comes of it.
                    let newer = guard.report(&trip, &refusal, deadline.map(left));
                    let Some(again) = spare.filter(|_| may_retry).and_then(Spare::again) else {
                        return Ok(done(response));
                    };
                    let Some(credential) = newer.await else {
                        return Ok(done(response));
                    };
                    (known, retried, request) = (Some(credential), true, again);
                    continue;
                }
            }

            let Some(url) = target(&response).filter(|_| self.redirects > 0) else {
                return Ok(done(response));
            };
            let Some(spare) = spare else {
                return Ok(done(response));
            };
            let status = response.status();
            let hop = Asked {
                method: &spare.method_after(status),
                target: Target::of_url(&url),
                headers: spare.headers(),
            };
            let next = guard.admit_redirect(to, &hop)?;
            let (from, onward) = (guard.to(to).origin(), guard.to(next).origin());
            if hops == self.redirects {
                let message = format!("{from} redirects once more after {hops} redirects");
                return Err(Error::new(ErrorKind::Redirect, message).into());
            }
            let same_origin = from == onward;
            let Some(redirected) = spare.redirected(status, url, same_origin) else {
                return Ok(done(response));
            };
            (to, request) = (next, redirected);
            hops += 1;
        }
    }

    /// Attaches this credential, or that which is current for this destination.
    async fn bind(
        &self,
        to: Place,
        known: Option<Arc<Credential>>,
        deadline: Option<Instant>,
        request: &mut Request,
    ) -> Result<Trip, Error> {
        let guard = self.guard;
        let limit = deadline.map(left);
        if let Some(credential) = known {
            if let Some(trip) = with(request, |sending| guard.bind(to, &credential, sending))? {
                return Ok(trip);
            }
        } else if let Some(trip) = with(request, |sending| guard.bind_now(to, limit, sending))? {
            return Ok(trip);
        }
        loop {
            let credential = guard.credential(to, limit, deadline.map(left)).await?;
            if let Some(trip) = with(request, |sending| guard.bind(to, &credential, sending))? {
                return Ok(trip);
            }
        }
    }

    /// What the response says of the credential. One whose body had to be looked at is given back whole.
    async fn examine(&self, trip: &Trip, response: Response) -> (Response, Finding) {
        if let Some(finding) = self
            .guard
            .finding(trip, response.status(), response.headers())
        {
            return (response, finding);
        }
        let url = response.url().clone();
        let (mut parts, body) = http::Response::<Body>::from(response).into_parts();
        let (finding, body) = self
            .guard
            .finding_of_body(trip, parts.status, &parts.headers, body)
            .await;
        // Where it came from is kept in an extension that only this builder can make.
        if let Ok(named) = http::Response::builder().url(url).body(()) {
            parts.extensions.extend(named.into_parts().0.extensions);
        }
        let response = http::Response::from_parts(parts, Body::wrap(body));
        (Response::from(response), finding)
    }
}

/// Hands out the parts of a request that are looked at.
fn with<R>(request: &mut Request, use_it: impl FnOnce(Sending<'_>) -> R) -> R {
    // The headers are taken out for as long as the rest is borrowed.
    let mut headers = std::mem::take(request.headers_mut());
    let used = use_it(Sending {
        method: request.method(),
        path: request.url().path(),
        query: request.url().query(),
        headers: &mut headers,
        body: match request.body() {
            Some(body) => body.as_bytes(),
            None => Some(&[]),
        },
    });
    *request.headers_mut() = headers;
    used
}

fn asked(request: &Request) -> Asked<'_> {
    Asked {
        method: request.method(),
        target: Target::of_url(request.url()),
        headers: request.headers(),
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

impl Carry for reqwest::Client {
    type Error = reqwest::Error;

    async fn carry(&self, request: Request) -> Result<Response, reqwest::Error> {
        self.execute(request).await
    }
}

impl<E> From<Error> for Failure<E> {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}
