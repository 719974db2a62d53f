//! What carries a request to an issuer, and what comes back: [`Wire`].
//!
//! A connection for each request, driven by whoever waits for the answer: there is no pool, no task beside the call, and
//! nothing that lives on when it is dropped. HTTP is hyper's and TLS is rustls's; what lies between is here, so that a peer
//! holds no poll for long whatever it sends, and so that root certificates can be read again.

mod connect;
mod fault;
mod flow;
mod paced;
mod proxies;
mod roots;
mod settings;
mod trust;
mod tunnel;

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use tokio::time::timeout;

use self::connect::Connector;
pub(super) use self::fault::Fault;
pub(super) use self::flow::Flow;
pub(super) use self::paced::MOST_INTERIM;
pub(super) use self::proxies::Proxies;
pub(super) use self::settings::Settings;
use self::trust::Trust;
use super::endpoint::Route;

/// Carries requests, as one group of settings says.
pub(super) struct Wire {
    settings: Settings,
    trust: Trust,
}

impl Wire {
    pub(super) fn new(settings: Settings) -> Self {
        let trust = Trust::new(settings.roots.clone());
        Self { settings, trust }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sends a request whose URI is whole, and waits for the head of the answer.
    pub(super) async fn send(
        &self,
        mut request: http::Request<Full<Bytes>>,
        route: Route,
    ) -> Result<http::Response<Flow>, Fault> {
        let connector = Connector {
            names: &self.settings.names,
            // What is on this machine is another thing on that of a proxy.
            proxies: match route {
                Route::Public => &self.settings.proxies,
                _ => &Proxies::None,
            },
            trust: &self.trust,
            limit: self.settings.connect_timeout,
        };
        let target = request.uri().clone();
        let connection = timeout(self.settings.connect_timeout, connector.connect(&target));
        let stream = connection.await.map_err(|_| Fault::Late)??;
        // To a server a request names its path alone.
        if let Some(path) = target.into_parts().path_and_query {
            *request.uri_mut() = Uri::from(path);
        }
        flow::talk(stream, request).await
    }

    /// Reads the root certificates, if they never were.
    #[cfg(test)]
    pub(super) async fn prepare(&self) -> Result<(), keytide_core::Error> {
        self.trust.current().await.map(drop)
    }
}
