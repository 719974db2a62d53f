//! An API that judges the token of each request: [`Api`].

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, LOCATION};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Channel, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use crate::Issuer;

/// Serves on a port of the loopback address, over HTTP/1.1 and HTTP/2, until the runtime ends.
///
/// `/events` is a stream of server-sent events, `/away` redirects to a stranger, all else greets.
#[derive(Debug)]
pub struct Api {
    address: SocketAddr,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    refused: AtomicU64,
}

impl Api {
    /// Starts it.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(issuer: &Issuer) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let api = Self {
            address: listener.local_addr()?,
            counts: Arc::default(),
        };
        let (issuer, counts) = (issuer.clone(), Arc::clone(&api.counts));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (issuer, counts) = (issuer.clone(), Arc::clone(&counts));
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = answer(&issuer, &counts, &request);
                    async move { Ok::<_, Infallible>(answer) }
                });
                tokio::spawn(async move {
                    // A client that goes away is none of the server's concern.
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Ok(api)
    }

    /// Where it is.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests that were accepted, and those that were refused.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        let (accepted, refused) = (&self.counts.accepted, &self.counts.refused);
        (
            accepted.load(Ordering::SeqCst),
            refused.load(Ordering::SeqCst),
        )
    }
}

type Body = BoxBody<Bytes, Infallible>;

fn answer(issuer: &Issuer, counts: &Counts, request: &Request<Incoming>) -> Response<Body> {
    if !issuer.accepts(request.headers().get(AUTHORIZATION)) {
        counts.refused.fetch_add(1, Ordering::SeqCst);
        let mut refusal = Response::new(Full::from("who are you?").boxed());
        *refusal.status_mut() = StatusCode::UNAUTHORIZED;
        return refusal;
    }
    counts.accepted.fetch_add(1, Ordering::SeqCst);
    match request.uri().path() {
        "/events" => Response::new(events()),
        "/away" => {
            let mut redirect = Response::new(Full::default().boxed());
            *redirect.status_mut() = StatusCode::FOUND;
            let stranger = http::HeaderValue::from_static("https://stranger.example/");
            redirect.headers_mut().insert(LOCATION, stranger);
            redirect
        }
        _ => Response::new(Full::from("hello").boxed()),
    }
}

/// An event each tenth of a second, until the client goes away.
fn events() -> Body {
    let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
    tokio::spawn(async move {
        for event in 1.. {
            let text = Bytes::from(format!("data: {event}\n\n"));
            if sender.send_data(text).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    body.boxed()
}
