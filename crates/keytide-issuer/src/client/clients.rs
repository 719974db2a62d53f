//! The HTTP clients underneath, one for each way to an issuer: [`Clients`].

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use keytide_core::Error;
use reqwest::{Certificate, Proxy, redirect, retry, tls};

use super::endpoint::Route;
use super::names::Names;
use crate::one_at_a_time::OneAtATime;

/// Clients of one group of settings.
pub(super) struct Clients {
    settings: Settings,
    /// Each is made when it is first needed: where only a metadata service is asked, no root certificates have to be
    /// there.
    clear: OnceLock<reqwest::Client>,
    local: OnceLock<reqwest::Client>,
    public: OnceLock<reqwest::Client>,
    /// Reading the machine's root certificates takes tens of milliseconds, and may hang with their files.
    making: OneAtATime<Route, Result<reqwest::Client, Error>>,
}

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) connect_timeout: Duration,
    pub(super) answer_timeout: Duration,
    pub(super) roots: Vec<Certificate>,
    pub(super) proxies: Proxies,
    pub(super) names: Names,
}

/// How public issuers are asked.
#[derive(Clone)]
pub(super) enum Proxies {
    Environment,
    None,
    These(Vec<Proxy>),
}

impl Clients {
    pub(super) fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            clear: OnceLock::new(),
            local: OnceLock::new(),
            public: OnceLock::new(),
            making: OneAtATime::new(),
        })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) async fn client(&self, route: Route) -> Result<&reqwest::Client, Error> {
        let cell = match route {
            Route::Loopback | Route::Metadata => &self.clear,
            Route::SecureLoopback => &self.local,
            Route::Public => &self.public,
        };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let settings = self.settings.clone();
        let make = move || {
            settings.build(route).map_err(|error| {
                Error::misconfigured(
                    "the HTTP client could not be built: check the root certificates of this machine and the proxy \
                     settings",
                )
                .caused_by(error.without_url())
            })
        };
        let made = self.making.run(route, make).await.map_err(|error| {
            Error::unavailable("the HTTP client was not built").caused_by(error)
        })?;
        let made = made?;
        Ok(cell.get_or_init(|| made))
    }
}

impl Settings {
    fn build(self, route: Route) -> reqwest::Result<reqwest::Client> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("keytide/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(0)
            .connect_timeout(self.connect_timeout)
            .dns_resolver(Arc::new(self.names))
            .gzip(true)
            .no_brotli()
            .no_deflate()
            .no_zstd();
        if route == Route::Public {
            builder = match self.proxies {
                Proxies::Environment => builder,
                Proxies::None => builder.no_proxy(),
                Proxies::These(proxies) => proxies
                    .into_iter()
                    .fold(builder.no_proxy(), reqwest::ClientBuilder::proxy),
            };
        } else {
            builder = builder.no_proxy();
        }
        builder = match route {
            Route::Loopback | Route::Metadata => builder.tls_certs_only([]),
            Route::SecureLoopback | Route::Public => builder
                .https_only(true)
                .tls_version_min(tls::Version::TLS_1_2)
                .tls_certs_merge(self.roots),
        };
        builder.build()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(20),
            roots: Vec::new(),
            proxies: Proxies::Environment,
            names: Names::System,
        }
    }
}
