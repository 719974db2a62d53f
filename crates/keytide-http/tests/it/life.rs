//! How long a credential must last when it is sent.

use std::convert::Infallible;
use std::future::ready;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use keytide_core::{Cache, Issued, Profile, ProvideCredential};
use keytide_http::{AuthorizeLayer, RequestTimeout};
use keytide_testkit::{Answer, Script, ScriptedProvider, TestClock};
use tower::{Layer, ServiceExt, service_fn};

use crate::server::{Server, ok};
use crate::{agent, client};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A layer whose credential lasts an hour when it is got, and is refreshed in its last five minutes. No sockets, for
/// time that is paused runs on when nothing else does.
struct Given {
    clock: TestClock,
    script: Script,
    cache: Cache,
    layer: AuthorizeLayer,
    bearers: Arc<Mutex<Vec<String>>>,
}

async fn given(least: Duration) -> Given {
    let clock = TestClock::new();
    let agent = clock.agent().build().unwrap();
    let (provider, script) = ScriptedProvider::new(Answer::token(HOUR));
    let cache = agent
        .cache(provider)
        .advisory_window(5 * MINUTE)
        .build()
        .unwrap();
    let layer = AuthorizeLayer::builder(cache.clone())
        .destination("https://api.example.com")
        .min_remaining(least)
        .build()
        .unwrap();
    cache.get().await.unwrap();
    Given {
        clock,
        script,
        cache,
        layer,
        bearers: Arc::default(),
    }
}

impl Given {
    /// Sends a request that may take this long.
    fn send(&self, limit: Option<Duration>) -> impl Future<Output = ()> + Send + use<> {
        let bearers = Arc::clone(&self.bearers);
        let service = service_fn(move |request: Request<Empty<Bytes>>| {
            let bearer = request.headers()["authorization"].to_str().unwrap();
            bearers.lock().unwrap().push(bearer.to_owned());
            ready(Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())))
        });
        let mut request = Request::get("https://api.example.com/")
            .body(Empty::new())
            .unwrap();
        if let Some(limit) = limit {
            request.extensions_mut().insert(RequestTimeout(limit));
        }
        let sending = self.layer.layer(service).oneshot(request);
        async move {
            sending.await.unwrap();
        }
    }

    fn bearers(&self) -> Vec<String> {
        self.bearers.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_sent_with_a_credential_that_outlasts_its_time_limit() {
    let given = given(Duration::ZERO).await;

    given.clock.advance(40 * MINUTE).await;
    given.send(Some(10 * MINUTE)).await;
    assert_eq!(
        given.script.calls(),
        1,
        "20 minutes are left, and are enough"
    );
    given.send(Some(25 * MINUTE)).await;
    assert_eq!(given.script.calls(), 2);
    given.send(None).await;

    let bearers = given.bearers();
    assert_ne!(bearers[0], bearers[1]);
    assert_eq!(bearers[1], bearers[2]);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_time_limit_has_that_of_the_builder() {
    let given = given(20 * MINUTE).await;

    given.clock.advance(39 * MINUTE).await;
    given.send(None).await;
    assert_eq!(given.script.calls(), 1);
    given.clock.advance(2 * MINUTE).await;
    given.send(Some(MINUTE)).await;
    assert_eq!(given.script.calls(), 1, "its own counts");
    given.send(None).await;
    assert_eq!(given.script.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn never_more_than_half_of_what_the_issuer_gives_is_asked_for() {
    let given = given(Duration::ZERO).await;

    given.clock.advance(29 * MINUTE).await;
    given.send(Some(24 * HOUR)).await;
    assert_eq!(given.script.calls(), 1, "half an hour and more is left");
    given.clock.advance(2 * MINUTE).await;
    given.send(Some(24 * HOUR)).await;
    given.send(Some(Duration::MAX)).await;
    assert_eq!(given.script.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_is_not_granted_costs_one_call_a_generation_and_no_request() {
    let given = given(20 * MINUTE).await;
    given.script.always(Answer::unavailable());

    given.clock.advance(45 * MINUTE).await;
    for _ in 0..20 {
        given.send(None).await;
        given.clock.advance(10 * SECOND).await;
    }

    assert_eq!(given.script.calls(), 2, "one extra call");
    assert_eq!(given.bearers().len(), 20);
    assert_eq!(given.cache.status().generation, 1);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_hangs_holds_up_one_request_and_not_for_long() {
    let given = given(Duration::ZERO).await;
    given.script.always(Answer::hang());

    given.clock.advance(50 * MINUTE).await;
    let start = tokio::time::Instant::now();
    let first = tokio::spawn(given.send(Some(20 * MINUTE)));
    given.clock.settle().await;
    assert_eq!(given.script.running(), 1);
    given.send(Some(20 * MINUTE)).await;
    assert_eq!(start.elapsed(), Duration::ZERO, "others do not wait");
    first.await.unwrap();

    assert!(start.elapsed() <= 15 * SECOND, "{:?}", start.elapsed());
    assert_eq!(given.bearers().len(), 2, "both went with what there was");
}

#[tokio::test]
async fn the_client_over_reqwest_knows_the_time_limit_of_a_request() {
    // Real time, for a socket waits for no paused clock: lives of three seconds.
    struct Seconds(AtomicU64);
    impl ProvideCredential for Seconds {
        fn profile(&self) -> Profile {
            Profile::bearer("seconds")
        }
        async fn provide(&self, _: &keytide_core::Request) -> Result<Issued, keytide_core::Error> {
            let token = format!("token-{}", self.0.fetch_add(1, Ordering::SeqCst));
            Ok(Issued::bearer(token).expires_in(3 * SECOND))
        }
    }
    let server = Server::start(|_| ok()).await;
    let cache = agent()
        .cache(Seconds(AtomicU64::new(1)))
        .advisory_window(SECOND / 10)
        .build()
        .unwrap();
    let http = client(&cache, [&server]);
    cache.get().await.unwrap();

    tokio::time::sleep(SECOND * 17 / 10).await;
    let limited = |limit| http.get(server.url("/")).timeout(limit).send();
    limited(SECOND / 2).await.unwrap();
    assert_eq!(cache.status().generation, 1);
    limited(SECOND * 14 / 10).await.unwrap();

    assert_eq!(cache.status().generation, 2);
}

/// Gives a piece, and never the rest.
struct Withheld(bool);

impl http_body::Body for Withheld {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        if std::mem::replace(&mut self.0, true) {
            return std::task::Poll::Pending;
        }
        let piece = http_body::Frame::data(Bytes::from_static(b"<Error>"));
        std::task::Poll::Ready(Some(Ok(piece)))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(100)
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_looked_at_for_a_quarter_of_a_second() {
    for status in [400, 403] {
        let given = given(Duration::ZERO).await;
        let service = service_fn(move |_: Request<Empty<Bytes>>| {
            let response = Response::builder().status(status).body(Withheld(false));
            ready(Ok::<_, Infallible>(response.unwrap()))
        });
        let request = Request::get("https://api.example.com/").body(Empty::<Bytes>::new());
        let start = tokio::time::Instant::now();

        let response = given.layer.layer(service).oneshot(request.unwrap()).await;

        let (held, quarter) = (start.elapsed(), Duration::from_millis(250));
        assert!(
            held >= quarter && held <= quarter + Duration::from_millis(10),
            "{held:?}"
        );
        let mut body = response.unwrap().into_body();
        let frame = http_body_util::BodyExt::frame(&mut body).await.unwrap();
        assert_eq!(frame.unwrap().into_data().unwrap(), "<Error>");
        assert_eq!(given.script.calls(), 1);
    }
}
