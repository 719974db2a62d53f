//! The service that a layer makes: [`Authorize`].

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::copy::{CopyBody, NoCopy};
use super::future::Authorizing;
use super::passage::Passage;
use super::shared::Shared;
use crate::error::BoxError;
use crate::peek::ResponseBody;

/// A service whose requests carry the credential. Made by [`AuthorizeLayer`](super::AuthorizeLayer).
///
/// A request that is refused here fails with a boxed [`Error`](crate::Error); what the service underneath fails with is
/// boxed and passed on. It is never asked for a refused request, but has been made ready for it: tower's contract.
#[derive(Clone)]
pub struct Authorize<S, C = NoCopy> {
    inner: S,
    shared: Arc<Shared>,
    copy: C,
}

impl<S, C> Authorize<S, C> {
    pub(super) fn new(inner: S, shared: Arc<Shared>, copy: C) -> Self {
        Self {
            inner,
            shared,
            copy,
        }
    }
}

impl<S, C, B, R> Service<Request<B>> for Authorize<S, C>
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
    type Response = Response<ResponseBody<R>>;
    type Error = BoxError;
    type Future = Authorizing<S, C, B, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let passage = Passage::new(Arc::clone(&self.shared), self.copy.clone(), &parts);
        let begun = self
            .shared
            .admit(&mut parts)
            .and_then(|to| Authorizing::begin(passage, to, parts, body, &mut self.inner));
        begun.unwrap_or_else(Authorizing::failed)
    }
}

impl<S, C> fmt::Debug for Authorize<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authorize")
            .field(&self.shared.guard)
            .finish()
    }
}
