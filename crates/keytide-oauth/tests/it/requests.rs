//! What goes over the wire.

use std::time::Duration;

use keytide_core::ErrorKind;
use keytide_oauth::ClientCredentials;
use keytide_testkit::server::{FaultServer, Good, Received, Reply};

use crate::support::{agent, cache, p256, patient, signed, text};

/// All but the assertion, which is new each time.
fn fixed(asked: &Received) -> String {
    let body = std::str::from_utf8(asked.body()).unwrap();
    body.split("client_assertion=").next().unwrap().to_owned()
}

#[tokio::test]
async fn each_exchange_sends_the_same_parameters_byte_for_byte() {
    let server = FaultServer::start(Good::oauth("token-"));
    let builder = signed(&server.url("/oauth2/token"), &p256())
        .scope("invoices.read invoices.write")
        .resource("https://api.example.com/v1?x=1")
        .resource("urn:example:other")
        .parameter("audience", "api & more")
        .parameter("audience", "second");
    let cache = cache(builder);

    for _ in 0..4 {
        cache.refresh_now().await.unwrap();
    }

    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    let expected = "grant_type=client_credentials\
         &scope=invoices.read%20invoices.write\
         &resource=https%3A%2F%2Fapi.example.com%2Fv1%3Fx%3D1\
         &resource=urn%3Aexample%3Aother\
         &audience=api%20%26%20more\
         &audience=second\
         &client_id=reader\
         &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&";
    for asked in &requests {
        assert_eq!((asked.method(), asked.target()), ("POST", "/oauth2/token"));
        assert_eq!(fixed(asked), expected);
        assert_eq!(
            asked.header("content-type"),
            Some("application/x-www-form-urlencoded")
        );
        assert_eq!(asked.header("accept"), Some("application/json"));
        assert_eq!(asked.header("authorization"), None);
    }
}

#[tokio::test]
async fn a_secret_goes_into_the_header_or_into_the_form_as_it_was_told() {
    let server = FaultServer::start(Good::oauth("token-"));
    let builder = || ClientCredentials::builder(server.url("/token"), "re:ad er").client(patient());
    let basic = builder().danger_client_secret_basic("s%c ret").build();
    let post = builder().danger_client_secret_post("s%c ret").build();

    for provider in [basic.unwrap(), post.unwrap()] {
        let cache = agent()
            .cache(provider)
            .danger_allow_static()
            .build()
            .unwrap();
        cache.get().await.unwrap();
    }

    let requests = server.requests();
    // re%3Aad%20er:s%25c%20ret
    assert_eq!(
        requests[0].header("authorization"),
        Some("Basic cmUlM0FhZCUyMGVyOnMlMjVjJTIwcmV0")
    );
    assert_eq!(requests[0].body(), b"grant_type=client_credentials");
    assert_eq!(requests[1].header("authorization"), None);
    assert_eq!(
        requests[1].body(),
        b"grant_type=client_credentials&client_id=re%3Aad%20er&client_secret=s%25c%20ret"
    );
}

#[tokio::test]
async fn a_lifetime_counts_as_the_issuer_tells_it_and_must_be_told_somewhere() {
    let silent = |_: &Received| Reply::json(200, &serde_json::json!({ "access_token": "t" }));
    let server = FaultServer::start(silent);
    let key = p256();

    let error = cache(signed(&server.url("/token"), &key))
        .get()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("lifetime_if_unsaid"), "{error}");

    let told = signed(&server.url("/token"), &key).lifetime_if_unsaid(Duration::from_secs(600));
    let credential = cache(told).get().await.unwrap();
    let left = credential.remaining();
    assert!(
        left <= Duration::from_secs(600) && left > Duration::from_secs(590),
        "{left:?}"
    );
    assert_eq!(credential.principal(), Some("reader"));

    let hour = FaultServer::start(Good::oauth("token-"));
    let told = signed(&hour.url("/token"), &key).lifetime_if_unsaid(Duration::from_secs(600));
    let left = cache(told).get().await.unwrap().remaining();
    assert!(
        left > Duration::from_secs(3500),
        "what the issuer tells wins: {left:?}"
    );
}

/// T1: with no runtime anywhere.
#[test]
fn a_program_without_a_runtime_reads_a_token() {
    let server = FaultServer::start(Good::oauth("token-"));
    let cache = cache(signed(&server.url("/token"), &p256()));

    let credential = cache.get_blocking(Duration::from_secs(10)).unwrap();

    assert_eq!(text(&credential), "token-1");
}

#[test]
fn a_cache_outlives_the_runtime_that_it_was_first_read_in() {
    let server = FaultServer::start(Good::oauth("token-"));
    let cache = cache(signed(&server.url("/token"), &p256()));
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };

    let first = runtime();
    first.block_on(async { cache.get().await.unwrap() });
    drop(first);
    let second = runtime().block_on(async { cache.refresh_now().await.unwrap() });

    assert_eq!(text(&second), "token-2");
}
