//! From a URL to a connection: [`Connector`].

use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::ServerName;
use tower_service::Service;

use super::fault::Fault;
use super::flow::Stream;
use super::proxies::{self, Proxies};
use super::trust::{Trust, Trusted};
use super::tunnel::tunnel;
use crate::client::names::Names;

/// Connects to one target.
pub(super) struct Connector<'a> {
    pub(super) names: &'a Names,
    pub(super) proxies: &'a Proxies,
    pub(super) trust: &'a Trust,
    pub(super) limit: Duration,
}

impl Connector<'_> {
    /// A connection to the target; for `https` with TLS. Who is not trusted is tried once more, where the root certificates
    /// may be others by now: nothing was sent yet.
    pub(super) async fn connect(&self, target: &Uri) -> Result<Box<dyn Stream>, Fault> {
        if target.scheme_str() != Some("https") {
            return self.reach(target).await;
        }
        let trusted = self.trust.current().await.map_err(Fault::Setup)?;
        match self.secured(target, &trusted).await {
            Err(Fault::Tls(error)) if is_about_trust(&error) => {
                match self.trust.newer(&trusted).await.map_err(Fault::Setup)? {
                    Some(newer) => self.secured(target, &newer).await,
                    None => Err(Fault::Tls(error)),
                }
            }
            other => other,
        }
    }

    async fn secured(&self, target: &Uri, trusted: &Trusted) -> Result<Box<dyn Stream>, Fault> {
        let between = self.proxies.for_target(target).map_err(Fault::Proxy)?;
        let stream = match between {
            None => self.reach(target).await?,
            Some(proxy) => {
                let mut stream = self.reach(proxy.uri()).await?;
                if proxy.uri().scheme_str() == Some("https") {
                    stream = secure(stream, proxy.uri(), trusted).await?;
                }
                let host = target.host().unwrap_or_default();
                let port = target.port_u16().unwrap_or(HTTPS);
                let named = proxies::origin(&proxy);
                tunnel(
                    &mut *stream,
                    &named,
                    &format!("{host}:{port}"),
                    proxy.basic_auth(),
                )
                .await?;
                stream
            }
        };
        secure(stream, target, trusted).await
    }

    /// A TCP connection.
    async fn reach(&self, target: &Uri) -> Result<Box<dyn Stream>, Fault> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(self.names.clone()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Shared out among the addresses of a name.
        tcp.set_connect_timeout(Some(self.limit));
        let unconnected = |error| Fault::Unconnected(Box::new(error));
        poll_fn(|context| tcp.poll_ready(context))
            .await
            .map_err(unconnected)?;
        let connected = tcp.call(target.clone()).await.map_err(unconnected)?;
        Ok(Box::new(connected.into_inner()))
    }
}

async fn secure(
    stream: Box<dyn Stream>,
    target: &Uri,
    trusted: &Trusted,
) -> Result<Box<dyn Stream>, Fault> {
    let host = target.host().unwrap_or_default();
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let name = match bare.parse::<IpAddr>() {
        Ok(address) => ServerName::from(address),
        Err(_) => ServerName::try_from(bare.to_owned())
            .map_err(|error| Fault::Tls(io::Error::new(io::ErrorKind::InvalidInput, error)))?,
    };
    let connector = TlsConnector::from(trusted.config.clone());
    let secured = connector.connect(name, stream).await.map_err(Fault::Tls)?;
    Ok(Box::new(secured))
}

/// Whether other root certificates could make a difference.
fn is_about_trust(error: &io::Error) -> bool {
    use rustls::CertificateError::{NotValidForName, NotValidForNameContext};

    let found = error.get_ref().and_then(|inside| inside.downcast_ref());
    match found {
        Some(rustls::Error::InvalidCertificate(
            NotValidForName | NotValidForNameContext { .. },
        )) => false,
        Some(rustls::Error::InvalidCertificate(_)) => true,
        _ => false,
    }
}

/// The names, as the connector asks for them.
#[derive(Clone)]
struct Resolver(Names);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn StdError + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let names = self.0.clone();
        Box::pin(async move { Ok(names.find(name.as_str()).await?.into_iter()) })
    }
}

const HTTPS: u16 = 443;
