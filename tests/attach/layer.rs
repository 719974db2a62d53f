//! Through the tower layer.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use keytide_core::Cache;
use keytide_http::{AuthorizeLayer, Cloned, Destination};
use tower::{Layer, Service};

use crate::{NAMES, ROUNDS, counted};

pub(crate) fn attaching_allocates_nothing_over_a_fixed_header(cache: &Cache) {
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
    println!("layer: attaching_allocates_nothing_over_a_fixed_header: ok");
}

pub(crate) fn what_is_kept_for_a_retry_takes_two_allocations(cache: &Cache) {
    let build = || AuthorizeLayer::builder(cache.clone()).destination("https://api.example.com");
    let mut copying = build().copy_body(Cloned).build().unwrap().layer(Done);
    let mut plain = build().build().unwrap().layer(Done);
    let uri = Uri::from_static("https://api.example.com/v1/x?y");
    let body = Bytes::from(vec![b'x'; 100_000]);
    // The box, and the list of the headers.
    for (headers, allocations) in [(0, 1), (1, 2), (20, 2)] {
        let kept = counted(|| finish(copying.call(request(&uri, headers, &body))));
        let not_kept = counted(|| finish(plain.call(request(&uri, headers, &body))));

        assert_eq!(kept - not_kept, allocations * ROUNDS, "{headers} headers");
    }
    println!("layer: what_is_kept_for_a_retry_takes_two_allocations: ok");
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

fn finish<F: Future>(future: F) {
    let polled = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_ready(), "it waits");
}
