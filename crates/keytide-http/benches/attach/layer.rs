//! Through the tower layer, to a service that answers at once.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response, Uri};
use http_body_util::Empty;
use keytide_core::Cache;
use keytide_http::AuthorizeLayer;
use tower::{Layer, Service};

use crate::{Send, value};

pub(crate) fn fixed() -> Send<'static> {
    let (uri, value) = (Uri::from_static(URI), value());
    let mut plain = Done;
    Box::new(move || {
        let mut request = request(&uri);
        request.headers_mut().insert(AUTHORIZATION, value.clone());
        finish(plain.call(request));
    })
}

pub(crate) fn ours(cache: &Cache) -> Send<'static> {
    let layer = AuthorizeLayer::builder(cache.clone())
        .destination("https://api.example.com")
        .build()
        .expect("a layer");
    let (uri, mut layered) = (Uri::from_static(URI), layer.layer(Done));
    Box::new(move || finish(layered.call(request(&uri))))
}

fn request(uri: &Uri) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri.clone();
    request
}

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

fn finish<F: Future>(future: F) {
    let polled = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_ready(), "it waits");
    black_box(polled.is_ready());
}

const URI: &str = "https://api.example.com/v1/invoices";
