//! The promises of the client, against real servers on 127.0.0.1.

#[cfg(feature = "tower")]
mod attach;
mod beyond;
mod binding;
mod defaults;
mod destinations;
#[cfg(feature = "tower")]
mod layer;
#[cfg(feature = "tower")]
mod life;
#[cfg(feature = "reqwest-middleware")]
mod middleware;
#[cfg(feature = "tls")]
mod no_roots;
mod redirects;
mod refusals;
mod rough;
mod secrets;
mod server;
#[cfg(feature = "tower")]
mod sockets;
#[cfg(feature = "tower")]
mod streams;
mod uses;
#[cfg(feature = "tower")]
mod written;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use keytide_core::{
    Agent, AgentIdentity, Cache, CacheBuilder, Error, Issued, Profile, ProvideCredential, Request,
};
use keytide_http::{AuthorizedClient, AuthorizedClientBuilder};

use crate::server::Server;

/// Counts calls, and mints `token-<call>`, or the same token over and over.
#[derive(Clone, Default)]
struct Mint {
    calls: Arc<AtomicU64>,
    constant: Option<SystemTime>,
}

impl Mint {
    /// One token with one expiry, as a file holds it.
    fn constant() -> Self {
        let expires_at = SystemTime::UNIX_EPOCH + Duration::from_secs(now().as_secs() + 3600);
        Self {
            constant: Some(expires_at),
            ..Self::default()
        }
    }

    fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn cache(&self) -> Cache {
        self.cache_with(|builder| builder)
    }

    fn cache_with(&self, configure: impl FnOnce(CacheBuilder) -> CacheBuilder) -> Cache {
        configure(agent().cache(self.clone())).build().unwrap()
    }
}

impl ProvideCredential for Mint {
    fn profile(&self) -> Profile {
        Profile::bearer("mint")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(match self.constant {
            Some(expires_at) => Issued::bearer("token-1".to_owned()).expires_at(expires_at),
            None => Issued::bearer(format!("token-{call}")).expires_in(Duration::from_secs(3600)),
        })
    }
}

fn agent() -> Agent {
    Agent::builder(identity()).build().unwrap()
}

fn identity() -> AgentIdentity {
    AgentIdentity {
        agent_type: "http".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    }
}

/// Which HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Over {
    Http1,
    Http2,
}

impl Over {
    fn version(self) -> http::Version {
        match self {
            Self::Http1 => http::Version::HTTP_11,
            Self::Http2 => http::Version::HTTP_2,
        }
    }
}

/// Runs each of these over both.
macro_rules! over_both {
    ($($test:ident)*) => {
        mod over_http1 {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(crate::Over::Http1).await;
            })*
        }
        mod over_http2 {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(crate::Over::Http2).await;
            })*
        }
    };
}
use over_both;

fn builder_over(over: Over, cache: &Cache) -> AuthorizedClientBuilder {
    let http = reqwest::Client::builder();
    let http = match over {
        Over::Http1 => http.http1_only(),
        Over::Http2 => http.http2_prior_knowledge(),
    };
    AuthorizedClient::builder(http, cache.clone())
}

fn builder(cache: &Cache) -> AuthorizedClientBuilder {
    builder_over(Over::Http1, cache)
}

/// A client of these servers.
fn client_over<const N: usize>(
    over: Over,
    cache: &Cache,
    servers: [&Server; N],
) -> AuthorizedClient {
    servers
        .iter()
        .fold(builder_over(over, cache), |built, server| {
            built.destination(server.origin())
        })
        .build()
        .unwrap()
}

fn client<const N: usize>(cache: &Cache, servers: [&Server; N]) -> AuthorizedClient {
    client_over(Over::Http1, cache, servers)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a token from a file has an absolute expiry"
)]
fn now() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
}
