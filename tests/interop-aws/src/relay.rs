//! What stands between the users and moto, and adds what moto lacks: the end of sessions. See [`Relay`].

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use keytide_core::{Clock, SystemClock};
use keytide_interop::Failure;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Hands requests on to moto, signatures and all. moto never ends a session; the relay remembers when STS said that each
/// one ends, and answers `ExpiredToken` from that moment on, as AWS does. It counts what goes by.
pub(crate) struct Relay {
    pub(crate) port: u16,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

/// When each session ends, by its key id: shared by the relays of one moto.
pub(crate) type Sessions = Arc<Mutex<BTreeMap<String, SystemTime>>>;

struct State {
    moto: String,
    http: reqwest::Client,
    sessions: Sessions,
    seen: Mutex<Seen>,
}

/// What went by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) requests: u64,
    /// Sessions that signed requests.
    pub(crate) signers: BTreeSet<String>,
    /// Requests that were signed with a session that had ended.
    pub(crate) expired: u64,
    /// Other answers of 400 and above, by status.
    pub(crate) refused: BTreeMap<u16, u64>,
    /// Sessions that were issued.
    pub(crate) issued: u64,
    /// How much life the youngest signer had left that was still used.
    pub(crate) least_left: Option<Duration>,
}

impl Relay {
    pub(crate) async fn start(moto: &str, sessions: &Sessions) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State {
            moto: moto.to_owned(),
            http: reqwest::Client::builder().no_proxy().build()?,
            sessions: Arc::clone(sessions),
            seen: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                tokio::spawn(async move {
                    let service = service_fn(move |request| handle(Arc::clone(&state), request));
                    let io = TokioIo::new(stream);
                    // A client that goes away ends its connection.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(io, service)
                        .await;
                });
            }
        });
        Ok(Self {
            port,
            state,
            serving,
        })
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn seen(&self) -> Seen {
        lock(&self.state.seen).clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn handle(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let answer = relayed(&state, request).await;
    Ok(answer.unwrap_or_else(|error| {
        *lock(&state.seen).refused.entry(502).or_default() += 1;
        written(StatusCode::BAD_GATEWAY, &format!("moto: {error}"))
    }))
}

async fn relayed(
    state: &State,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Failure> {
    let signer = request
        .headers()
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split_once("Credential="))
        .and_then(|(_, rest)| rest.split('/').next())
        .map(ToOwned::to_owned);
    let ends = signer
        .as_ref()
        .and_then(|signer| lock(&state.sessions).get(signer).copied());
    {
        let mut seen = lock(&state.seen);
        seen.requests += 1;
        if let (Some(ends), Some(signer)) = (ends, signer) {
            seen.signers.insert(signer);
            let Ok(left) = ends.duration_since(SystemClock::default().wall()) else {
                seen.expired += 1;
                let body = "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>The security token included \
                            in the request is expired</Message></Error></ErrorResponse>";
                return Ok(written(StatusCode::FORBIDDEN, body));
            };
            seen.least_left = Some(seen.least_left.map_or(left, |least| least.min(left)));
        }
    }

    let (parts, body) = request.into_parts();
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let body = body.collect().await?.to_bytes();
    let url = url::Url::parse(&format!("{}{target}", state.moto))?;
    let mut asked = reqwest::Request::new(parts.method, url);
    *asked.headers_mut() = parts.headers;
    asked.headers_mut().remove("connection");
    *asked.body_mut() = Some(body.into());
    let answer = state.http.execute(asked).await?;

    let status = answer.status();
    let headers = answer.headers().clone();
    let body = answer.bytes().await?;
    if status.as_u16() >= 400 {
        *lock(&state.seen)
            .refused
            .entry(status.as_u16())
            .or_default() += 1;
    }
    if let Some((key_id, ends)) = session_in(&body) {
        lock(&state.sessions).insert(key_id, ends);
        lock(&state.seen).issued += 1;
    }
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    for (name, value) in &headers {
        if !["transfer-encoding", "connection", "content-length"].contains(&name.as_str()) {
            response.headers_mut().append(name, value.clone());
        }
    }
    Ok(response)
}

/// The session that an answer of `AssumeRole` gives.
fn session_in(body: &[u8]) -> Option<(String, SystemTime)> {
    let text = std::str::from_utf8(body)
        .ok()
        .filter(|text| text.contains("<AssumedRoleUser>"))?;
    let within = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once("</").map(|(value, _)| value)
    };
    let ends = DateTime::from_str(within("Expiration")?, Format::DateTimeWithOffset).ok()?;
    Some((
        within("AccessKeyId")?.to_owned(),
        SystemTime::try_from(ends).ok()?,
    ))
}

fn written(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_owned())));
    *response.status_mut() = status;
    response
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
