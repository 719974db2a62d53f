//! Where an issuer is asked: [`Endpoint`].

use std::fmt;
use std::net::IpAddr;

use keytide_core::Error;
use url::{Host, Url};

use super::address::AddressClass;

/// The URL of an issuer, judged: it can be asked without a credential going where it must not.
///
/// ```
/// use keytide_issuer::Endpoint;
///
/// assert!(Endpoint::parse("https://login.example.com/oauth2/token").is_ok());
/// assert!(Endpoint::parse("http://127.0.0.1:8080/token").is_ok());
/// assert!(Endpoint::parse("http://169.254.169.254/latest/api/token").is_ok());
/// assert!(Endpoint::parse("http://login.example.com/token").is_err());
/// assert!(Endpoint::parse("https://169.254.169.254/").is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    route: Route,
}

/// Which of the clients asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Route {
    /// Plain HTTP to this machine: no proxy, no TLS.
    Loopback,
    /// Plain HTTP to a metadata address: no proxy, no TLS, and its `Date` is nobody's word.
    Metadata,
    /// TLS to this machine: no proxy.
    SecureLoopback,
    /// TLS to anybody else.
    Public,
}

/// Who vouches for a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Nobody,
    /// The platform that started this process.
    Platform,
}

impl Endpoint {
    /// Judges a URL.
    ///
    /// `https` to any name or address but link-local, metadata, multicast, reserved and unspecified ones, and none that
    /// is an IPv4 address written as IPv6. `http` to a loopback address, to `localhost` (which is never looked up),
    /// and to the documented metadata addresses: 169.254.169.254, 169.254.170.2, 169.254.170.23, fd00:ec2::254,
    /// fd00:ec2::23 and fd20:ce::254, each written as an address.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), saying what is wrong with the URL. It names the
    /// origin at most: never a path or a query.
    pub fn parse(url: &str) -> Result<Self, Error> {
        Self::judge(parsed(url)?, Trust::Nobody)
    }

    /// Judges a URL that the platform itself put into the environment, for its own token service.
    ///
    /// What [`parse`](Self::parse) allows, and plain `http` to a literal IPv4 address of the link-local range
    /// 169.254.0.0/16: Azure App Service on Linux serves tokens at one such as `http://169.254.129.2:8081`, another in
    /// each container. Such an address is asked as the metadata addresses are: through no proxy. Never for a URL that a
    /// user, a file or another server may have chosen.
    ///
    /// # Errors
    /// Those of [`parse`](Self::parse).
    pub fn parse_of_platform(url: &str) -> Result<Self, Error> {
        Self::judge(parsed(url)?, Trust::Platform)
    }

    /// The scheme, host and port, as `https://login.example.com`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The host, without a port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The whole URL, such as an assertion's `aud` may want it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The endpoint at another path of the same origin, such as `/latest/api/token`. It is taken as it is, after the
    /// normalisation of URLs; a query goes with it.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when the path does not begin with one `/`, or would
    /// lead to another origin.
    pub fn at_path(&self, path: &str) -> Result<Self, Error> {
        let other = || {
            Error::misconfigured(format!(
                "the path for the issuer {} does not begin with one slash, or leads elsewhere",
                self.origin()
            ))
        };
        if !path.starts_with('/') || path.starts_with("//") || path.contains('\\') {
            return Err(other());
        }
        let url = self.url.join(path).map_err(|_| other())?;
        if url.origin() != self.url.origin() {
            return Err(other());
        }
        let trust = match self.route {
            Route::Metadata => Trust::Platform,
            _ => Trust::Nobody,
        };
        Self::judge(url, trust)
    }

    /// The endpoint with one more parameter in its query. Not for secrets: queries are logged by everybody.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn route(&self) -> Route {
        self.route
    }

    fn judge(url: Url, trust: Trust) -> Result<Self, Error> {
        let Some(host) = url.host() else {
            return Err(Error::misconfigured(
                "the URL of the issuer has no host: write it as https://host/path",
            ));
        };
        let origin = url.origin().ascii_serialization();
        let wrong = |what: &str| {
            Err(Error::misconfigured(format!(
                "the URL of the issuer {origin} {what}"
            )))
        };
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => {
                return Err(Error::misconfigured(
                    "the URL of the issuer is neither https nor http",
                ));
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("holds a user name or a password: give them to the provider instead");
        }
        if url.fragment().is_some() {
            return wrong("has a fragment, which no issuer is sent");
        }
        if url.port() == Some(0) {
            return wrong("names port 0");
        }
        let place = match host {
            Host::Domain(name) if name == LOCALHOST => AddressClass::Loopback,
            Host::Domain(name) if name.ends_with('.') => {
                return wrong("has a host that ends with a dot: leave the dot off");
            }
            Host::Domain(_) => AddressClass::Elsewhere,
            Host::Ipv4(address) => AddressClass::of(IpAddr::V4(address)),
            Host::Ipv6(address) => AddressClass::of(IpAddr::V6(address)),
        };
        let route = match (place, secure) {
            (AddressClass::LinkLocal, false) if trust == Trust::Platform => Route::Metadata,
            (AddressClass::LinkLocal, _) => return wrong("leads to a link-local address"),
            (AddressClass::Never(what), _) => return wrong(&format!("leads to {what}")),
            (AddressClass::Loopback, false) => Route::Loopback,
            (AddressClass::Loopback, true) => Route::SecureLoopback,
            (AddressClass::Metadata, false) => Route::Metadata,
            (AddressClass::Metadata, true) => {
                return wrong("is a metadata address, which speaks http, not https");
            }
            (AddressClass::Elsewhere, true) => Route::Public,
            (AddressClass::Elsewhere, false) => {
                return wrong(
                    "is not https. Plain http is for loopback and for metadata services, which are named by their \
                     address, such as 169.254.169.254",
                );
            }
        };
        Ok(Self { url, route })
    }
}

fn parsed(url: &str) -> Result<Url, Error> {
    // A host with a port would be taken for a scheme.
    if !url.contains("://") {
        return Err(Error::misconfigured(
            "the URL of the issuer has no scheme, and so does not parse: write it as https://host/path",
        ));
    }
    Url::parse(url).map_err(|error| {
        Error::misconfigured("the URL of the issuer does not parse").caused_by(error)
    })
}

/// Without the query.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint")
            .field(&format_args!("{}{}", self.origin(), self.url.path()))
            .finish()
    }
}

/// The one name that is taken for this machine, and never looked up.
pub(super) const LOCALHOST: &str = "localhost";
