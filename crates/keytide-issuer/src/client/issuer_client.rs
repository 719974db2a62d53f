//! The client that all providers share: [`IssuerClient`] and [`IssuerClientBuilder`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use keytide_core::Error;
use keytide_fork::PerProcess;
use reqwest::{Certificate, Proxy};

use super::ask::Ask;
use super::clients::{Clients, Proxies, Settings};
use super::endpoint::Endpoint;

/// Asks issuers, guarded: see [the crate](crate#the-guarded-client). Clones are the same client.
///
/// It holds no connection and needs no runtime until it asks, so one serves all providers of a process, on whatever
/// runtime they are polled.
#[derive(Clone)]
pub struct IssuerClient {
    clients: Arc<Clients>,
}

impl IssuerClient {
    /// The client with the default settings that this process shares.
    #[must_use]
    pub fn shared() -> Self {
        static SHARED: LazyLock<IssuerClient> = LazyLock::new(|| IssuerClient {
            clients: Clients::new(Settings::default()),
        });
        SHARED.clone()
    }

    /// A client for what is on this machine or one hop away, and answers at once or is not there, such as a metadata
    /// service: it gives the whole answer this long, and a connection half of that, but 2 s at most. The process shares
    /// one for each limit, as long as it lives.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when the limit is not 20 ms to 10 min.
    pub fn quick(answer_timeout: Duration) -> Result<Self, Error> {
        // In a fork the lock may be held by a thread that is not there.
        static MADE: PerProcess<Mutex<BTreeMap<Duration, IssuerClient>>> = PerProcess::new();
        let mut made = MADE.get().lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&answer_timeout) {
            return Ok(client.clone());
        }
        let client = Self::builder()
            .connect_timeout(QUICK_CONNECTION.min(answer_timeout / 2))
            .answer_timeout(answer_timeout)
            .build()?;
        made.insert(answer_timeout, client.clone());
        Ok(client)
    }

    /// A client with settings of its own.
    pub fn builder() -> IssuerClientBuilder {
        IssuerClientBuilder {
            settings: Settings::default(),
        }
    }

    /// Starts a GET request.
    pub fn get(&self, endpoint: &Endpoint) -> Ask {
        self.ask(Method::GET, endpoint)
    }

    /// Starts a POST request.
    pub fn post(&self, endpoint: &Endpoint) -> Ask {
        self.ask(Method::POST, endpoint)
    }

    /// Starts a PUT request.
    pub fn put(&self, endpoint: &Endpoint) -> Ask {
        self.ask(Method::PUT, endpoint)
    }

    /// Starts a request of any method but TRACE, TRACK and CONNECT, which [`Ask::send`] refuses.
    pub fn ask(&self, method: Method, endpoint: &Endpoint) -> Ask {
        Ask::new(Arc::clone(&self.clients), method, endpoint.clone())
    }

    #[cfg(test)]
    pub(super) fn clients(&self) -> &Clients {
        &self.clients
    }

    #[cfg(test)]
    pub(super) fn with_names(builder: IssuerClientBuilder, names: super::names::Names) -> Self {
        let settings = Settings {
            names,
            ..builder.settings
        };
        Self {
            clients: Clients::new(settings),
        }
    }
}

/// Builds an [`IssuerClient`]. Building contacts nobody.
#[must_use]
pub struct IssuerClientBuilder {
    settings: Settings,
}

impl IssuerClientBuilder {
    /// How long a connection may take, TLS included: 10 ms to 60 s. Defaults to 5 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.settings.connect_timeout = limit;
        self
    }

    /// How long the whole answer may take, the connection included: 10 ms to 10 min. Defaults to 20 s. The cache has a
    /// limit of its own for each call, at most 30 s unless it was told otherwise.
    pub fn answer_timeout(mut self, limit: Duration) -> Self {
        self.settings.answer_timeout = limit;
        self
    }

    /// Trusts these root certificates too, one or more in PEM, beside those of the machine. Defaults to none.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when it is not PEM, or holds no certificate.
    pub fn root_certificates(mut self, pem: &[u8]) -> Result<Self, Error> {
        let wrong = "the root certificates are not certificates in PEM";
        let roots = Certificate::from_pem_bundle(pem)
            .map_err(|error| Error::misconfigured(wrong).caused_by(error.without_url()))?;
        if roots.is_empty() {
            return Err(Error::misconfigured(wrong));
        }
        self.settings.roots.extend(roots);
        Ok(self)
    }

    /// Asks public issuers through this proxy, and not through those of the environment. May be called again, for
    /// proxies that take other URLs. Defaults to those that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        match &mut self.settings.proxies {
            Proxies::These(proxies) => proxies.push(proxy),
            other => *other = Proxies::These(vec![proxy]),
        }
        self
    }

    /// Asks public issuers through no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.settings.proxies = Proxies::None;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when a time limit is out of its range.
    pub fn build(self) -> Result<IssuerClient, Error> {
        for (what, limit, most) in [
            ("connection", self.settings.connect_timeout, 60),
            ("whole answer", self.settings.answer_timeout, 600),
        ] {
            let most = Duration::from_secs(most);
            if limit < SHORTEST || limit > most {
                return Err(Error::misconfigured(format!(
                    "the time limit of a {what} must be {SHORTEST:?} to {most:?}, not {limit:?}"
                )));
            }
        }
        Ok(IssuerClient {
            clients: Clients::new(self.settings),
        })
    }
}

impl fmt::Debug for IssuerClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_settings("IssuerClient", self.clients.settings(), f)
    }
}

impl fmt::Debug for IssuerClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_settings("IssuerClientBuilder", &self.settings, f)
    }
}

/// Without the proxies, whose URLs may hold passwords.
fn fmt_settings(name: &str, settings: &Settings, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct(name)
        .field("connect_timeout", &settings.connect_timeout)
        .field("answer_timeout", &settings.answer_timeout)
        .finish_non_exhaustive()
}

/// A service that is near answers at once, or is not there.
const QUICK_CONNECTION: Duration = Duration::from_secs(2);
const SHORTEST: Duration = Duration::from_millis(10);
