//! The client as a stack of `reqwest_middleware`.

use std::sync::Arc;

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientWithMiddleware, Middleware, Next};

use super::builder::Parts;
use super::hop::Carry;
use super::send::Dispatch;
use super::{AuthorizedClientBuilder, Redirects};
use crate::error::Error;
use crate::generation::SentGeneration;
use crate::guard::Guard;

impl AuthorizedClientBuilder {
    /// Builds a client of `reqwest_middleware` with these middlewares, the outermost first, around the one that binds
    /// the credential.
    ///
    /// That one is the innermost, so each attempt of a retrying middleware carries the current credential, and none of
    /// them ever sees one. It cannot be put over a client that was built elsewhere: redirects are followed by it, each
    /// hop judged, and the client under it follows none. The generation goes to the others in the extensions, as
    /// [`SentGeneration`](crate::SentGeneration). Errors are those of [`RequestBuilder::send`](crate::RequestBuilder::send),
    /// as `reqwest_middleware::Error::Middleware`; the transport's are passed on.
    ///
    /// # Errors
    /// Those of [`build`](Self::build).
    pub fn build_with_middleware(
        self,
        outer: impl IntoIterator<Item = Arc<dyn Middleware>>,
    ) -> Result<ClientWithMiddleware, Error> {
        let Parts {
            http,
            guard,
            redirects,
        } = self.parts()?;
        let mut stack: Vec<Arc<dyn Middleware>> = outer.into_iter().collect();
        stack.push(Arc::new(Authorizing { guard, redirects }));
        Ok(ClientWithMiddleware::new(http, stack))
    }
}

/// Always the innermost, so that what it hands on goes straight to the client.
struct Authorizing {
    guard: Guard,
    redirects: Redirects,
}

#[async_trait::async_trait]
impl Middleware for Authorizing {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let dispatch = Dispatch {
            guard: &self.guard,
            carrier: &Inner(next),
            redirects: self.redirects,
        };
        match dispatch.send(request).await {
            Ok(answered) => {
                extensions.insert(SentGeneration(answered.generation));
                Ok(answered.response)
            }
            Err(Failure::Ours(error)) => Err(reqwest_middleware::Error::middleware(error)),
            Err(Failure::Theirs(error)) => Err(error.without_url()),
        }
    }
}

struct Inner<'a>(Next<'a>);

/// What a request came to nothing by.
enum Failure {
    Ours(Error),
    Theirs(reqwest_middleware::Error),
}

impl Carry for Inner<'_> {
    type Error = Failure;

    async fn carry(&self, _: &str, request: Request) -> Result<Response, Failure> {
        let inner = self.0.clone();
        let sent = inner.run(request, &mut Extensions::new()).await;
        sent.map_err(Failure::Theirs)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}
