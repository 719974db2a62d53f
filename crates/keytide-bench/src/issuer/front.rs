//! The issuer as some providers need it: over HTTP on the loopback, from a thread of its own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, Weak};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::{Denied, FakeIssuer, Granted, Issuer};

impl FakeIssuer {
    /// Where it answers over HTTP. A call is a request to any path below that ends in `token`; the answer is that of an
    /// OAuth 2 token endpoint.
    ///
    /// # Errors
    /// When the loopback cannot be listened on.
    pub fn url(&self) -> std::io::Result<String> {
        Ok(format!("{}/{}", front()?, self.id()))
    }

    /// Where all issuers answer a request whose body names one of their [scopes](Self::scope).
    ///
    /// # Errors
    /// When the loopback cannot be listened on.
    pub fn url_for_scopes() -> std::io::Result<String> {
        Ok(format!("{}/any/token", front()?))
    }

    /// A scope that no other call has got: whoever is asked for it asks this issuer.
    #[must_use]
    pub fn scope(&self) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("{SCOPE}{}.{number}.default", self.id())
    }

    /// The issuer that a text names by one of its scopes.
    #[must_use]
    pub fn of_scope(text: &str) -> Option<Self> {
        let from = text.find(SCOPE)? + SCOPE.len();
        let digits = text[from..].split('.').next()?;
        Self::of_id(digits.parse().ok()?)
    }

    /// Answers as a token endpoint: the status and the body.
    pub async fn respond(&self) -> (u16, String) {
        match self.issue().await {
            Ok(Granted {
                token, lifetime, ..
            }) => {
                let seconds = lifetime.as_secs();
                let body = format!(
                    r#"{{"access_token":"{token}","expires_in":{seconds},"token_type":"Bearer"}}"#
                );
                (200, body)
            }
            Err(Denied::Unavailable) => (503, r#"{"error":"temporarily_unavailable"}"#.to_owned()),
            Err(Denied::Refused) => (401, r#"{"error":"invalid_client"}"#.to_owned()),
        }
    }

    fn id(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        *self.issuer.id.get_or_init(|| {
            let id = NEXT.fetch_add(1, Ordering::Relaxed);
            let mut known = known().lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|_, issuer| issuer.strong_count() > 0);
            known.insert(id, std::sync::Arc::downgrade(&self.issuer));
            id
        })
    }

    fn of_id(id: u64) -> Option<Self> {
        let known = known().lock().unwrap_or_else(PoisonError::into_inner);
        let issuer = known.get(&id)?.upgrade()?;
        Some(Self { issuer })
    }
}

fn known() -> &'static Mutex<HashMap<u64, Weak<Issuer>>> {
    static KNOWN: OnceLock<Mutex<HashMap<u64, Weak<Issuer>>>> = OnceLock::new();
    KNOWN.get_or_init(Mutex::default)
}

/// The address of the one server of this process.
fn front() -> std::io::Result<&'static str> {
    static FRONT: OnceLock<Result<String, std::io::ErrorKind>> = OnceLock::new();
    match FRONT.get_or_init(|| start().map_err(|error| error.kind())) {
        Ok(address) => Ok(address),
        Err(kind) => Err((*kind).into()),
    }
}

fn start() -> std::io::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = format!("http://{}", listener.local_addr()?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("fake-issuer".to_owned())
        .spawn(move || runtime.block_on(serve(listener)))?;
    Ok(address)
}

async fn serve(listener: std::net::TcpListener) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        // A connection that could not be accepted is the caller's failure to count.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer));
            // The end of a connection is its client's affair.
            let _ = connection.await;
        });
    }
}

async fn answer(
    request: http::Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    use http_body_util::BodyExt as _;
    let path = request.uri().path().to_owned();
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let issuer = parts.next().unwrap_or_default().to_owned();
    let asks = path.ends_with("token");
    if issuer == "api" {
        return Ok(Response::new(Full::new(Bytes::from_static(b"{}"))));
    }
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    let issuer = match issuer.parse() {
        Ok(id) => FakeIssuer::of_id(id),
        Err(_) => super::scopes::named(&body).and_then(|text| FakeIssuer::of_scope(&text)),
    };
    let (status, body) = match issuer {
        Some(issuer) if asks => issuer.respond().await,
        _ => (404, r#"{"error":"not_found"}"#.to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response
        .headers_mut()
        .insert("metadata-flavor", http::HeaderValue::from_static("Google"));
    Ok(response)
}

impl FakeIssuer {
    /// An address that answers every GET with `{}`, whatever it carries: an API to send credentials to.
    ///
    /// # Errors
    /// When the loopback cannot be listened on.
    pub fn api() -> std::io::Result<String> {
        Ok(format!("{}/api", front()?))
    }
}

const SCOPE: &str = "keytide-issuer-";
