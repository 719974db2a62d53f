//! The way of one request over reqwest: each hop goes through the engine, and redirects lead from one to the next.

use std::future::Future;

use reqwest::{Request, Response};
use tokio::time::Instant;
use url::Url;

use super::Redirects;
use super::beyond::Beyond;
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
    pub(crate) redirects: Redirects,
}

impl<'a, C: Carry> Dispatch<'a, C> {
    #[expect(
        clippy::manual_async_fn,
        reason = "an async fn moves its arguments once more"
    )]
    pub(crate) fn send(
        self,
        mut request: Request,
    ) -> impl Future<Output = Result<Answered, C::Error>> + Send + use<'a, C> {
        async move {
            let mut to = self.guard.admit(&head(&request))?;
            self.rewrite(request.url_mut());
            let limit = request.timeout().copied();
            let hop = Hop {
                guard: self.guard,
                carrier: self.carrier,
                follows: self.redirects.most > 0,
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
                let answered = |response| Answered {
                    response,
                    generation,
                };
                match self.onward(to, hops, replay, &response)? {
                    Onward::Nowhere => return Ok(answered(response)),
                    Onward::To(next, request) => {
                        (to, hops) = (next, hops + 1);
                        unsent = Unsent::new(&hop, to, *request, may_retry);
                    }
                    Onward::Beyond(beyond) => {
                        let most = self.redirects.most;
                        let sent = beyond.send(self.carrier, most, hop.deadline);
                        return sent.await.map(answered);
                    }
                }
            }
        }
    }

    /// Writes path and query as who attaches wants them.
    fn rewrite(&self, url: &mut Url) {
        if let Some(written) = self.guard.rewritten(url.path(), url.query()) {
            let (path, query) = match written.split_once('?') {
                Some((path, query)) => (path, Some(query)),
                None => (written.as_str(), None),
            };
            url.set_path(path);
            url.set_query(query);
        }
    }

    /// The request that a redirect asks for.
    fn onward(
        &self,
        from: DestinationId,
        hops: usize,
        replay: Option<Replay>,
        response: &Response,
    ) -> Result<Onward, Error> {
        let Some(mut url) = target(response).filter(|_| self.redirects.most > 0) else {
            return Ok(Onward::Nowhere);
        };
        let Some(replay) = replay else {
            return Ok(Onward::Nowhere);
        };
        let (status, headers) = (response.status(), replay.headers());
        let head = RequestHead {
            method: &replay.method_after(status),
            target: Target::of_url(&url),
            headers: &headers,
        };
        let leaves = self.redirects.leave && !self.guard.destinations.has_origin_of(&head.target);
        let next = if leaves {
            None
        } else {
            Some(self.guard.admit_redirect(from, &head)?)
        };
        let origin = self.guard.to(from).origin();
        if hops == self.redirects.most {
            let message = format!("{origin} redirects once more after {hops} redirects");
            return Err(Error::new(ErrorKind::Redirect, message));
        }
        let Some(next) = next else {
            let is_clear = self.guard.to(from).is_clear();
            let beyond = Beyond::new(response, replay, url, is_clear, hops + 1)?;
            return Ok(beyond.map_or(Onward::Nowhere, |beyond| Onward::Beyond(Box::new(beyond))));
        };
        self.rewrite(&mut url);
        let request = replay.redirected(status, url, origin == self.guard.to(next).origin());
        Ok(request.map_or(Onward::Nowhere, |request| {
            Onward::To(next, Box::new(request))
        }))
    }
}

/// Where a response leads.
enum Onward {
    /// It is the caller's.
    Nowhere,
    To(DestinationId, Box<Request>),
    Beyond(Box<Beyond>),
}

fn head(request: &Request) -> RequestHead<'_> {
    RequestHead {
        method: request.method(),
        target: Target::of_url(request.url()),
        headers: request.headers(),
    }
}
