//! How a client is told what it may do: [`AuthorizedClientBuilder`].

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderName};
use keytide_core::Cache;
use reqwest::redirect;

use super::{AuthorizedClient, Inner};
use crate::destination::{Destination, Destinations, LOCALHOST};
use crate::error::{Error, ErrorKind};
use crate::header::Header;
use crate::watch::Watch;

/// Builds an [`AuthorizedClient`]. Building contacts nobody.
#[must_use]
pub struct AuthorizedClientBuilder {
    http: reqwest::ClientBuilder,
    cache: Cache,
    destinations: Vec<String>,
    header: Option<String>,
    patience: Duration,
    retry_on_401: bool,
    redirects: usize,
}

impl AuthorizedClientBuilder {
    pub(super) fn new(http: reqwest::ClientBuilder, cache: Cache) -> Self {
        Self {
            http,
            cache,
            destinations: Vec::new(),
            header: None,
            patience: Duration::from_secs(30),
            retry_on_401: true,
            redirects: MOST_REDIRECTS,
        }
    }

    /// Adds an origin that the credential may be sent to, such as `https://api.example.com`. At least one is needed.
    ///
    /// Scheme, host and port are compared exactly, after the normalisation of URLs (lower case, IDNA, default ports);
    /// there are no wildcards, and subdomains are other origins. Only `https`, with one exception: `http` to a literal
    /// loopback address or to `localhost`. That name is not looked up: it stands for `127.0.0.1` and `::1`, whatever
    /// the resolver says.
    pub fn destination(mut self, origin: impl Into<String>) -> Self {
        self.destinations.push(origin.into());
        self
    }

    /// Sends the bare secret in a header of this name, such as `x-api-key`. Defaults to `Authorization: Bearer …`.
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.header = Some(name.into());
        self
    }

    /// How long a request waits for a credential, where there is none to be had at once, and again for a newer one
    /// after a 401. Defaults to 30 s, as long as one call to an issuer may take. Counted by tokio's clock. While the cache
    /// backs off from an issuer that failed, a request without a credential fails at once.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Whether a request that was refused for its credential is sent once more, when there is a newer one. The refusal
    /// is reported in any case. Defaults to `true`. It costs a copy of the request, as following redirects does: with
    /// both off nothing is copied.
    pub fn retry_on_401(mut self, retry: bool) -> Self {
        self.retry_on_401 = retry;
        self
    }

    /// How many redirects are followed, 0 to 10. With 0 the caller gets the redirect itself as the response. Defaults
    /// to 10.
    pub fn redirects(mut self, most: usize) -> Self {
        self.redirects = most;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// [`InsecureDestination`](ErrorKind::InsecureDestination); [`InvalidArgument`](ErrorKind::InvalidArgument) when
    /// there is no destination, one is not an origin, the header cannot carry a credential, there are more than 10
    /// redirects, or reqwest refuses its own configuration.
    pub fn build(self) -> Result<AuthorizedClient, Error> {
        let destinations = Destinations::parse(&self.destinations)?;
        let header = Arc::new(match self.header {
            Some(name) => Header::bare(checked_name(&name)?),
            None => Header::bearer(),
        });
        if self.redirects > MOST_REDIRECTS {
            return Err(Error::invalid(format!(
                "the redirects to follow must be 0 to {MOST_REDIRECTS}, not {}",
                self.redirects
            )));
        }
        let http = configured(self.http, &destinations)
            .build()
            .map_err(|source| {
                let message = "the HTTP client could not be built";
                Error::caused_by(ErrorKind::InvalidArgument, message, source.without_url())
            })?;
        let inner = Inner {
            http,
            _watch: Watch::new(&self.cache, &header),
            cache: self.cache,
            header,
            destinations,
            patience: self.patience,
            retry_on_401: self.retry_on_401,
            redirects: self.redirects,
        };
        Ok(AuthorizedClient {
            inner: Arc::new(inner),
        })
    }
}

/// What must hold for the destinations to mean what they say.
fn configured(
    mut http: reqwest::ClientBuilder,
    destinations: &Destinations,
) -> reqwest::ClientBuilder {
    http = http.redirect(redirect::Policy::none());
    if destinations.iter().any(Destination::is_clear) {
        // To a proxy, this machine is another machine.
        http = http.no_proxy();
    }
    if destinations.iter().any(Destination::is_clear_localhost) {
        // Port 0: that of the URL.
        let loopback = [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ];
        http = http.resolve_to_addrs(LOCALHOST, &loopback.map(|ip| SocketAddr::new(ip, 0)));
    }
    http
}

fn checked_name(name: &str) -> Result<HeaderName, Error> {
    let parsed = HeaderName::try_from(name).map_err(|source| {
        let message = "the name of the header is not valid";
        Error::caused_by(ErrorKind::InvalidArgument, message, source)
    })?;
    if NOT_FOR_CREDENTIALS.contains(&parsed) {
        return Err(Error::invalid(format!(
            "the header {parsed} cannot carry a credential"
        )));
    }
    Ok(parsed)
}

impl fmt::Debug for AuthorizedClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizedClientBuilder")
            .field("cache", &self.cache)
            .field("destinations", &self.destinations)
            .field("header", &self.header)
            .field("patience", &self.patience)
            .field("retry_on_401", &self.retry_on_401)
            .field("redirects", &self.redirects)
            .finish_non_exhaustive()
    }
}

/// As reqwest has it.
const MOST_REDIRECTS: usize = 10;
/// What frames or routes a message, or is read by others than the destination.
const NOT_FOR_CREDENTIALS: [HeaderName; 9] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::COOKIE,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
