//! The future of a request: [`Authorizing`]. It allocates only where it must wait, or an answer must be looked into.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::CopyBody;
use super::exchange::{Exchange, Spare};
use super::service::BoxError;
use crate::error::Error;
use crate::guard::Trip;
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
    exchange: Exchange<C>,
    trip: Trip,
    spare: Option<Spare<S, B>>,
    limit: Option<Duration>,
}

/// Boxed, so that requests that need not wait stay small.
type Slow<R> = Pin<Box<dyn Future<Output = Result<Response<ResponseBody<R>>, BoxError>> + Send>>;

impl<S: Service<Request<B>>, C, B, R: Body> Authorizing<S, C, B, R> {
    pub(super) fn failed(error: Error) -> Self {
        Self {
            state: State::Failed { error: Some(error) },
        }
    }

    pub(super) fn calling(
        called: S::Future,
        exchange: Exchange<C>,
        trip: Trip,
        spare: Option<Spare<S, B>>,
        limit: Option<Duration>,
    ) -> Self {
        let onward = Some(Onward {
            exchange,
            trip,
            spare,
            limit,
        });
        Self {
            state: State::Calling { called, onward },
        }
    }

    pub(super) fn slow(
        waiting: impl Future<Output = Result<Response<ResponseBody<R>>, BoxError>> + Send + 'static,
    ) -> Self {
        Self {
            state: State::Slow {
                waiting: Box::pin(waiting),
            },
        }
    }
}

impl<S, C, B, R> Future for Authorizing<S, C, B, R>
where
    S: Service<Request<B>, Response = Response<R>> + Send + 'static,
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
                    let mut onward = onward.take().ok_or("polled after it was done")?;
                    let guard = &onward.exchange.shared.guard;
                    let status = sent.as_ref().ok().map(Response::status);
                    guard.tell_use(&mut onward.trip, status);
                    let response = sent.map_err(Into::into)?;
                    if guard.is_fine(&onward.trip, response.status(), response.headers()) {
                        let response = response.map(ResponseBody::untouched);
                        let generation = onward.trip.generation;
                        return Poll::Ready(Ok(onward
                            .exchange
                            .shared
                            .tethered(generation, response)));
                    }
                    let Onward {
                        exchange,
                        trip,
                        spare,
                        limit,
                    } = onward;
                    State::Slow {
                        waiting: Box::pin(exchange.conclude(trip, response, spare, limit)),
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
