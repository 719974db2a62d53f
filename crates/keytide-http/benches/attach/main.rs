//! What the layer adds to a request over a fixed header: `cargo bench -p keytide-http --features tower --bench attach`.
//!
//! Rounds of both are interleaved, and the median of the rounds' differences is told. `-- layer` or `-- fixed` runs one
//! of them only, a million times, for `valgrind --tool=callgrind`.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Empty;
use keytide_core::{Agent, AgentIdentity, Cache, Error, Issued, Profile, ProvideCredential};
use keytide_http::AuthorizeLayer;
use tower::{Layer, Service};

/// Answers at once.
#[derive(Clone)]
struct Done;

impl Service<Request<Empty<Bytes>>> for Done {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Empty<Bytes>>) -> Self::Future {
        black_box(&request);
        ready(Ok(Response::new(Empty::new())))
    }
}

struct Hour;

impl ProvideCredential for Hour {
    fn profile(&self) -> Profile {
        Profile::bearer("hour")
    }

    async fn provide(&self, _: &keytide_core::Request) -> Result<Issued, Error> {
        Ok(Issued::bearer("t".repeat(1024)).expires_in(Duration::from_secs(3600)))
    }
}

fn main() {
    let cache = cache();
    let uri = Uri::from_static("https://api.example.com/v1/invoices");
    let value =
        HeaderValue::from_maybe_shared(Bytes::from("Bearer ".to_owned() + &"t".repeat(1024)));
    let value = value.expect("a header");
    let layer = AuthorizeLayer::builder(cache)
        .destination("https://api.example.com")
        .build()
        .expect("a layer");
    let (mut layered, mut plain) = (layer.layer(Done), Done);
    let mut fixed = || {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = uri.clone();
        request.headers_mut().insert(AUTHORIZATION, value.clone());
        finish(plain.call(request));
    };
    let mut through_layer = || {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = uri.clone();
        finish(layered.call(request));
    };
    match std::env::args().nth(1).as_deref() {
        Some("fixed") => (0..1_000_000).for_each(|_| fixed()),
        Some("layer") => (0..1_000_000).for_each(|_| through_layer()),
        _ => {
            let mut differences: Vec<_> = (0..ROUNDS)
                .map(|_| {
                    let (fixed, layer) = (round(&mut fixed), round(&mut through_layer));
                    (layer - fixed, fixed, layer)
                })
                .collect();
            differences.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (added, fixed, layer) = differences[ROUNDS / 2];
            println!("fixed header {fixed:.0} ns, layer {layer:.0} ns: {added:.0} ns added");
        }
    }
}

/// The nanoseconds that one call takes.
#[expect(clippy::disallowed_methods, reason = "a benchmark takes the time")]
fn round(work: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..CALLS {
        work();
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}

fn finish<F: Future>(future: F) {
    let polled = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_ready(), "it waits");
    black_box(polled.is_ready());
}

fn cache() -> Cache {
    let identity = AgentIdentity {
        agent_type: "bench".into(),
        version: "1".into(),
        environment: "bench".into(),
        owner: "benches".into(),
    };
    let agent = Agent::builder(identity).build().expect("an agent");
    let cache = agent.cache(Hour).build().expect("a cache");
    let _ = cache
        .get_blocking(Duration::from_secs(10))
        .expect("a credential");
    cache
}

const ROUNDS: usize = 41;
const CALLS: u32 = 100_000;
