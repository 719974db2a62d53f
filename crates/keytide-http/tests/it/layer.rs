//! The layer, over hyper's client and over services that stand in for one.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use keytide_core::{Agent, EventKind};
use keytide_http::{
    AuthorizeLayer, AuthorizeLayerBuilder, Cloned, Destination, Error, ErrorKind, RequestTimeout,
    Rule, SentGeneration, StreamWatch,
};
use keytide_testkit::Recorder;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_http::follow_redirect::FollowRedirectLayer;

use crate::server::{Server, answer, ok, redirect, unauthorized};
use crate::{Mint, Over, identity, over_both};

fn hyper(over: Over) -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new())
        .http2_only(over == Over::Http2)
        .build_http()
}

fn layer(cache: &keytide_core::Cache, server: &Server) -> AuthorizeLayerBuilder {
    AuthorizeLayer::builder(cache.clone()).destination(server.origin())
}

fn get(url: String) -> Request<Full<Bytes>> {
    Request::get(url).body(Full::default()).unwrap()
}

/// Ours, out of the box that the layer puts it in.
fn ours(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    *error.downcast::<Error>().expect("an error of ours")
}

async fn a_request_carries_the_current_generation(over: Over) {
    let (mint, server) = (Mint::default(), Server::start(|_| ok()).await);
    let cache = mint.cache();
    let mut http = layer(&cache, &server).build().unwrap().layer(hyper(over));

    for _ in 0..3 {
        let response = http
            .ready()
            .await
            .unwrap()
            .call(get(server.url("/a")))
            .await;
        assert_eq!(response.unwrap().status(), StatusCode::OK);
        cache.refresh_now().await.unwrap();
    }

    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    for (request, generation) in seen.iter().zip(1..) {
        assert!(request.bears(generation), "{request:?}");
        assert_eq!(request.version, over.version());
    }
}

async fn a_refusal_is_answered_once_with_a_newer_credential_and_the_same_body(over: Over) {
    let mint = Mint::default();
    let server = Server::start(|seen| if seen.bears(1) { unauthorized() } else { ok() }).await;
    let cache = mint.cache();
    let layer = layer(&cache, &server).copy_body(Cloned).build().unwrap();

    let request = Request::post(server.url("/x?y"))
        .header("x-mine", "1")
        .body(Full::from("body"))
        .unwrap();
    let response = layer.layer(hyper(over)).oneshot(request).await.unwrap();

    assert_eq!(response.status(), StatusCode::OK);
    let seen = server.seen();
    assert!(
        seen.len() == 2 && seen[0].bears(1) && seen[1].bears(2),
        "{seen:?}"
    );
    for seen in &seen {
        assert_eq!((&seen.method, seen.path.as_str()), (&Method::POST, "/x?y"));
        assert_eq!(
            (seen.header("x-mine"), &seen.body[..]),
            (Some("1"), &b"body"[..])
        );
    }
    assert_eq!(mint.calls(), 2);
}

async fn without_a_way_to_copy_a_refusal_is_reported_and_surfaces(over: Over) {
    let mint = Mint::default();
    let server = Server::start(|seen| if seen.bears(1) { unauthorized() } else { ok() }).await;
    let cache = mint.cache();
    let http = layer(&cache, &server).build().unwrap().layer(hyper(over));

    let first = http.clone().oneshot(get(server.url("/"))).await.unwrap();
    let second = http.oneshot(get(server.url("/"))).await.unwrap();

    assert_eq!(first.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(second.status(), StatusCode::OK);
    assert!(server.seen()[1].bears(2));
    assert_eq!((server.seen().len(), mint.calls()), (2, 2));
}

async fn a_second_refusal_surfaces_and_is_reported(over: Over) {
    let server = Server::start(|_| unauthorized()).await;
    let recorder = Recorder::new();
    let agent = Agent::builder(identity())
        .observe(recorder.observer())
        .build()
        .unwrap();
    let cache = agent.cache(Mint::default()).build().unwrap();
    let layer = layer(&cache, &server).copy_body(Cloned).build().unwrap();

    let http = layer.layer(hyper(over));
    let response = http.oneshot(get(server.url("/"))).await.unwrap();

    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(server.seen().len(), 2);
    for generation in [1, 2] {
        let origin = server.origin();
        recorder.wait_for(|kind| {
            *kind
                == EventKind::Rejected {
                    generation,
                    origin: origin.clone(),
                }
        });
    }
}

async fn a_thousand_refusals_cost_one_refresh_and_one_retry_each(over: Over) {
    const REQUESTS: usize = 1000;
    let mint = Mint::default();
    let barrier = Arc::new(tokio::sync::Barrier::new(REQUESTS));
    let server = Server::holding(barrier, 1, |seen| {
        if seen.bears(1) { unauthorized() } else { ok() }
    })
    .await;
    let cache = mint.cache();
    let layer = layer(&cache, &server).copy_body(Cloned).build().unwrap();
    let http = layer.layer(hyper(over));

    let requests: Vec<_> = (0..REQUESTS)
        .map(|_| tokio::spawn(http.clone().oneshot(get(server.url("/")))))
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap().unwrap().status(), StatusCode::OK);
    }

    assert_eq!(mint.calls(), 2);
    assert_eq!(server.seen().len(), 2 * REQUESTS);
}

async fn the_body_of_a_403_is_looked_at_and_given_back_whole(over: Over) {
    const EXPIRED: &str = "<Error><Code>ExpiredToken</Code><Message>x</Message></Error>";
    let mint = Mint::default();
    let server = Server::start(|seen| {
        let mut forbidden = answer(StatusCode::FORBIDDEN);
        *forbidden.body_mut() = match seen.path.as_str() {
            "/expired" => Full::from(EXPIRED),
            _ => Full::from("<Error><Code>AccessDenied</Code></Error>"),
        };
        forbidden
    })
    .await;
    let cache = mint.cache();
    let http = layer(&cache, &server).build().unwrap().layer(hyper(over));

    let denied = http
        .clone()
        .oneshot(get(server.url("/denied")))
        .await
        .unwrap();
    assert_eq!(
        denied.into_body().collect().await.unwrap().to_bytes().len(),
        40
    );
    assert_eq!(
        cache
            .sender()
            .need(&server.origin())
            .get()
            .await
            .unwrap()
            .generation(),
        1
    );
    let expired = http.oneshot(get(server.url("/expired"))).await.unwrap();
    assert_eq!(
        expired.headers()["content-length"],
        EXPIRED.len().to_string()
    );
    assert_eq!(
        expired.into_body().collect().await.unwrap().to_bytes(),
        EXPIRED
    );

    assert_eq!(
        cache
            .sender()
            .need(&server.origin())
            .get()
            .await
            .unwrap()
            .generation(),
        2
    );
}

async fn a_layer_that_follows_redirects_is_safe_outside_and_leaks_inside(over: Over) {
    let stranger = Server::start(|_| ok()).await;
    let away = stranger.url("/");
    let server = Server::start(move |_| redirect(307, &away)).await;
    let cache = Mint::default().cache();
    let layer = layer(&cache, &server)
        .attach(keytide_http::NamedHeader::new("x-api-key").unwrap())
        .copy_body(Cloned)
        .build()
        .unwrap();
    let redirects = FollowRedirectLayer::new();

    let outside = redirects.layer(layer.layer(hyper(over)));
    let error = ours(outside.oneshot(get(server.url("/"))).await.unwrap_err());
    assert_eq!(
        (error.kind(), error.rule()),
        (ErrorKind::Destination, Some(Rule::Origin))
    );
    assert!(stranger.seen().is_empty());

    let inside = layer.layer(redirects.layer(hyper(over)));
    inside.oneshot(get(server.url("/"))).await.unwrap();
    assert_eq!(
        stranger.seen()[0].header("x-api-key"),
        Some("token-1"),
        "this is what the documentation warns of"
    );
}

over_both! {
    a_request_carries_the_current_generation
    a_refusal_is_answered_once_with_a_newer_credential_and_the_same_body
    without_a_way_to_copy_a_refusal_is_reported_and_surfaces
    a_second_refusal_surfaces_and_is_reported
    a_thousand_refusals_cost_one_refresh_and_one_retry_each
    the_body_of_a_403_is_looked_at_and_given_back_whole
    a_layer_that_follows_redirects_is_safe_outside_and_leaks_inside
}

type Seen = Arc<Mutex<Vec<http::request::Parts>>>;

/// Remembers requests and answers them.
#[derive(Clone)]
struct Recording(Seen);

impl<B> Service<Request<B>> for Recording {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.0.lock().unwrap().push(request.into_parts().0);
        ready(Ok(Response::new(Empty::new())))
    }
}

fn recording(seen: &Seen) -> Recording {
    Recording(Arc::clone(seen))
}

fn request(uri: &str) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri.parse::<Uri>().unwrap();
    request
}

#[tokio::test]
async fn a_refused_request_reaches_no_service_and_no_issuer() {
    let (mint, seen) = (Mint::default(), Seen::default());
    let layer = AuthorizeLayer::builder(mint.cache())
        .destination(
            Destination::new("https://api.example.com")
                .methods([Method::GET])
                .path("/v1"),
        )
        .build()
        .unwrap();
    let mut with_header = request("https://api.example.com/v1");
    with_header
        .headers_mut()
        .insert("authorization", "mine".parse().unwrap());
    let mut with_host = request("https://api.example.com/v1");
    with_host
        .headers_mut()
        .insert("host", "evil.example".parse().unwrap());
    let mut post = request("https://api.example.com/v1");
    *post.method_mut() = Method::POST;

    for (request, kind, rule) in [
        (
            request("https://evil.example/v1"),
            ErrorKind::Destination,
            Rule::Origin,
        ),
        (
            request("https://api.example.com/v2"),
            ErrorKind::Destination,
            Rule::Path,
        ),
        (
            request("https://api.example.com/v1/%2e"),
            ErrorKind::Destination,
            Rule::AmbiguousPath,
        ),
        (
            request("https://u@api.example.com/v1"),
            ErrorKind::InvalidUrl,
            Rule::Userinfo,
        ),
        (request("/v1"), ErrorKind::InvalidUrl, Rule::Host),
        (request("*"), ErrorKind::InvalidUrl, Rule::Host),
        (
            request("api.example.com:443"),
            ErrorKind::InvalidUrl,
            Rule::Scheme,
        ),
        (with_header, ErrorKind::HeaderPresent, Rule::Header),
        (with_host, ErrorKind::HeaderPresent, Rule::Header),
        (post, ErrorKind::Destination, Rule::Method),
    ] {
        let shown = format!("{request:?}");
        let http = layer.layer(recording(&seen));
        let error = ours(http.oneshot(request).await.unwrap_err());

        assert_eq!((error.kind(), error.rule()), (kind, Some(rule)), "{shown}");
        assert!(error.to_string().contains(rule.name()), "{error}");
    }
    assert!(seen.lock().unwrap().is_empty());
    assert_eq!(mint.calls(), 0);

    let mut with_own_host = request("https://api.example.com/v1");
    with_own_host
        .headers_mut()
        .insert("host", "API.example.com".parse().unwrap());
    layer
        .layer(recording(&seen))
        .oneshot(with_own_host)
        .await
        .unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_path_alone_goes_where_the_builder_says() {
    let (mint, seen) = (Mint::default(), Seen::default());
    let base = "https://kubernetes.default.svc";
    let layer = AuthorizeLayer::builder(mint.cache())
        .destination("https://other.example")
        .destination(Destination::new(base).path("/api"))
        .relative_to(base)
        .build()
        .unwrap();
    let send = |uri: &str| layer.layer(recording(&seen)).oneshot(request(uri));

    send("/api/v1/pods?watch=1").await.unwrap();
    send("https://other.example/x").await.unwrap();
    let error = ours(send("/metrics").await.unwrap_err());
    assert_eq!(error.rule(), Some(Rule::Path));
    let error = ours(send("/api/../metrics").await.unwrap_err());
    assert_eq!(error.rule(), Some(Rule::AmbiguousPath));
    let error = ours(send("//evil.example/api").await.unwrap_err());
    assert_eq!(error.rule(), Some(Rule::AmbiguousPath));

    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].uri, "/api/v1/pods?watch=1");
    assert!(
        seen.iter()
            .all(|seen| seen.headers["authorization"] == "Bearer token-1")
    );
    let unknown = AuthorizeLayer::builder(mint.cache())
        .destination(base)
        .relative_to("https://evil.example")
        .build();
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn the_generation_goes_along_where_that_is_asked_for() {
    let (mint, seen) = (Mint::default(), Seen::default());
    let cache = mint.cache();
    let builder = || AuthorizeLayer::builder(cache.clone()).destination("https://api.example.com");
    for builder in [builder().mark_requests(), builder()] {
        let http = builder.build().unwrap().layer(recording(&seen));
        http.oneshot(request("https://api.example.com/"))
            .await
            .unwrap();
        cache.refresh_now().await.unwrap();
    }

    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].extensions.get(), Some(&SentGeneration(1)));
    assert!(seen[1].extensions.is_empty());
}

#[tokio::test]
async fn a_streaming_body_is_not_copied_and_a_closure_may_copy_what_it_knows() {
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let refusing = service_fn(move |_: Request<UnsyncBoxBody<Bytes, Infallible>>| {
        counted.fetch_add(1, Ordering::SeqCst);
        let mut response = Response::new(Empty::<Bytes>::new());
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        ready(Ok::<_, Infallible>(response))
    });
    let copy = |body: &UnsyncBoxBody<Bytes, Infallible>| {
        http_body::Body::is_end_stream(body).then(|| Empty::new().boxed_unsync())
    };
    let send = |body| {
        let layer = AuthorizeLayer::builder(Mint::default().cache())
            .destination("https://api.example.com")
            .copy_body(copy)
            .build()
            .unwrap();
        let request = Request::post("https://api.example.com/")
            .body(body)
            .unwrap();
        layer.layer(refusing.clone()).oneshot(request)
    };

    send(Full::from("once").boxed_unsync()).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    send(Empty::new().boxed_unsync()).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn the_time_limit_of_a_request_bounds_its_wait_for_a_credential() {
    struct Hangs;
    impl keytide_core::ProvideCredential for Hangs {
        fn profile(&self) -> keytide_core::Profile {
            keytide_core::Profile::bearer("hangs")
        }
        async fn provide(
            &self,
            _: &keytide_core::Request,
        ) -> Result<keytide_core::Issued, keytide_core::Error> {
            std::future::pending().await
        }
    }
    let (cache, seen) = (
        crate::agent().cache(Hangs).build().unwrap(),
        Seen::default(),
    );
    let layer = AuthorizeLayer::builder(cache)
        .destination("https://api.example.com")
        .build()
        .unwrap();
    let start = tokio::time::Instant::now();
    let mut by_extension = request("https://api.example.com/");
    by_extension
        .extensions_mut()
        .insert(RequestTimeout(Duration::from_millis(20)));
    let mut by_header = request("https://api.example.com/");
    by_header
        .headers_mut()
        .insert("grpc-timeout", "20m".parse().unwrap());

    for request in [by_extension, by_header] {
        let error = layer
            .layer(recording(&seen))
            .oneshot(request)
            .await
            .unwrap_err();
        assert_eq!(ours(error).kind(), ErrorKind::TimedOut);
    }

    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_watched_response_tells_of_rotation_and_revocation() {
    let (mint, seen) = (Mint::default(), Seen::default());
    let cache = mint.cache();
    let layer = AuthorizeLayer::builder(cache.clone())
        .destination("https://api.example.com")
        .watch_streams()
        .build()
        .unwrap();
    let http = layer.layer(recording(&seen));
    let mut response = http
        .oneshot(request("https://api.example.com/"))
        .await
        .unwrap();
    let mut watch = response.extensions_mut().remove::<StreamWatch>().unwrap();

    assert_eq!(watch.generation(), 1);
    cache.refresh_now().await.unwrap();
    assert_eq!(watch.rotated().await, Some(2));
    drop(cache.revoke());
    assert_eq!(watch.rotated().await, None);
}

#[tokio::test]
async fn methods_that_echo_or_tunnel_never_carry_a_credential() {
    let (mint, seen) = (Mint::default(), Seen::default());
    let layer = AuthorizeLayer::builder(mint.cache())
        .destination("https://api.example.com")
        .build()
        .unwrap();

    for (name, value) in [
        ("TRACE", None),
        ("TRACK", None),
        ("CONNECT", None),
        ("trace", None),
        ("POST", Some("TRACE")),
    ] {
        let mut request = request("https://api.example.com/");
        *request.method_mut() = Method::from_bytes(name.as_bytes()).unwrap();
        if let Some(value) = value {
            let value = value.parse().unwrap();
            request
                .headers_mut()
                .insert("x-http-method-override", value);
        }
        let http = layer.layer(recording(&seen));
        let error = ours(http.oneshot(request).await.unwrap_err());
        assert_eq!(error.rule(), Some(Rule::ForbiddenMethod), "{name}");
    }

    assert!(seen.lock().unwrap().is_empty());
    assert_eq!(mint.calls(), 0);
}
