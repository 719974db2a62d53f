//! The client that all providers share: [`IssuerClient`] and [`IssuerClientBuilder`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use keytide_core::Error;
use keytide_fork::PerProcess;
use url::Host;

use super::ask::Ask;
use super::endpoint::Endpoint;
use super::wire::{Proxies, Settings, Wire};

/// Asks issuers, guarded: see [the crate](crate#the-guarded-client). Clones are the same client.
///
/// It holds no connection and needs no runtime until it asks, so one serves all providers of a process, on whatever
/// runtime they are polled.
#[derive(Clone)]
pub struct IssuerClient {
    wire: Arc<Wire>,
}

impl IssuerClient {
    /// The client with the default settings that this process shares.
    #[must_use]
    pub fn shared() -> Self {
        static SHARED: LazyLock<IssuerClient> = LazyLock::new(|| IssuerClient {
            wire: Arc::new(Wire::new(Settings::default())),
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
        Ask::new(Arc::clone(&self.wire), method, endpoint.clone())
    }

    #[cfg(test)]
    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    #[cfg(test)]
    pub(super) fn with_names(builder: IssuerClientBuilder, names: super::names::Names) -> Self {
        let settings = Settings {
            names: names.beside(&builder.settings.names),
            ..builder.settings
        };
        Self {
            wire: Arc::new(Wire::new(settings)),
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
        self.settings.roots.add(pem)?;
        Ok(self)
    }

    /// Trusts the root certificates in this file too, one or more in PEM, 4 MiB at most, beside those of the machine. May be
    /// called again, for another file. Defaults to none.
    ///
    /// It is read when TLS is first needed, and again when an issuer is not trusted and the file has changed since: a
    /// certificate authority that rolls over needs no restart. A file that is missing or holds no certificate is the error
    /// of whoever asks.
    ///
    /// ```
    /// use keytide_issuer::IssuerClient;
    ///
    /// // As a bundle that takes the place of the machine's roots.
    /// # fn main() -> Result<(), keytide_core::Error> {
    /// let client = IssuerClient::builder()
    ///     .root_file("/etc/company/ca-bundle.pem")
    ///     .without_machine_roots()
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn root_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.roots.add_file(path.into());
        self
    }

    /// Trusts none of the root certificates of the machine: only those that [`root_certificates`](Self::root_certificates)
    /// and [`root_file`](Self::root_file) gave.
    pub fn without_machine_roots(mut self) -> Self {
        self.settings.roots.leave_out_machine();
        self
    }

    /// Takes this name for one of this machine, such as `issuer.dev.example` of a development server or a sidecar whose
    /// certificate has a name: it may lead to loopback addresses, and to nothing else. May be called again, for another
    /// name. Defaults to none: a name that leads to loopback is an error, for whoever answers for names could have the
    /// agent's token sent to any program of this machine.
    ///
    /// It is asked as `https://localhost` is: by `https` alone and through no proxy. A server without TLS needs no name:
    /// write its address, as `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when it is not the name of a host.
    pub fn danger_loopback_name(mut self, name: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::misconfigured(
                "what shall lead to loopback is not the name of a host: write it as issuer.dev.example",
            )
        };
        let Ok(Host::Domain(name)) = Host::parse(name) else {
            return Err(wrong());
        };
        if name.is_empty() || name.ends_with('.') {
            return Err(wrong());
        }
        self.settings.names.place_here(name);
        Ok(self)
    }

    /// Asks public issuers through this proxy, as `http://user:password@proxy.example:3128`, and not through those of the
    /// environment. Defaults to those that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when it is not the URL of a proxy of `http` or `https`.
    pub fn proxy(mut self, url: &str) -> Result<Self, Error> {
        self.settings.proxies = Proxies::this(url)?;
        Ok(self)
    }

    /// Asks public issuers through no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.settings.proxies = Proxies::None;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when a time limit is out of its range, or nobody would be
    /// trusted: without the machine's root certificates, and without others.
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
        if self.settings.roots.are_none() {
            return Err(Error::misconfigured(
                "no root certificates are left: give some, or leave out `without_machine_roots`",
            ));
        }
        Ok(IssuerClient {
            wire: Arc::new(Wire::new(self.settings)),
        })
    }
}

impl fmt::Debug for IssuerClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_settings("IssuerClient", self.wire.settings(), f)
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
