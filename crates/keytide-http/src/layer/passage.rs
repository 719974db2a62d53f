//! A service underneath, as the engine sees it: [`Passage`].

use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use tower_service::Service;

use super::copy::{CopyBody, bytes_of};
use super::limit::limit_of;
use super::shared::Shared;
use crate::attach::Sending;
use crate::engine::{Exchange, ReplayHeaders};
use crate::error::BoxError;
use crate::generation::SentGeneration;
use crate::guard::{Attempt, Guard};
use crate::peek::ResponseBody;

/// The passage of one request through a layer, to a service `S` that takes bodies `B`.
pub(super) struct Passage<S, C, B> {
    shared: Arc<Shared>,
    copy: C,
    limit: Option<Duration>,
    of: PhantomData<fn(S, B)>,
}

/// A request, and the service that it is to be sent by.
pub(super) struct Passing<S, B> {
    pub(super) parts: Parts,
    pub(super) body: B,
    pub(super) service: S,
    /// Whether the service was made ready for this request.
    pub(super) is_ready: bool,
}

/// What another attempt is made of. Boxed, so that futures without one stay small.
pub(super) type Replay<S, B> = Box<Whole<S, B>>;

/// The request as it was, and a service to send it with.
pub(super) struct Whole<S, B> {
    method: Method,
    uri: Uri,
    version: Version,
    headers: ReplayHeaders,
    extensions: Extensions,
    body: B,
    service: S,
}

impl<S, C, B> Passage<S, C, B> {
    #[inline]
    pub(super) fn new(shared: Arc<Shared>, copy: C, parts: &Parts) -> Self {
        Self {
            shared,
            copy,
            limit: limit_of(parts),
            of: PhantomData,
        }
    }

    /// What is kept of a request as it is now, without a credential. Two allocations: the box, and the list of the headers
    /// where there are some.
    #[inline]
    pub(super) fn keep(&self, parts: &Parts, body: &B, service: &S) -> Option<Replay<S, B>>
    where
        S: Clone,
        C: CopyBody<B>,
    {
        let body = self.copy.copy(body)?;
        Some(Box::new(Whole {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            version: parts.version,
            headers: ReplayHeaders::of(&parts.headers),
            extensions: parts.extensions.clone(),
            body,
            service: service.clone(),
        }))
    }

    /// Hands out the parts of a request that are looked at.
    #[inline]
    pub(super) fn show<T>(
        &self,
        parts: &mut Parts,
        body: &B,
        use_it: impl FnOnce(&Guard, Option<Duration>, Sending<'_>) -> T,
    ) -> T
    where
        C: CopyBody<B>,
        B: Body,
    {
        let guard = &self.shared.guard;
        let bytes = if guard.profile().wants_body() {
            bytes_of(&self.copy, body)
        } else {
            None
        };
        let sending = Sending {
            method: &parts.method,
            path: parts.uri.path(),
            query: parts.uri.query(),
            headers: &mut parts.headers,
            body: bytes.as_deref(),
        };
        use_it(guard, self.limit, sending)
    }

    /// The request as it is sent with this generation.
    #[inline]
    pub(super) fn outgoing(&self, mut parts: Parts, body: B, generation: u64) -> Request<B> {
        if self.shared.marks {
            parts.extensions.insert(SentGeneration(generation));
        }
        Request::from_parts(parts, body)
    }

    /// The response to a request that went with this generation.
    #[inline]
    pub(super) fn incoming<R: Body>(
        &self,
        generation: u64,
        response: Response<R>,
    ) -> Response<ResponseBody<R>> {
        self.shared
            .watched(generation, response.map(ResponseBody::untouched))
    }
}

impl<S, C, B, R> Exchange for Passage<S, C, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send,
    S::Future: Send,
    S::Error: Into<BoxError> + Send,
    C: CopyBody<B>,
    B: Body + Send,
    R: Body + Unpin + Send,
    R::Data: Send,
    R::Error: Send,
{
    type Request = Passing<S, B>;
    type Replay = Replay<S, B>;
    type Response = Response<ResponseBody<R>>;
    type Error = BoxError;

    #[inline]
    fn guard(&self) -> &Guard {
        &self.shared.guard
    }

    /// As the request says: it says so again where it is sent again.
    fn time_left(&self) -> Option<Duration> {
        self.limit
    }

    fn with<T>(
        &self,
        request: &mut Passing<S, B>,
        use_it: impl FnOnce(&Guard, Sending<'_>) -> T,
    ) -> T {
        self.show(&mut request.parts, &request.body, |guard, _, sending| {
            use_it(guard, sending)
        })
    }

    fn replay(&self, request: &mut Passing<S, B>, may_retry: bool) -> Option<Replay<S, B>> {
        may_retry.then(|| self.keep(&request.parts, &request.body, &request.service))?
    }

    fn again(&self, replay: Replay<S, B>, _: &Self::Response) -> Option<Passing<S, B>> {
        let mut request = Request::new(replay.body);
        *request.method_mut() = replay.method;
        *request.uri_mut() = replay.uri;
        *request.version_mut() = replay.version;
        *request.headers_mut() = replay.headers.table();
        *request.extensions_mut() = replay.extensions;
        let (parts, body) = request.into_parts();
        Some(Passing {
            parts,
            body,
            service: replay.service,
            is_ready: false,
        })
    }

    async fn send(
        &self,
        request: Passing<S, B>,
        attempt: &Attempt,
    ) -> Result<Response<ResponseBody<R>>, BoxError> {
        let generation = attempt.generation;
        let mut service = request.service;
        if !request.is_ready {
            poll_fn(|context| service.poll_ready(context))
                .await
                .map_err(Into::into)?;
        }
        let outgoing = self.outgoing(request.parts, request.body, generation);
        let response = service.call(outgoing).await.map_err(Into::into)?;
        Ok(self.incoming(generation, response))
    }

    #[inline]
    fn head(response: &Self::Response) -> (StatusCode, &HeaderMap) {
        (response.status(), response.headers())
    }

    async fn peek(
        response: Self::Response,
        most: u64,
        end: impl Future<Output = ()> + Send,
    ) -> (Option<Vec<u8>>, Self::Response) {
        let (parts, body) = response.into_parts();
        let (bytes, body) = body.peeked(most, end).await;
        (bytes, Response::from_parts(parts, body))
    }
}
