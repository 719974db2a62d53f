//! Attaching a credential allocates nothing over a fixed header, and the copy for a retry little.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use keytide_core::{Agent, AgentIdentity, Cache, Error, Issued, Profile, ProvideCredential};
use keytide_http::{AuthorizeLayer, Cloned, Destination};
use tower::{Layer, Service};

struct Counting;

thread_local! {
    /// Those of this thread: what the library's own thread does meanwhile is not the request's.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator cannot be had without it")]
// SAFETY: passes every call on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

struct Hour;

impl ProvideCredential for Hour {
    fn profile(&self) -> Profile {
        Profile::bearer("hour")
    }

    async fn provide(&self, _: &keytide_core::Request) -> Result<Issued, Error> {
        Ok(Issued::bearer("token".to_owned()).expires_in(Duration::from_secs(3600)))
    }
}

/// Answers at once, without allocating.
#[derive(Clone)]
struct Done;

impl Service<Request<Full<Bytes>>> for Done {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        assert!(request.headers().contains_key(AUTHORIZATION));
        ready(Ok(Response::new(Full::default())))
    }
}

fn main() {
    let cache = cache();
    attaching_allocates_nothing_over_a_fixed_header(&cache);
    the_copy_for_a_retry_takes_at_most_four_allocations(&cache);
}

fn attaching_allocates_nothing_over_a_fixed_header(cache: &Cache) {
    let narrow = Destination::new("https://narrow.example")
        .methods([Method::POST])
        .path("/v1");
    let layer = AuthorizeLayer::builder(cache.clone())
        .destination("https://api.example.com")
        .destination(narrow)
        .build()
        .unwrap();
    let mut service = layer.layer(Done);
    let value = HeaderValue::from_maybe_shared(Bytes::from_static(b"Bearer token")).unwrap();
    for text in [
        "https://api.example.com/v1/x?y",
        "https://narrow.example/v1/x%20y",
    ] {
        let uri = Uri::from_static(text);
        let fixed = counted(|| {
            let mut request = request(&uri, 1, &Bytes::new());
            request.headers_mut().insert(AUTHORIZATION, value.clone());
            finish(Done.call(request));
        });
        let layered = counted(|| finish(service.call(request(&uri, 1, &Bytes::new()))));

        assert_eq!(layered, fixed, "{text}");
    }
    println!("attaching_allocates_nothing_over_a_fixed_header: ok");
}

fn the_copy_for_a_retry_takes_at_most_four_allocations(cache: &Cache) {
    let build = || AuthorizeLayer::builder(cache.clone()).destination("https://api.example.com");
    let mut copying = build().copy_body(Cloned).build().unwrap().layer(Done);
    let mut plain = build().build().unwrap().layer(Done);
    let uri = Uri::from_static("https://api.example.com/v1/x?y");
    let body = Bytes::from(vec![b'x'; 100_000]);
    for headers in [0, 1, 20] {
        let copied = counted(|| finish(copying.call(request(&uri, headers, &body))));
        let not_copied = counted(|| finish(plain.call(request(&uri, headers, &body))));

        let copy = copied - not_copied;
        assert!(
            copy <= 4 * ROUNDS,
            "{headers} headers: {copy} in {ROUNDS} requests"
        );
    }
    println!("the_copy_for_a_retry_takes_at_most_four_allocations: ok");
}

fn request(uri: &Uri, headers: usize, body: &Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri.clone();
    for header in NAMES.iter().take(headers) {
        request.headers_mut().insert(
            HeaderName::from_static(header),
            HeaderValue::from_static("x"),
        );
    }
    request
}

/// The allocations of so many rounds, once what is made for the first one is made.
fn counted(mut work: impl FnMut()) -> u64 {
    work();
    let before = ALLOCATIONS.get();
    for _ in 0..ROUNDS {
        work();
    }
    ALLOCATIONS.get() - before
}

fn finish<F: Future>(future: F) {
    let polled = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_ready(), "it waits");
}

fn cache() -> Cache {
    let identity = AgentIdentity {
        agent_type: "counted".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    let agent = Agent::builder(identity).build().unwrap();
    let cache = agent.cache(Hour).build().unwrap();
    cache.get_blocking(Duration::from_secs(10)).unwrap();
    cache
}

const ROUNDS: u64 = 1000;
const NAMES: [&str; 20] = [
    "x-a", "x-b", "x-c", "x-d", "x-e", "x-f", "x-g", "x-h", "x-i", "x-j", "x-k", "x-l", "x-m",
    "x-n", "x-o", "x-p", "x-q", "x-r", "x-s", "x-t",
];
