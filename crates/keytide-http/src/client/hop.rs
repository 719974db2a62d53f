//! reqwest as the engine sees it: [`Hop`].

use std::future::Future;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use reqwest::{Body, Request, Response, ResponseBuilderExt};
use tokio::time::Instant;

use super::replay::Replay;
use crate::attach::Sending;
use crate::engine::Exchange;
use crate::error::Error;
use crate::guard::{Attempt, Guard};
use crate::peek::peek;

/// Sends one request as it is. reqwest's client does, and so does the rest of a chain of middleware.
pub(crate) trait Carry: Sync {
    type Error: From<Error> + Send;

    /// `origin` is the one that is asked.
    fn carry(
        &self,
        origin: &str,
        request: Request,
    ) -> impl Future<Output = Result<Response, Self::Error>> + Send;
}

/// One hop of a request: from one destination to its answer.
pub(super) struct Hop<'a, C> {
    pub(super) guard: &'a Guard,
    pub(super) carrier: &'a C,
    /// Whether redirects are followed, so that there may be another hop.
    pub(super) follows: bool,
    /// When the whole request ends.
    pub(super) deadline: Option<Instant>,
}

impl<C: Carry> Exchange for Hop<'_, C> {
    type Request = Request;
    type Replay = Replay;
    type Response = Response;
    type Error = C::Error;

    fn guard(&self) -> &Guard {
        self.guard
    }

    fn time_left(&self) -> Option<Duration> {
        self.deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    #[inline]
    fn with<T>(&self, request: &mut Request, use_it: impl FnOnce(&Guard, Sending<'_>) -> T) -> T {
        // The headers are taken out for as long as the rest is borrowed.
        let mut headers = std::mem::take(request.headers_mut());
        let sending = Sending {
            method: request.method(),
            path: request.url().path(),
            query: request.url().query(),
            headers: &mut headers,
            body: match request.body() {
                Some(body) => body.as_bytes(),
                None => Some(&[]),
            },
        };
        let used = use_it(self.guard, sending);
        *request.headers_mut() = headers;
        used
    }

    fn replay(&self, request: &mut Request, may_retry: bool) -> Option<Replay> {
        (may_retry || self.follows).then(|| Replay::of(request))
    }

    fn again(&self, replay: Replay, answer: &Response) -> Option<Request> {
        replay.again(answer.url().clone())
    }

    fn send(
        &self,
        mut request: Request,
        attempt: &Attempt,
    ) -> impl Future<Output = Result<Response, C::Error>> + Send {
        if let Some(left) = self.time_left() {
            *request.timeout_mut() = Some(left);
        }
        let origin = self.guard.to(attempt.to).origin();
        self.carrier.carry(origin, request)
    }

    fn head(response: &Response) -> (StatusCode, &HeaderMap) {
        (response.status(), response.headers())
    }

    async fn peek(
        response: Response,
        most: u64,
        end: impl Future<Output = ()> + Send,
    ) -> (Option<Vec<u8>>, Response) {
        let url = response.url().clone();
        let (mut parts, body) = http::Response::<Body>::from(response).into_parts();
        let (bytes, body) = peek(body, most, end).await;
        // Where it came from is kept in an extension that only this builder can make.
        if let Ok(named) = http::Response::builder().url(url).body(()) {
            parts.extensions.extend(named.into_parts().0.extensions);
        }
        let response = http::Response::from_parts(parts, Body::wrap(body));
        (bytes, Response::from(response))
    }
}

impl Carry for reqwest::Client {
    type Error = Error;

    fn carry(
        &self,
        origin: &str,
        request: Request,
    ) -> impl Future<Output = Result<Response, Error>> + Send {
        let sent = self.execute(request);
        async move { sent.await.map_err(|error| Error::transport(origin, error)) }
    }
}
