//! The client that binds a credential when a request is sent: [`AuthorizedClient`].

mod builder;
mod request;
mod send;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use keytide_core::Cache;
use reqwest::{Request, Response};

pub use self::builder::AuthorizedClientBuilder;
pub use self::request::RequestBuilder;
use crate::destination::Destinations;
use crate::error::Error;
use crate::header::Header;
use crate::watch::Watch;

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
    cache: Cache,
    header: Arc<Header>,
    /// Held for what it does: it empties `header`.
    _watch: Arc<Watch>,
    destinations: Destinations,
    patience: Duration,
    retry_on_401: bool,
    redirects: usize,
}

impl AuthorizedClient {
    /// Builds a client of this configuration of reqwest, with the credential of this cache.
    ///
    /// A redirect policy is replaced, for redirects are followed here. With an `http` destination, which is on this
    /// machine, proxies are switched off and `localhost` is not looked up. Nothing else is changed. A default header
    /// named as the credential's is never sent.
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
        self.inner.send(request).await
    }

    /// The cache whose credential it sends.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.inner.cache
    }
}

impl fmt::Debug for AuthorizedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizedClient")
            .field("cache", &self.inner.cache)
            .field("header", &self.inner.header)
            .field("destinations", &self.inner.destinations)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use keytide_core::{
        Agent, AgentIdentity, AgentType, Environment, Issued, Owner, Profile, ProvideCredential,
        Version,
    };

    use super::*;
    use crate::header::Attached;

    struct Token;

    impl ProvideCredential for Token {
        fn profile(&self) -> Profile {
            Profile::bearer("token")
        }

        async fn provide(&self, _: &keytide_core::Request) -> Result<Issued, keytide_core::Error> {
            Ok(Issued::bearer("token".to_owned()).expires_in(Duration::from_secs(900)))
        }
    }

    #[tokio::test]
    async fn an_idle_client_holds_no_secret_after_a_revocation() {
        let names = (
            AgentType("idle"),
            Version("1"),
            Environment("test"),
            Owner("tests"),
        );
        let identity = AgentIdentity::new(names.0, names.1, names.2, names.3).unwrap();
        let cache = Agent::builder(identity)
            .build()
            .unwrap()
            .cache(Token)
            .build()
            .unwrap();
        let client = AuthorizedClient::builder(reqwest::Client::builder(), cache.clone())
            .destination("https://api.example.com")
            .build()
            .unwrap();
        let credential = cache.get().await.unwrap();
        let mut request = Request::new(Method::GET, "https://api.example.com".parse().unwrap());
        let attached = client.inner.header.attach(&credential, &mut request);
        assert_eq!(attached.unwrap(), Attached::Yes);
        assert!(client.inner.header.keeps(1));

        drop(cache.revoke());

        assert!(!client.inner.header.keeps(1));
    }
}
