//! Two thousand random requests over HTTP/1.1 and HTTP/2, through both faces, judged from what came over the wire.
//!
//! The judge here is written from the specification alone: it takes paths and queries as they arrived and encodes nothing but
//! what the general rule encodes once more. What it saw is left in a file, so that others can judge it too
//! (`scripts/interop.d/aws`).

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use keytide_core::{Agent, AgentIdentity, Cache, Issued, Profile, ProvideCredential};
use keytide_http::{AuthorizeLayer, AuthorizedClient, Cloned};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, ServiceExt};

use crate::*;

/// One request as it arrived.
#[derive(Debug)]
struct Wire {
    method: String,
    target: String,
    /// `Host`, or `:authority`.
    host: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

type Wires = Arc<Mutex<Vec<Wire>>>;

async fn serve(wires: Wires) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let wires = Arc::clone(&wires);
            let service = service_fn(move |request: http::Request<Incoming>| {
                let wires = Arc::clone(&wires);
                async move {
                    let (parts, body) = request.into_parts();
                    let hosts: Vec<_> = parts.headers.get_all("host").iter().collect();
                    let host = match (parts.uri.authority(), hosts.as_slice()) {
                        (Some(authority), []) => authority.to_string(),
                        (Some(authority), [host]) if *host == authority.as_str() => {
                            authority.to_string()
                        }
                        (None, [host]) => host.to_str().unwrap().to_owned(),
                        other => panic!("{other:?}"),
                    };
                    let body = body.collect().await.unwrap().to_bytes().to_vec();
                    let headers = parts.headers.iter();
                    wires.lock().unwrap().push(Wire {
                        method: parts.method.to_string(),
                        target: parts.uri.path_and_query().unwrap().to_string(),
                        host,
                        headers: headers
                            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
                            .collect(),
                        body,
                    });
                    Ok::<_, std::convert::Infallible>(http::Response::new(Full::<Bytes>::default()))
                }
            });
            tokio::spawn(async move {
                let builder = auto::Builder::new(TokioExecutor::new());
                let _ = builder
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    address
}

fn sha256(bytes: &[u8]) -> String {
    to_hex(&Sha256::digest(bytes))
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

impl Wire {
    fn all(&self, name: &str) -> Vec<&[u8]> {
        let named = self.headers.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| value.as_slice()).collect()
    }

    fn one(&self, name: &str) -> &str {
        match self.all(name).as_slice() {
            [value] => std::str::from_utf8(value).unwrap(),
            other => panic!("{name}: {other:?}"),
        }
    }

    /// The signature that the service computes.
    fn signature(&self, service: &str) -> String {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let path = if service == "s3" {
            path.to_owned()
        } else {
            general_path(path)
        };
        let pieces = query.split('&').filter(|_| !query.is_empty());
        let mut pairs: Vec<_> = pieces
            .map(|piece| piece.split_once('=').unwrap_or((piece, "")))
            .collect();
        pairs.sort_unstable();
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let authorization = self.one("authorization");
        let field = |name: &str| {
            let (_, rest) = authorization.split_once(name).unwrap();
            rest.split(", ").next().unwrap()
        };
        let (scope, names) = (field("Credential="), field("SignedHeaders="));
        let mut headers = String::new();
        for name in names.split(';') {
            let values = match name {
                "host" => vec![self.host.as_bytes()],
                name => self.all(name),
            };
            assert!(
                !values.is_empty(),
                "{name} is signed and did not come: {self:?}"
            );
            let values: Vec<_> = values
                .iter()
                .map(|value| std::str::from_utf8(value).unwrap())
                .map(|value| value.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            writeln!(headers, "{name}:{}", values.join(",")).unwrap();
        }
        for (name, _) in &self.headers {
            let must = name.starts_with("x-amz-") || name == "content-type";
            assert!(
                !must || names.split(';').any(|signed| signed == name),
                "{name} is not signed: {self:?}"
            );
        }
        let payload = match self.all("x-amz-content-sha256").as_slice() {
            [b"UNSIGNED-PAYLOAD"] => "UNSIGNED-PAYLOAD".to_owned(),
            [hash] => {
                assert_eq!(*hash, sha256(&self.body).as_bytes());
                sha256(&self.body)
            }
            [] => sha256(&self.body),
            other => panic!("{other:?}"),
        };
        let method = &self.method;
        let canonical = format!(
            "{method}\n{path}\n{}\n{headers}\n{names}\n{payload}",
            pairs.join("&")
        );
        let scope = scope.split_once('/').unwrap().1;
        let date = self.one("x-amz-date");
        let text = format!(
            "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
            sha256(canonical.as_bytes())
        );
        let mut key = format!("AWS4{SECRET}").into_bytes();
        for part in scope.split('/') {
            key = hmac(&key, part);
        }
        to_hex(&hmac(&key, &text))
    }

    fn is_signed(&self, service: &str) -> bool {
        let expected = format!("Signature={}", self.signature(service));
        self.one("authorization").ends_with(&expected)
    }
}

/// Dot segments and empty ones out, and encoded once more.
fn general_path(path: &str) -> String {
    let mut kept = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let mut encoded = String::new();
    for segment in &kept {
        encoded.push('/');
        for byte in segment.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                write!(encoded, "%{byte:02X}").unwrap();
            }
        }
    }
    if kept.is_empty() || path.ends_with('/') {
        encoded.push('/');
    }
    encoded
}

/// xorshift64*.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).unwrap() % end
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn joined(&mut self, all: &[&str], most: usize) -> String {
        (0..self.below(most + 1)).map(|_| self.of(all)).collect()
    }
}

/// What one request is made of.
struct Received {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

const PIECES: [&str; 22] = [
    "a", "B7", "-._~", "+", "(", ")", "!", "*", "'", "@", ":", ",", "$", "=", "%20", "%C3%A4",
    "%c3%a4", "%2B", "%FF", "%7e", "%25", ";",
];
const SEGMENTS: [&str; 7] = ["", ".", "..", "x", "y z", "%2e", "%2F"];
const VALUES: [&str; 10] = [
    "1",
    " a",
    "b ",
    "\tc",
    "d\t",
    " \t e  f \t ",
    "g   h",
    "",
    "\u{e4}",
    "i\tj",
];
const NAMES: [&str; 22] = [
    "x-mine",
    "x-other",
    "x-amz-meta-a",
    "x-amz-target",
    "content-type",
    "range",
    "te",
    "connection",
    "keep-alive",
    "via",
    "forwarded",
    "x-forwarded-for",
    "user-agent",
    "accept-encoding",
    "cookie",
    "x-amzn-trace-id",
    "x-hop",
    "proxy-connection",
    "accept",
    "max-forwards",
    "x_under_score",
    "trailer",
];

fn ask(chance: &mut Chance) -> Received {
    let mut target = String::new();
    for _ in 0..chance.below(5) {
        target.push('/');
        if chance.below(4) == 0 {
            target.push_str(&chance.of(&SEGMENTS).replace(' ', "%20"));
        } else {
            target.push_str(&chance.joined(&PIECES, 4));
        }
    }
    if target.is_empty() {
        target.push('/');
    }
    if chance.below(2) == 0 {
        target.push('?');
        for _ in 0..chance.below(5) {
            target.push_str(&chance.joined(&PIECES, 2));
            target.push_str(chance.of(&["=", "=", "=", "", "&"]));
            target.push_str(&chance.joined(
                &["a", "b", "+", "/", "?", "%", "%fF", "%80", "%20", "=", ":"],
                3,
            ));
            target.push('&');
        }
    }
    let mut headers = HeaderMap::new();
    for _ in 0..chance.below(5) {
        let name = chance.of(&NAMES);
        let value = match name {
            "connection" => chance.of(&["close, x-hop", "x-hop", "keep-alive"]),
            "te" => "trailers",
            "content-type" => "text/plain;  charset=x",
            "x-hop" => "1",
            _ => chance.of(&VALUES),
        };
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        if matches!(name, "connection" | "te" | "content-type") {
            headers.insert(name, value);
        } else {
            headers.append(name, value);
        }
    }
    let methods = ["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"];
    Received {
        method: chance.of(&methods).parse().unwrap(),
        target,
        headers,
        body: (0..chance.below(3) * 40)
            .map(|at| u8::try_from(at).unwrap())
            .collect(),
    }
}

struct Fixed;

impl ProvideCredential for Fixed {
    fn profile(&self) -> Profile {
        Profile::signing_key("fixed")
    }

    async fn provide(&self, _: &keytide_core::Request) -> Result<Issued, keytide_core::Error> {
        Ok(Issued::signing_key(KEY_ID, SECRET.to_owned())
            .session_token("a/token+=".to_owned())
            .expires_in(Duration::from_secs(3600)))
    }
}

fn cache() -> Cache {
    let identity = AgentIdentity {
        agent_type: "t".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "o".into(),
    };
    let agent = Agent::builder(identity).build().unwrap();
    agent.cache(Fixed).build().unwrap()
}

/// Sends through one face. What is refused was not sent.
enum Face {
    Reqwest(AuthorizedClient, String),
    Tower(AuthorizeLayer<Cloned>, SocketAddr, bool),
}

impl Face {
    fn new(service: &str, cache: &Cache, address: SocketAddr, http2: bool, tower: bool) -> Self {
        let sigv4 = SigV4::builder("eu-central-1", service).build().unwrap();
        if tower {
            let layer = AuthorizeLayer::builder(cache.clone())
                .attach(sigv4)
                .destination("http://localhost")
                .copy_body(Cloned);
            return Self::Tower(layer.build().unwrap(), address, http2);
        }
        let http = keytide_http::reqwest::Client::builder().no_proxy();
        let http = if http2 {
            http.http2_prior_knowledge()
        } else {
            http.http1_only()
        };
        let origin = format!("http://localhost:{}", address.port());
        let client = AuthorizedClient::builder(http, cache.clone())
            .attach(sigv4)
            .destination(&origin)
            .build()
            .unwrap();
        Self::Reqwest(client, origin)
    }

    async fn send(&self, asked: &Received, chance: &mut Chance) -> Result<(), Error> {
        match self {
            Self::Reqwest(client, origin) => {
                let request = client
                    .request(asked.method.clone(), format!("{origin}{}", asked.target))
                    .headers(asked.headers.clone())
                    .body(asked.body.clone());
                request.send().await.map(|_| ())
            }
            Self::Tower(layer, address, http2) => {
                // However it is written, it is this one.
                let authority =
                    chance.of(&["localhost", "LocalHost", "localhost:80", "LOCALHOST:80"]);
                let address = *address;
                let connector = tower::service_fn(move |_: Uri| {
                    Box::pin(async move { TcpStream::connect(address).await.map(TokioIo::new) })
                });
                let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new())
                    .http2_only(*http2)
                    .build(connector);
                let mut request = http::Request::new(Full::from(asked.body.clone()));
                *request.method_mut() = asked.method.clone();
                *request.uri_mut() = format!("http://{authority}{}", asked.target)
                    .parse()
                    .unwrap();
                *request.headers_mut() = asked.headers.clone();
                if chance.below(4) == 0 {
                    let host = HeaderValue::from_static("LOCALHOST");
                    request.headers_mut().insert("host", host);
                }
                let sent = layer.layer(client).oneshot(request).await;
                sent.map(|_| ())
                    .map_err(|error| *error.downcast::<Error>().unwrap())
            }
        }
    }
}

#[tokio::test]
async fn of_two_thousand_random_requests_none_is_signed_otherwise_than_sent() {
    let (wires, cache) = (Wires::default(), cache());
    let address = serve(Arc::clone(&wires)).await;
    let services = ["s3", "sqs", "execute-api", "aoss", "vpc-lattice-svcs"];
    let mut faces = Vec::new();
    for service in services {
        for (http2, tower) in [(false, false), (true, false), (false, true), (true, true)] {
            faces.push((service, Face::new(service, &cache, address, http2, tower)));
        }
    }
    let (mut chance, mut differ, mut refused, mut dump) =
        (Chance(SEED), Vec::new(), 0, String::new());
    let mut judged = 0;
    while judged < 2000 {
        let (service, face) = &faces[(judged + refused) % faces.len()];
        let asked = ask(&mut chance);
        if let Err(error) = face.send(&asked, &mut chance).await {
            assert_eq!(
                error.kind(),
                ErrorKind::Credential,
                "{error:?} {}",
                asked.target
            );
            let told = ["tab", "dot segment"]
                .iter()
                .any(|told| error.to_string().contains(told));
            assert!(told, "{error}");
            refused += 1;
            continue;
        }
        let wire = wires.lock().unwrap().pop().unwrap();
        judged += 1;
        if !wire.is_signed(service) {
            differ.push(format!("{service} {} {wire:?}", asked.target));
        }
        let headers: Vec<_> = wire
            .headers
            .iter()
            .map(|(name, value)| (name, String::from_utf8_lossy(value)))
            .collect();
        let line = json!({
            "service": service, "method": wire.method, "target": wire.target, "host": wire.host, "headers": headers,
            "body": to_hex(&wire.body), "access_key": KEY_ID, "secret_key": SECRET,
        });
        writeln!(dump, "{line}").unwrap();
    }
    std::fs::write(
        concat!(env!("CARGO_TARGET_TMPDIR"), "/sigv4-wire.jsonl"),
        dump,
    )
    .unwrap();
    assert!(
        differ.is_empty(),
        "{} differ, such as {}",
        differ.len(),
        differ[0]
    );
    assert!((1..judged / 4).contains(&refused), "{refused} were refused");
}

const SEED: u64 = 0x5eed_0000_1128_2026;
