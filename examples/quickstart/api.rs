//! The API that the agent calls: judges the token of each request, and knows nothing of the agent: [`Api`].

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use keytide::{Clock, SystemClock};
use tokio::net::{TcpListener, TcpStream};

use crate::issuer::{Issuer, Revocations};
use crate::token::Verifier;

/// Serves on a port of the loopback address, until the runtime ends.
pub(crate) struct Api {
    origin: String,
    judge: Arc<Judge>,
}

struct Judge {
    verifier: Arc<Verifier>,
    revoked: Revocations,
    accepted: AtomicU64,
    refused: AtomicU64,
    /// In microseconds.
    smallest_remaining: AtomicU64,
}

impl Api {
    pub(crate) async fn start(issuer: &Issuer) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let api = Self {
            origin: format!("http://{}", listener.local_addr()?),
            judge: Arc::new(Judge {
                verifier: issuer.verifier(),
                revoked: issuer.revocations(),
                accepted: AtomicU64::new(0),
                refused: AtomicU64::new(0),
                smallest_remaining: AtomicU64::new(u64::MAX),
            }),
        };
        let judge = Arc::clone(&api.judge);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&judge)));
            }
        });
        Ok(api)
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// How many requests it has seen.
    pub(crate) fn seen(&self) -> u64 {
        self.judge.accepted.load(Ordering::Relaxed) + self.refused()
    }

    /// How many requests it has answered with 401.
    pub(crate) fn refused(&self) -> u64 {
        self.judge.refused.load(Ordering::Relaxed)
    }

    /// The smallest life that was left to the token of a request when it arrived.
    pub(crate) fn smallest_remaining(&self) -> Duration {
        Duration::from_micros(self.judge.smallest_remaining.load(Ordering::Relaxed))
    }
}

impl Judge {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        match self.judge(request) {
            Ok(remaining) => {
                let micros = u64::try_from(remaining.as_micros()).unwrap_or(u64::MAX);
                self.smallest_remaining.fetch_min(micros, Ordering::Relaxed);
                self.accepted.fetch_add(1, Ordering::Relaxed);
                *response.body_mut() = Full::from("{\"invoices\":[]}");
            }
            Err(why) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                *response.status_mut() = StatusCode::UNAUTHORIZED;
                let challenge =
                    format!("Bearer error=\"invalid_token\", error_description=\"{why}\"");
                if let Ok(challenge) = challenge.parse() {
                    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
                }
            }
        }
        response
    }

    fn judge(&self, request: &Request<Incoming>) -> Result<Duration, &'static str> {
        let token = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .ok_or("no bearer token")?;
        let verified = self.verifier.verify(token, SystemClock::default().wall())?;
        if self.revoked.covers(&verified.id) {
            return Err("revoked");
        }
        Ok(verified.remaining)
    }
}

async fn serve(connection: TcpStream, judge: Arc<Judge>) {
    let service = service_fn(move |request| {
        let response = judge.answer(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    // A connection that breaks is its client's to tell.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(connection), service)
        .await;
}
