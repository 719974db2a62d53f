//! The way of one request over reqwest: each hop goes through the engine, and redirects lead from one to the next.

use std::future::Future;

use reqwest::{Request, Response};
use tokio::time::Instant;

use super::hop::{Carry, Hop};
use super::replay::{Replay, target};
use crate::destination::{DestinationId, RequestHead};
use crate::engine::{self, Done, Unsent};
use crate::error::{Error, ErrorKind};
use crate::guard::Guard;
use crate::target::Target;

/// A response, and what it was head with.
pub(crate) struct Answered {
    pub(crate) response: Response,
    pub(crate) generation: u64,
}

/// Sends one request, and follows redirects.
pub(crate) struct Dispatch<'a, C> {
    pub(crate) guard: &'a Guard,
    pub(crate) carrier: &'a C,
    pub(crate) redirects: usize,
}

impl<'a, C: Carry> Dispatch<'a, C> {
    #[expect(
        clippy::manual_async_fn,
        reason = "an async fn moves its arguments once more"
    )]
    pub(crate) fn send(
        self,
        request: Request,
    ) -> impl Future<Output = Result<Answered, C::Error>> + Send + use<'a, C> {
        async move {
            let mut to = self.guard.admit(&head(&request))?;
            let limit = request.timeout().copied();
            let hop = Hop {
                guard: self.guard,
                carrier: self.carrier,
                follows: self.redirects > 0,
                deadline: limit.and_then(|limit| Instant::now().checked_add(limit)),
            };
            let mut unsent = Unsent::new(&hop, to, request, self.guard.retry);
            let mut hops = 0;
            loop {
                let Done {
                    response,
                    generation,
                    replay,
                    may_retry,
                } = engine::run(&hop, unsent).await?;
                let Some((next, request)) = self.onward(to, hops, replay, &response)? else {
                    return Ok(Answered {
                        response,
                        generation,
                    });
                };
                (to, hops) = (next, hops + 1);
                unsent = Unsent::new(&hop, to, request, may_retry);
            }
        }
    }

    /// The request that a redirect asks for. `None`: the response is the caller's.
    fn onward(
        &self,
        from: DestinationId,
        hops: usize,
        replay: Option<Replay>,
        response: &Response,
    ) -> Result<Option<(DestinationId, Request)>, Error> {
        let Some(url) = target(response).filter(|_| self.redirects > 0) else {
            return Ok(None);
        };
        let Some(replay) = replay else {
            return Ok(None);
        };
        let (status, headers) = (response.status(), replay.headers());
        let head = RequestHead {
            method: &replay.method_after(status),
            target: Target::of_url(&url),
            headers: &headers,
        };
        let next = self.guard.admit_redirect(from, &head)?;
        let (from, onward) = (self.guard.to(from).origin(), self.guard.to(next).origin());
        if hops == self.redirects {
            let message = format!("{from} redirects once more after {hops} redirects");
            return Err(Error::new(ErrorKind::Redirect, message));
        }
        let request = replay.redirected(status, url, from == onward);
        Ok(request.map(|request| (next, request)))
    }
}

fn head(request: &Request) -> RequestHead<'_> {
    RequestHead {
        method: request.method(),
        target: Target::of_url(request.url()),
        headers: request.headers(),
    }
}
