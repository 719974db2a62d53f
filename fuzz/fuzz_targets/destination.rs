//! The rule of destinations, through the layer, against a judge that was written apart from it.

#![no_main]

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Empty;
use keytide_core::{
    Agent, AgentIdentity, Cache, Error, Issued, Profile,
    ProvideCredential, };
use keytide_http::{AuthorizeLayer, Destination};
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;
use tower::{Layer, ServiceExt, service_fn};
use url::Url;

struct Token;

impl ProvideCredential for Token {
    fn profile(&self) -> Profile {
        Profile::bearer("token").answers_at_once()
    }

    async fn provide(&self, _: &keytide_core::Request) -> Result<Issued, Error> {
        Ok(Issued::bearer("token".to_owned()).expires_in(Duration::from_secs(3600)))
    }
}

const WIDE: [(&str, &str, u16); 5] = [
    ("https", "api.example.com", 443),
    ("https", "api.example.com", 8443),
    ("https", "xn--bcher-kva.example", 443),
    ("http", "127.0.0.1", 8080),
    ("https", "[2001:db8::1]", 443),
];
const NARROW: &str = "narrow.example";

static LAYER: LazyLock<AuthorizeLayer> = LazyLock::new(|| {
    let identity = AgentIdentity { agent_type: "fuzz".into(), version: "1".into(), environment: "fuzz".into(), owner: "fuzz".into() };
    let agent = Agent::builder(identity).build().unwrap();
    let cache: Cache = agent.cache(Token).build().unwrap();
    cache.get_blocking(Duration::from_secs(10)).unwrap();
    WIDE.iter()
        .fold(
            AuthorizeLayer::builder(cache),
            |builder, (scheme, host, port)| {
                builder.destination(format!("{scheme}://{host}:{port}"))
            },
        )
        .destination(Destination::new(format!("https://{NARROW}")).path("/v1/invoices"))
        .build()
        .unwrap()
});

/// The URI of a request that was let through, with the credential on it.
fn passed(uri: Uri) -> Option<Uri> {
    let service = service_fn(|request: Request<Empty<Bytes>>| {
        assert_eq!(request.headers()["authorization"], "Bearer token");
        let mut response = Response::new(Empty::<Bytes>::new());
        response.extensions_mut().insert(request.uri().clone());
        ready(Ok::<_, Infallible>(response))
    });
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri;
    let sending = pin!(LAYER.layer(service).oneshot(request));
    match sending.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => response.extensions().get::<Uri>().cloned(),
        Poll::Ready(Err(_)) => None,
        Poll::Pending => panic!("a usable credential is waited for"),
    }
}

/// A segment as some server may read it: decoded so many times, cut at a semicolon, in one of two ways of slashes.
fn readings(path: &str) -> Vec<String> {
    let mut readings = vec![path.to_owned()];
    for _ in 0..3 {
        let last = readings.last().unwrap();
        readings.push(percent_decode_str(last).decode_utf8_lossy().into_owned());
    }
    let turned: Vec<_> = readings
        .iter()
        .map(|path| path.replace('\\', "/"))
        .collect();
    readings.extend(turned);
    let cut: Vec<_> = readings
        .iter()
        .map(|path| {
            let segments = path
                .split('/')
                .map(|segment| segment.split(';').next().unwrap());
            segments.collect::<Vec<_>>().join("/")
        })
        .collect();
    readings.extend(cut);
    readings
}

/// A path without dot segments and empty ones.
fn resolved(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment.trim_end_matches(' ') {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    format!("/{}", segments.join("/"))
}

fn check(uri: &Uri) {
    let url = Url::parse(&uri.to_string()).expect("what passes, parses");
    assert!(
        url.username().is_empty() && url.password().is_none(),
        "{uri}"
    );
    let origin = (
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.port_or_known_default().unwrap_or_default(),
    );
    if origin == ("https", NARROW, 443) {
        for reading in readings(uri.path()) {
            let path = resolved(&reading);
            assert!(
                path == "/v1/invoices" || path.starts_with("/v1/invoices/"),
                "{uri} may be read as {path}"
            );
        }
    } else {
        assert!(WIDE.contains(&origin), "{uri} is for {origin:?}");
    }
}

fuzz_target!(|text: &str| {
    // As hyper sends it, and as reqwest does.
    for uri in [
        text.parse::<Uri>().ok(),
        Url::parse(text)
            .ok()
            .and_then(|url| url.as_str().parse().ok()),
    ] {
        if let Some(uri) = uri.and_then(passed) {
            check(&uri);
        }
    }
});
