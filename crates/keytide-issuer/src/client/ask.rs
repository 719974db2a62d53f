//! A request to an issuer in the making: [`Ask`].

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, DATE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use http_body_util::Full;
use keytide_core::{Error, Request};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::answer::Reply;
use super::dates;
use super::endpoint::{Endpoint, Route};
use super::exchange::Exchange;
use super::failure;
use super::form::{Form, encode};
use super::header::text;
use super::wiped::Wiped;
use super::wire::Wire;

/// A request to an issuer in the making. Sent once: it is never repeated.
#[must_use = "nothing is sent until `send` is awaited"]
pub struct Ask {
    wire: Arc<Wire>,
    method: Method,
    endpoint: Endpoint,
    headers: HeaderMap,
    body: Option<Wiped>,
    fault: Option<Error>,
}

impl Ask {
    pub(super) fn new(wire: Arc<Wire>, method: Method, endpoint: Endpoint) -> Self {
        let mut headers = HeaderMap::new();
        // Answers of a kilobyte gain nothing from compression. One that comes compressed all the same is read.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let fault = is_forbidden(&method)
            .then(|| Error::misconfigured("an issuer is never asked by TRACE, TRACK or CONNECT"));
        Self {
            wire,
            method,
            endpoint,
            headers,
            body: None,
            fault,
        }
    }

    /// Sets a header that is no secret.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.set(name, HeaderValue::from_str(value).ok())
    }

    /// Sets a header that holds a secret: marked sensitive, and in a buffer that is wiped.
    pub fn secret_header(self, name: &str, value: &[u8]) -> Self {
        let mut buffer = Wiped::with_capacity(value.len());
        buffer.push(value);
        self.set(name, sensitive(buffer))
    }

    /// Sets `Authorization: Basic`, of a name and a password that are each written as in a form first (RFC 6749,
    /// section 2.3.1).
    pub fn basic(self, name: &str, password: &[u8]) -> Self {
        let mut pair = Wiped::with_capacity(3 * (name.len() + password.len()) + 1);
        encode(name.as_bytes(), &mut pair);
        pair.push(b":");
        encode(password, &mut pair);
        let mut value = Wiped::with_capacity(pair.len() * 4 / 3 + 16);
        value.push(b"Basic ");
        let encoded = Zeroizing::new(STANDARD.encode(pair.as_ref()));
        value.push(encoded.as_bytes());
        self.set(AUTHORIZATION.as_str(), sensitive(value))
    }

    /// Takes over headers and a body that were written elsewhere, such as by an SDK, in place of those that are set.
    pub fn written(mut self, mut headers: HeaderMap, body: Wiped) -> Self {
        let identity = HeaderValue::from_static("identity");
        headers.entry(ACCEPT_ENCODING).or_insert(identity);
        self.headers = headers;
        self.body = Some(body);
        self
    }

    /// Sets the body to a form.
    pub fn form(self, form: Form) -> Self {
        self.body("application/x-www-form-urlencoded", form.into_body())
    }

    /// Sets the body to JSON that was written elsewhere.
    pub fn json(self, json: Wiped) -> Self {
        self.body("application/json", json)
    }

    fn body(mut self, content_type: &'static str, body: Wiped) -> Self {
        self.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = Some(body);
        self
    }

    fn set(mut self, name: &str, value: Option<HeaderValue>) -> Self {
        match (HeaderName::try_from(name), value) {
            (Ok(name), Some(value)) => {
                self.headers.insert(name, value);
            }
            _ => {
                let message =
                    format!("the value for the header {name} holds bytes that no header can carry");
                self.fault
                    .get_or_insert_with(|| Error::misconfigured(message));
            }
        }
        self
    }

    /// Asks. The answer may be of any status.
    ///
    /// The `Date` of an answer that came over TLS or loopback is reported to the request.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when a header cannot be written or there are no root
    /// certificates; else [`Unavailable`](keytide_core::ErrorKind::Unavailable): no connection, no TLS, no whole answer
    /// in time, one that is too large or broken, or a name that leads where no issuer can be.
    pub async fn send(self, request: &Request) -> Result<Reply, Error> {
        self.transmit(|date| request.saw_issuer_clock(date)).await
    }

    /// Asks on behalf of an SDK that reads answers itself. What it makes of them is the provider's to judge.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    pub async fn exchange(self) -> Result<Exchange, Error> {
        let mut date = None;
        let reply = self.transmit(|shown| date = Some(shown)).await?;
        Ok(Exchange::new(reply, date))
    }

    async fn transmit(self, saw: impl FnOnce(SystemTime)) -> Result<Reply, Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let origin = self.endpoint.origin();
        let settings = self.wire.settings();
        let deadline = Instant::now() + settings.answer_timeout;
        let late = || failure::late(&origin, settings.answer_timeout);
        let route = match self.endpoint.route() {
            Route::Public if settings.names.is_here(self.endpoint.host()) => Route::SecureLoopback,
            route => route,
        };
        let asked = written(self.method, &self.endpoint, self.headers, self.body)?;
        let response = timeout_at(deadline, self.wire.send(asked, route))
            .await
            .map_err(|_| late())?
            .map_err(|fault| failure::explain(&origin, fault, settings.connect_timeout))?;

        let date = response
            .headers()
            .get(DATE)
            .and_then(text)
            .and_then(dates::date);
        if let Some(date) = date.filter(|_| route != Route::Metadata) {
            saw(date);
        }
        Reply::read(origin.clone(), response, date, deadline, late).await
    }
}

/// The request as HTTP takes it, with the headers that every client sends where none were set.
fn written(
    method: Method,
    endpoint: &Endpoint,
    mut headers: HeaderMap,
    body: Option<Wiped>,
) -> Result<http::Request<Full<Bytes>>, Error> {
    let unusable = || {
        let origin = endpoint.origin();
        Error::misconfigured(format!("the URL of the issuer {origin} cannot be sent"))
    };
    let url = endpoint.url();
    let uri = Uri::try_from(url.as_str()).map_err(|_| unusable())?;
    let host = match url.port() {
        Some(port) => format!("{}:{port}", endpoint.host()),
        None => endpoint.host().to_owned(),
    };
    let host = HeaderValue::try_from(host).map_err(|_| unusable())?;
    headers.entry(HOST).or_insert(host);
    let agent = concat!("keytide/", env!("CARGO_PKG_VERSION"));
    for (name, value) in [(ACCEPT, "*/*"), (USER_AGENT, agent)] {
        let value = HeaderValue::from_static(value);
        headers.entry(name).or_insert(value);
    }
    let body = body.map(Bytes::from_owner).unwrap_or_default();
    let mut request = http::Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Methods that have a server send back what it got, or that are for a proxy (RFC 9110, section 9.3.8). Some servers take
/// them in any case.
fn is_forbidden(method: &Method) -> bool {
    ["TRACE", "TRACK", "CONNECT"]
        .iter()
        .any(|forbidden| method.as_str().eq_ignore_ascii_case(forbidden))
}

fn sensitive(buffer: Wiped) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(buffer)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask")
            .field("method", &self.method)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
