//! The future of a request: [`Authorizing`]. It allocates only where it must wait, or an answer must be looked into.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::copy::CopyBody;
use super::passage::{Passage, Passing, Replay};
use crate::destination::DestinationId;
use crate::engine::{self, Unsent};
use crate::error::{BoxError, Error};
use crate::guard::Attempt;
use crate::peek::ResponseBody;

pin_project! {
    /// The future of [`Authorize`](super::Authorize). It may be dropped at any point: a refresh that it waits for goes on.
    pub struct Authorizing<S: Service<Request<B>>, C, B, R: Body> {
        #[pin]
        state: State<S::Future, S, C, B, R>,
    }
}

pin_project! {
    #[project = Projected]
    enum State<F, S, C, B, R: Body> {
        /// It was sent, with what is needed to go on.
        Calling {
            #[pin]
            called: F,
            onward: Option<Onward<S, C, B>>,
        },
        /// It waits for a credential, or for what becomes of an answer.
        Slow { waiting: Slow<R> },
        Failed { error: Option<Error> },
    }
}

struct Onward<S, C, B> {
    passage: Passage<S, C, B>,
    attempt: Attempt,
    replay: Option<Replay<S, B>>,
}

/// Boxed, so that requests that need not wait stay small.
type Slow<R> = Pin<Box<dyn Future<Output = Result<Response<ResponseBody<R>>, BoxError>> + Send>>;

impl<S: Service<Request<B>>, C, B, R: Body> Authorizing<S, C, B, R> {
    pub(super) fn failed(error: Error) -> Self {
        Self {
            state: State::Failed { error: Some(error) },
        }
    }

    fn slow(
        waiting: impl Future<Output = Result<Response<ResponseBody<R>>, BoxError>> + Send + 'static,
    ) -> Self {
        Self {
            state: State::Slow {
                waiting: Box::pin(waiting),
            },
        }
    }
}

impl<S, C, B, R> Authorizing<S, C, B, R>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError> + Send + 'static,
    C: CopyBody<B>,
    B: Body + Send + 'static,
    R: Body + Unpin + Send + 'static,
    R::Data: Send,
    R::Error: Send,
{
    /// Sends a request at once, if there is a credential for it at hand; else waits for one first.
    pub(super) fn begin(
        passage: Passage<S, C, B>,
        to: DestinationId,
        mut parts: Parts,
        body: B,
        service: &mut S,
    ) -> Result<Self, Error> {
        let replay = passage.keep(&parts, &body, service);
        let bound = passage.show(&mut parts, &body, |guard, limit, sending| {
            guard.bind_now(to, limit, sending)
        })?;
        let Some(attempt) = bound else {
            // The service that was made ready is the one to be called; its place is taken by a clone.
            let clone = service.clone();
            let request = Passing {
                parts,
                body,
                service: std::mem::replace(service, clone),
                is_ready: true,
            };
            let unsent = Unsent::awaiting(to, request, replay);
            return Ok(Self::slow(async move {
                Ok(engine::run(&passage, unsent).await?.response)
            }));
        };
        let called = service.call(passage.outgoing(parts, body, attempt.generation));
        let onward = Some(Onward {
            passage,
            attempt,
            replay,
        });
        Ok(Self {
            state: State::Calling { called, onward },
        })
    }
}

impl<S, C, B, R> Future for Authorizing<S, C, B, R>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError> + Send + 'static,
    C: CopyBody<B>,
    B: Body + Send + 'static,
    R: Body + Unpin + Send + 'static,
    R::Data: Send,
    R::Error: Send,
{
    type Output = Result<Response<ResponseBody<R>>, BoxError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                Projected::Failed { error } => {
                    let error = error.take().ok_or("polled after it was done")?;
                    return Poll::Ready(Err(error.into()));
                }
                Projected::Slow { waiting } => return waiting.as_mut().poll(context),
                Projected::Calling { called, onward } => {
                    let sent = ready!(called.poll(context));
                    let Onward {
                        passage,
                        attempt,
                        replay,
                    } = onward.take().ok_or("polled after it was done")?;
                    let sent = sent
                        .map(|response| passage.incoming(attempt.generation, response))
                        .map_err(Into::into);
                    let judged = engine::judge(&passage, attempt, sent, replay, true)?;
                    if judged.is_fine() {
                        return Poll::Ready(Ok(judged.done().response));
                    }
                    State::Slow {
                        waiting: Box::pin(async move {
                            Ok(engine::conclude(&passage, judged).await?.response)
                        }),
                    }
                }
            };
            state.set(next);
        }
    }
}

impl<S: Service<Request<B>>, C, B, R: Body> fmt::Debug for Authorizing<S, C, B, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Calling { .. } => "sent",
            State::Slow { .. } => "waits",
            State::Failed { .. } => "failed",
        };
        f.debug_struct("Authorizing")
            .field("state", &state)
            .finish()
    }
}
