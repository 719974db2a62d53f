//! Many requests through one client while its tokens rotate: [`load`].

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use keytide_core::Cache;
use keytide_http::{AuthorizeLayer, AuthorizedClient, Cloned};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use tower::{Layer, Service, ServiceExt};

use crate::{Api, ECHO, Grpc, Issuer, TextCodec, agent};

/// What requests go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Via {
    /// `AuthorizedClient`, HTTP/1.1.
    Reqwest,
    /// The layer over hyper's client, HTTP/1.1.
    Hyper,
    /// The layer over a channel of tonic, HTTP/2 with TLS.
    Tonic,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Tally {
    /// Requests that were answered well.
    pub requests: u64,
    /// Requests that the server refused for their token, those that a retry healed too.
    pub refused: u64,
    /// Tokens that were issued.
    pub rotations: usize,
    /// How long it took.
    pub took: Duration,
}

type Failure = Box<dyn Error + Send + Sync>;

/// Sends at least so many requests, and goes on until there were so many rotations. Tokens are accepted for their
/// lifetime and not a moment longer.
///
/// # Errors
/// The first request that failed.
pub async fn load(
    via: Via,
    requests: u64,
    rotations: usize,
    lifetime: Duration,
    workers: usize,
) -> Result<Tally, Failure> {
    let issuer = Issuer::new(lifetime);
    let token = agent("load")?
        .cache(issuer.clone())
        .min_interval(lifetime / 10)
        .build()?;
    let start = Instant::now();
    let progress = Progress {
        done: Arc::default(),
        requests,
        rotations,
        issuer: issuer.clone(),
    };
    let refused = match via {
        Via::Reqwest => through_reqwest(&token, &progress, workers).await?,
        Via::Hyper => through_hyper(&token, &progress, workers).await?,
        Via::Tonic => through_tonic(&token, &progress, workers).await?,
    };
    Ok(Tally {
        requests: progress.done.load(Ordering::SeqCst),
        refused,
        rotations: issuer.rotations(),
        took: start.elapsed(),
    })
}

/// How far it is, shared by all workers.
#[derive(Clone)]
struct Progress {
    done: Arc<AtomicU64>,
    requests: u64,
    rotations: usize,
    issuer: Issuer,
}

impl Progress {
    /// Whether there is more to do, now that one more request is done.
    fn goes_on(&self) -> bool {
        let done = self.done.fetch_add(1, Ordering::SeqCst) + 1;
        done < self.requests || self.issuer.rotations() < self.rotations
    }
}

async fn through_reqwest(
    token: &Cache,
    progress: &Progress,
    workers: usize,
) -> Result<u64, Failure> {
    let api = Api::start(&progress.issuer).await?;
    let http = AuthorizedClient::builder(reqwest::Client::builder(), token.clone())
        .destination(api.origin())
        .build()?;
    let mut tasks = JoinSet::new();
    for _ in 0..workers {
        let (http, url, progress) = (http.clone(), api.origin(), progress.clone());
        tasks.spawn(async move {
            loop {
                let response = http.get(&url).send().await?;
                if !response.status().is_success() {
                    return Err(Failure::from(format!("answered {}", response.status())));
                }
                response.bytes().await?;
                if !progress.goes_on() {
                    return Ok(());
                }
            }
        });
    }
    all(tasks).await?;
    Ok(api.counts().1)
}

async fn through_hyper(token: &Cache, progress: &Progress, workers: usize) -> Result<u64, Failure> {
    let api = Api::start(&progress.issuer).await?;
    let layer = AuthorizeLayer::builder(token.clone())
        .destination(api.origin())
        .copy_body(Cloned)
        .build()?;
    let http = layer.layer(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());
    let mut tasks = JoinSet::new();
    for _ in 0..workers {
        let (mut http, url, progress) = (http.clone(), api.origin(), progress.clone());
        tasks.spawn(async move {
            loop {
                let request = http::Request::get(&url).body(Full::default())?;
                let response = http.ready().await?.call(request).await?;
                if !response.status().is_success() {
                    return Err(Failure::from(format!("answered {}", response.status())));
                }
                response.into_body().collect().await?;
                if !progress.goes_on() {
                    return Ok(());
                }
            }
        });
    }
    all(tasks).await?;
    Ok(api.counts().1)
}

async fn through_tonic(token: &Cache, progress: &Progress, workers: usize) -> Result<u64, Failure> {
    let server = Grpc::start(&progress.issuer).await?;
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(server.certificate()));
    let channel = Endpoint::from_shared(server.origin())?
        .tls_config(tls)?
        .connect_lazy();
    let layer = AuthorizeLayer::builder(token.clone())
        .destination(server.origin())
        .relative_to(server.origin())
        .build()?;
    let mut tasks = JoinSet::new();
    for _ in 0..workers {
        let mut client = tonic::client::Grpc::new(layer.layer(channel.clone()));
        let progress = progress.clone();
        tasks.spawn(async move {
            loop {
                client.ready().await?;
                let request = tonic::Request::new("hello".to_owned());
                let path = PathAndQuery::from_static(ECHO);
                client.unary(request, path, TextCodec).await?;
                if !progress.goes_on() {
                    return Ok(());
                }
            }
        });
    }
    all(tasks).await?;
    Ok(server.refused())
}

async fn all(mut tasks: JoinSet<Result<(), Failure>>) -> Result<(), Failure> {
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}
