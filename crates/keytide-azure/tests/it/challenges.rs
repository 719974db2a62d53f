//! Continuous access evaluation: destinations that want another token.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keytide_azure::ManagedIdentity;
use keytide_core::{Cache, Error, ErrorKind};
use keytide_http::AuthorizedClient;
use keytide_testkit::azure::Imds;
use keytide_testkit::server::{Fault, FaultServer, Received, Reply};
use serde_json::{Value, json};

use crate::{Tenant, VAULT, agent, cache, text};

const DEMAND: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1795514520"}}}"#;
/// The same, in base64 without padding.
const DEMAND_BASE64: &str =
    "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNzk1NTE0NTIwIn19fQ";

/// The claims of each request to Entra.
fn claims(entra: &FaultServer) -> Vec<Option<Value>> {
    let of = |asked: &Received| {
        let form = asked.form();
        let found = form.iter().find(|(name, _)| name == "claims");
        found.map(|(_, value)| serde_json::from_str(value).unwrap())
    };
    entra.requests().iter().map(of).collect()
}

fn demand() -> Value {
    json!({ "access_token": { "nbf": { "essential": true, "value": "1795514520" }, "xms_cc": { "values": ["cp1"] } } })
}

async fn challenged(cache: &Cache, origin: &str, claims: &str) -> Result<(), ErrorKind> {
    let generation = cache.get().await.unwrap().generation();
    let answer = cache
        .sender()
        .rejected(generation, origin, Some(claims), None)
        .await;
    answer.map(drop).map_err(|error| cause(&error).kind())
}

/// What the provider said: behind the rejection, which is what the reader is told.
fn cause(error: &Error) -> Error {
    assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
    let source = std::error::Error::source(error).unwrap();
    source.downcast_ref::<Error>().unwrap().clone()
}

#[tokio::test]
async fn a_challenge_brings_a_token_with_its_claims_and_nothing_else_of_it_is_used() {
    let tenant = Tenant::start();
    let elsewhere = FaultServer::start(|_: &Received| Reply::new(200));
    let cache = cache(tenant.workload().build().unwrap());
    let evil = elsewhere.origin();
    let api = FaultServer::start(move |asked: &Received| {
        if asked.number() > 1 {
            return Reply::new(200);
        }
        let challenge = format!(
            "Bearer realm=\"\", authorization_uri=\"{evil}/authorize\", resource=\"{evil}\", scope=\"{evil}/.default\", \
             client_id=\"other\", error=\"insufficient_claims\", claims=\"{DEMAND_BASE64}\""
        );
        Reply::new(401).header("www-authenticate", challenge)
    });
    let http = AuthorizedClient::builder(keytide_http::reqwest::Client::builder(), cache.clone())
        .destination(api.origin())
        .build()
        .unwrap();

    let answer = http.get(api.url("/v1/things")).send().await.unwrap();

    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(claims(&tenant.entra), [None, Some(demand())]);
    let (first, second) = (&tenant.entra.requests()[0], &tenant.entra.requests()[1]);
    assert_eq!(first.target(), second.target());
    for name in ["client_id", "scope"] {
        let of = |asked: &Received| asked.form().into_iter().find(|(known, _)| known == name);
        assert_eq!(of(first), of(second));
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn the_capability_is_declared_with_each_request_where_that_was_wanted() {
    let tenant = Tenant::start();
    let provider = tenant.workload().continuous_access_evaluation();
    let cache = cache(provider.build().unwrap());

    cache.get().await.unwrap();
    challenged(&cache, "https://api.example.com", DEMAND)
        .await
        .unwrap();
    cache.refresh_now().await.unwrap();

    let cp1 = json!({ "access_token": { "xms_cc": { "values": ["cp1"] } } });
    assert_eq!(
        claims(&tenant.entra),
        [Some(cp1.clone()), Some(demand()), Some(cp1)]
    );
    assert!(text(&cache).len() > 20);
}

#[tokio::test]
async fn claims_that_entra_refuses_keep_nobody_else_from_a_token() {
    let tenant = Tenant::start();
    let refuse = Arc::new(AtomicBool::new(true));
    let shown = Arc::clone(&refuse);
    // What no agent can do: a person with a second factor.
    tenant.entra.faults_only(move |asked: &Received| {
        shown.load(Ordering::SeqCst) && asked.form().iter().any(|(name, _)| name == "claims")
    });
    tenant.entra.set(Fault::answer(
        "interaction-required",
        Reply::json(
            400,
            &json!({ "error": "interaction_required", "error_codes": [50076] }),
        ),
        keytide_testkit::conformance::Outcome::Error(&[ErrorKind::Refused]),
    ));
    let cache = cache(tenant.workload().build().unwrap());

    let answer = challenged(&cache, "https://hostile.example.com", DEMAND).await;
    assert_eq!(answer, Err(ErrorKind::Refused));

    // The next refresh of anybody else goes without them.
    cache.refresh_now().await.unwrap();
    assert_eq!(claims(&tenant.entra), [None, Some(demand()), None]);
}

#[tokio::test]
async fn what_is_no_claims_is_not_sent_on() {
    let tenant = Tenant::start();
    let cache = cache(tenant.workload().build().unwrap());

    challenged(&cache, "https://api.example.com", "no json")
        .await
        .unwrap();

    assert_eq!(claims(&tenant.entra), [None, None]);
}

#[tokio::test]
async fn a_managed_identity_says_that_it_cannot_and_goes_on_for_others() {
    let imds = Imds::new().start();
    let provider = ManagedIdentity::builder(VAULT).imds_endpoint(imds.origin());
    let agent = agent();
    let cache = agent
        .cache(provider.build().unwrap())
        .long_lived(keytide_core::LongLived::Flag)
        .build()
        .unwrap();
    let generation = cache.get().await.unwrap().generation();

    let answer = cache
        .sender()
        .rejected(generation, "https://api.example.com", Some(DEMAND), None)
        .await;

    let error = cause(&answer.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(
        error.to_string().contains("managed identity cannot"),
        "{error}"
    );
    assert_eq!(imds.count(), 1, "it is not asked for what it cannot give");
    cache.refresh_now().await.unwrap();
    assert_eq!(imds.count(), 2);
}

#[tokio::test]
async fn a_managed_identity_that_cannot_ask_for_claims_heals_the_plain_refusal_of_another() {
    let imds = Imds::new().start();
    let provider = ManagedIdentity::builder(VAULT)
        .env(crate::nothing())
        .imds_endpoint(imds.origin());
    let cache = agent().cache(provider.build().unwrap());
    let cache = cache
        .long_lived(keytide_core::LongLived::Flag)
        .build()
        .unwrap();
    cache.get().await.unwrap();
    let before = imds.count();

    let demanding = cache
        .sender()
        .rejected(1, "https://demanding.example.com", Some(DEMAND), None);
    let plain = cache.rejected(1, "https://plain.example.com");
    let (demanding, plain) = tokio::join!(demanding, plain);

    assert_eq!(cause(&demanding.unwrap_err()).kind(), ErrorKind::Refused);
    assert_eq!(plain.unwrap().generation(), 2);
    assert_eq!(imds.count(), before + 1);
}
