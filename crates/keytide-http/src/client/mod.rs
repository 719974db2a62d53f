//! The client that binds a credential when a request is sent: [`AuthorizedClient`].

mod beyond;
mod builder;
mod defaults;
mod hop;
#[cfg(feature = "reqwest-middleware")]
mod middleware;
mod replay;
mod request;
mod send;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use http::Method;
use keytide_core::Cache;
use reqwest::{Request, Response};

pub use self::builder::AuthorizedClientBuilder;
pub use self::request::RequestBuilder;
use self::send::{Answered, Dispatch};
use crate::error::Error;
use crate::guard::Guard;
use crate::stream_watch::StreamWatch;

/// Sends requests with the credential of a cache, to named destinations and nowhere else.
///
/// The credential is bound when a request is sent, so a client lives through any number of rotations. Each request,
/// and each hop of a redirect, is judged by its origin before anything is sent. A 401 is reported to the cache, and
/// the request is sent once more with a newer credential if there is one.
///
/// Clones are the same client. It keeps the cache and its agent alive.
///
/// ```no_run
/// # async fn example(token: keytide_core::Cache) -> Result<(), keytide_http::Error> {
/// use keytide_http::AuthorizedClient;
///
/// let http = AuthorizedClient::builder(reqwest::Client::builder(), token)
///     .destination("https://api.example.com")
///     .build()?;
/// let response = http.get("https://api.example.com/v1/invoices").send().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AuthorizedClient {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    guard: Guard,
    redirects: Redirects,
}

/// Which redirects are followed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Redirects {
    pub(crate) most: usize,
    /// Whether out of the destinations too, without the credential.
    pub(crate) leave: bool,
}

impl AuthorizedClient {
    /// Builds a client of this configuration of reqwest, with the credential of this cache.
    ///
    /// A redirect policy is replaced, for redirects are followed here. With an `http` destination, which is on this
    /// machine, proxies are switched off and `localhost` is not looked up. Nothing else is changed. A default header
    /// named as the credential's is never sent; `Host`, and one that would have a request taken for another, are refused.
    pub fn builder(http: reqwest::ClientBuilder, cache: Cache) -> AuthorizedClientBuilder {
        AuthorizedClientBuilder::new(http, cache)
    }

    /// Starts a GET request.
    pub fn get(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Starts a POST request.
    pub fn post(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Starts a PUT request.
    pub fn put(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Starts a PATCH request.
    pub fn patch(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// Starts a DELETE request.
    pub fn delete(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Starts a HEAD request.
    pub fn head(&self, url: impl AsRef<str>) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Starts a request. A URL that does not parse is told by [`RequestBuilder::send`].
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> RequestBuilder {
        RequestBuilder::new(self.clone(), method, url.as_ref())
    }

    /// Sends a request that was built elsewhere.
    ///
    /// # Errors
    /// Those of [`RequestBuilder::send`].
    pub async fn execute(&self, request: Request) -> Result<Response, Error> {
        self.inner
            .send(request)
            .await
            .map(|answered| answered.response)
    }

    /// Sends a request whose response is a long-lived stream: [`execute`](Self::execute), and a [`StreamWatch`] that tells
    /// what becomes of the credential which opened it.
    ///
    /// # Errors
    /// Those of [`RequestBuilder::send`].
    pub async fn open(&self, request: Request) -> Result<(Response, StreamWatch), Error> {
        let answered = self.inner.send(request).await?;
        let watch = StreamWatch::new(self.inner.guard.sender.cache(), answered.generation);
        Ok((answered.response, watch))
    }

    /// The cache whose credential it sends.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        self.inner.guard.sender.cache()
    }
}

impl Inner {
    fn send(&self, request: Request) -> impl Future<Output = Result<Answered, Error>> + Send {
        let dispatch = Dispatch {
            guard: &self.guard,
            carrier: &self.http,
            redirects: self.redirects,
        };
        dispatch.send(request)
    }
}

impl fmt::Debug for AuthorizedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuthorizedClient")
            .field(&self.inner.guard)
            .finish()
    }
}
