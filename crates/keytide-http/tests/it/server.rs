//! A real HTTP server on 127.0.0.1 that remembers what it was asked.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

pub(crate) type Answer = Response<Full<Bytes>>;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) version: Version,
    /// With the query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Answers until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    accepting: JoinHandle<()>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn authorization(&self) -> Option<&str> {
        self.header("authorization")
    }

    pub(crate) fn bears(&self, generation: u64) -> bool {
        self.authorization() == Some(format!("Bearer token-{generation}").as_str())
    }
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::holding(Arc::new(Barrier::new(1)), 0, answer).await
    }

    /// Answers the requests that bear the first token only after they have waited at the barrier so many times.
    pub(crate) async fn holding(
        barrier: Arc<Barrier>,
        times: usize,
        answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::default();
        let (script, asked) = (Arc::new((barrier, times, answer)), Arc::clone(&seen));
        let accepting = tokio::spawn(accept(listener, asked, script));
        Self {
            address,
            seen,
            accepting,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

type Script<F> = Arc<(Arc<Barrier>, usize, F)>;

async fn accept<F>(listener: TcpListener, seen: Arc<Mutex<Vec<Seen>>>, script: Script<F>)
where
    F: Fn(&Seen) -> Answer + Send + Sync + 'static,
{
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
        let service = service_fn(move |request: Request<Incoming>| {
            let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
            async move {
                let (barrier, times, answer) = &*script;
                let (parts, body) = request.into_parts();
                let asked = Seen {
                    method: parts.method,
                    version: parts.version,
                    path: parts
                        .uri
                        .path_and_query()
                        .map(ToString::to_string)
                        .unwrap_or_default(),
                    headers: parts.headers,
                    body: body.collect().await.unwrap().to_bytes(),
                };
                let response = answer(&asked);
                let times = if asked.bears(1) { *times } else { 0 };
                seen.lock().unwrap().push(asked);
                for _ in 0..times {
                    barrier.wait().await;
                }
                Ok::<_, Infallible>(response)
            }
        });
        tokio::spawn(async move {
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http2().max_concurrent_streams(2000);
            let _ = builder
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

pub(crate) fn answer(status: StatusCode) -> Answer {
    Response::builder()
        .status(status)
        .body(Full::default())
        .unwrap()
}

pub(crate) fn ok() -> Answer {
    answer(StatusCode::OK)
}

pub(crate) fn unauthorized() -> Answer {
    answer(StatusCode::UNAUTHORIZED)
}

pub(crate) fn redirect(status: u16, location: &str) -> Answer {
    Response::builder()
        .status(status)
        .header("location", location)
        .body(Full::default())
        .unwrap()
}
