//! A request in the making: [`RequestBuilder`].

use std::fmt;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Version};
use reqwest::{Body, Request, Response};
use url::Url;

use super::AuthorizedClient;
use crate::error::{Error, ErrorKind};
use crate::stream_watch::StreamWatch;
use crate::target::Target;

/// A request in the making, as reqwest's own, without the ways to set a credential by hand.
#[must_use = "nothing is sent until `send` is awaited"]
pub struct RequestBuilder {
    client: AuthorizedClient,
    request: Result<reqwest::RequestBuilder, Error>,
}

impl RequestBuilder {
    pub(super) fn new(client: AuthorizedClient, method: Method, url: &str) -> Self {
        let request = match Url::parse(url) {
            // Not by reqwest's `request`, which makes a header of a password in the URL.
            Ok(url) => Ok(reqwest::RequestBuilder::from_parts(
                client.inner.http.clone(),
                Request::new(method, url),
            )),
            Err(error) => Err(Error::unreadable(error)),
        };
        Self { client, request }
    }

    /// Adds a header. One that this client sets, and `Host`, are refused by [`send`](Self::send).
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        HeaderName: TryFrom<K>,
        <HeaderName as TryFrom<K>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.map(|request| request.header(name, value))
    }

    /// Adds headers, in place of those of the same names.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.map(|request| request.headers(headers))
    }

    /// Sets the body. A streaming one cannot be sent twice: after a 401, or a redirect that keeps the body, the caller
    /// gets that answer.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.map(|request| request.body(body))
    }

    /// Sets the body to this value as JSON, and the content type unless it is set.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn json<T: serde::Serialize + ?Sized>(self, value: &T) -> Self {
        self.map(|request| request.json(value))
    }

    /// Adds parameters to the query.
    #[cfg(feature = "query")]
    #[cfg_attr(docsrs, doc(cfg(feature = "query")))]
    pub fn query<T: serde::Serialize + ?Sized>(self, parameters: &T) -> Self {
        self.map(|request| request.query(parameters))
    }

    /// Sets the time limit of the whole request, from [`send`](Self::send) to the end of the response's body: waiting
    /// for a credential, the retry and all redirects included. Defaults to the limit of the reqwest client, which
    /// counts for each hop and for the retry anew.
    pub fn timeout(self, limit: Duration) -> Self {
        self.map(|request| request.timeout(limit))
    }

    /// Sets the HTTP version.
    pub fn version(self, version: Version) -> Self {
        self.map(|request| request.version(version))
    }

    /// The request as it would be sent, without the credential.
    ///
    /// # Errors
    /// [`InvalidUrl`](ErrorKind::InvalidUrl) and [`Request`](ErrorKind::Request).
    pub fn build(self) -> Result<Request, Error> {
        self.request?.build().map_err(|source| {
            let message = "the request could not be built";
            Error::caused_by(ErrorKind::Request, message, source.without_url())
        })
    }

    /// Sends the request with the credential that is current now.
    ///
    /// A response of any status is no error; a 401 is one that a newer credential did not heal.
    ///
    /// # Errors
    /// Every [`ErrorKind`] but the two that [`build`](super::AuthorizedClientBuilder::build) gives: each says whether
    /// anything was sent.
    pub async fn send(self) -> Result<Response, Error> {
        let (client, request) = self.ready()?;
        client.execute(request).await
    }

    /// Sends the request for a long-lived stream, such as server-sent events: [`send`](Self::send), and a [`StreamWatch`] that
    /// tells what becomes of the credential which opened it.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    pub async fn open(self) -> Result<(Response, StreamWatch), Error> {
        let (client, request) = self.ready()?;
        client.open(request).await
    }

    fn ready(self) -> Result<(AuthorizedClient, Request), Error> {
        let client = self.client.clone();
        match self.build() {
            Ok(request) => Ok((client, request)),
            Err(error) => Err(client.inner.guard.refused(&Target::NOWHERE, error)),
        }
    }

    fn map(
        mut self,
        change: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Self {
        self.request = self.request.map(change);
        self
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RequestBuilder");
        match &self.request {
            Ok(_) => debug.field("client", &self.client),
            Err(error) => debug.field("error", error),
        };
        debug.finish_non_exhaustive()
    }
}
