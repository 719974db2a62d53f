//! Layers: what a base gives, what is made of it, and what happens when the base is not accepted.

use std::time::Duration;

use tokio::time::Instant;

use keytide_core::ErrorKind::{Misconfigured, Refused, Unavailable};
use keytide_core::{Cache, EventKind};
use keytide_gcp::{
    AccessBoundary, BoundaryRule, CLOUD_PLATFORM, Downscoped, Impersonated, MetadataServer,
};
use keytide_testkit::gcp::Google;
use keytide_testkit::server::{Fault, FaultServer, Outcome, Reply};
use serde_json::json;

use crate::support::{API, NEVER, STORAGE, TARGET, agent, cache, metadata, token};

fn impersonated(server: &FaultServer, base: Cache) -> Cache {
    let builder = Impersonated::access_token(base, TARGET, [STORAGE]);
    let builder = builder
        .endpoint(server.origin())
        .danger_allow_endpoint(server.origin());
    cache(builder.build().unwrap())
}

fn boundary() -> AccessBoundary {
    AccessBoundary::new([BoundaryRule::bucket("invoices").role("roles/storage.objectViewer")])
        .unwrap()
}

fn downscoped(server: &FaultServer, base: Cache) -> Cache {
    let builder = Downscoped::builder(base, boundary()).token_url(server.url("/v1/token"));
    cache(
        builder
            .danger_allow_endpoint(server.origin())
            .build()
            .unwrap(),
    )
}

#[tokio::test]
async fn a_base_token_that_is_not_accepted_is_replaced() {
    let google = Google::new();
    let server = google.start();
    let base = cache(metadata(&server).build().unwrap());
    base.get().await.unwrap();
    // The account was disabled and enabled again: tokens from before are not taken.
    let no = json!({ "error": { "code": 401, "status": "UNAUTHENTICATED", "message": "m" } });
    server.faults_only(|asked| asked.header("authorization") == Some("Bearer ya29.metadata-1"));
    server.set(Fault::answer(
        "stale",
        Reply::json(401, &no),
        Outcome::Either,
    ));
    let top = impersonated(&server, base.clone());

    let from = Instant::now();
    let error = top.get().await.unwrap_err();
    while top.get().await.is_err() {
        assert!(from.elapsed() < NEVER, "the base was never replaced");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    assert_eq!(error.kind(), Refused);
    assert_eq!(base.status().generation, 2);
}

#[tokio::test]
async fn what_the_api_says_of_the_end_is_believed() {
    let server = Google::new().lifetime(Duration::from_secs(900)).start();
    let base = cache(metadata(&server).build().unwrap());

    let top = impersonated(&server, base);
    let credential = top.get().await.unwrap();

    assert_eq!(credential.principal(), Some(TARGET));
    let left = credential.remaining().as_secs();
    assert!((895..=901).contains(&left), "{left}");
    assert!(token(&top).starts_with("ya29.impersonated-"));
}

#[tokio::test]
async fn a_downscoped_token_does_not_outlive_its_base() {
    let server = Google::new().lifetime(Duration::from_secs(600)).start();
    let base = cache(
        metadata(&server)
            .service_account("agent@project-1.iam.gserviceaccount.com")
            .build()
            .unwrap(),
    );
    let ends = base.get().await.unwrap().expires_at().unwrap();

    let silent = downscoped(&server, base.clone());
    let credential = silent.get().await.unwrap();
    let apart = ends.duration_since(credential.expires_at().unwrap());
    let apart = apart.expect("it ends with its base, or before");
    assert!(
        apart < Duration::from_secs(2),
        "the answer says nothing of an end: {apart:?}"
    );
    assert_eq!(
        credential.principal(),
        Some("agent@project-1.iam.gserviceaccount.com")
    );

    let told = |lifetime: u64| {
        FaultServer::start(keytide_testkit::server::Good::json(
            move |_| json!({ "access_token": "t-1", "token_type": "Bearer", "expires_in": lifetime }),
        ))
    };
    let longer = told(3600);
    let longer = downscoped(&longer, base.clone()).get().await.unwrap();
    assert!(
        longer.remaining() <= Duration::from_secs(600),
        "{:?}",
        longer.remaining()
    );
    let shorter = told(60);
    let shorter = downscoped(&shorter, base).get().await.unwrap();
    assert!(shorter.remaining() <= Duration::from_secs(60));
}

#[tokio::test]
async fn what_was_downscoped_of_nothing_is_refused_by_its_code() {
    let server = Google::new().start();
    let (foreign, _script) = keytide_testkit::ScriptedProvider::new(
        keytide_testkit::Answer::token(Duration::from_secs(900)),
    );

    let error = downscoped(&server, cache(foreign)).get().await.unwrap_err();

    assert_eq!(error.kind(), Refused);
    assert!(error.to_string().contains("invalid_grant"), "{error}");
}

#[tokio::test]
async fn a_base_that_is_down_is_why_and_the_api_is_not_asked() {
    let server = Google::new().start();
    server.faults_only(|asked| asked.path().starts_with("/computeMetadata"));
    server.set(Fault::status(503));
    let base = cache(metadata(&server).build().unwrap());

    let error = impersonated(&server, base).get().await.unwrap_err();

    assert_eq!(error.kind(), Unavailable);
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn an_identity_token_can_leave_the_address_out() {
    let server = Google::new().start();
    let base = cache(metadata(&server).build().unwrap());
    let builder = Impersonated::identity_token(base, TARGET, API).without_email();
    let builder = builder
        .endpoint(server.origin())
        .danger_allow_endpoint(server.origin());
    let cache = cache(builder.build().unwrap());

    let credential = cache.get().await.unwrap();

    assert_eq!(credential.principal(), Some(TARGET));
    let asked = server.requests();
    let body: serde_json::Value = serde_json::from_slice(asked[1].body()).unwrap();
    assert_eq!(body["includeEmail"], false);
}

#[test]
fn values_that_are_wrong_are_named() {
    let server = Google::new().start();
    let base = || cache(metadata(&server).build().unwrap());
    let access = || Impersonated::access_token(base(), TARGET, [STORAGE]);
    for (builder, words) in [
        (
            Impersonated::access_token(base(), "agent", [STORAGE]),
            "agent",
        ),
        (
            Impersonated::access_token(base(), TARGET, Vec::<String>::new()),
            "scope",
        ),
        (Impersonated::identity_token(base(), TARGET, ""), "audience"),
        (access().lifetime(Duration::ZERO), "lifetime"),
        (access().lifetime(Duration::from_secs(43_201)), "lifetime"),
        (
            access().delegates(["projects/-/serviceAccounts/x"]),
            "service account",
        ),
        (access().endpoint(server.origin()), "danger_allow_endpoint"),
        (
            access().endpoint("https://evil.example"),
            "danger_allow_endpoint",
        ),
        (
            access().danger_allow_endpoint("https://evil.example/path"),
            "path",
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), Misconfigured, "{error}");
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
    let elsewhere = Downscoped::builder(base(), boundary()).token_url(server.url("/v1/token"));
    assert_eq!(elsewhere.build().unwrap_err().kind(), Misconfigured);
    assert_eq!(server.connections(), 0);
}

/// Three layers: the metadata server, an impersonated account, a boundary. Each rotates by itself.
#[tokio::test]
async fn layers_rotate_underneath_each_other() {
    let google = Google::new().lifetime(Duration::from_secs(6));
    let server = google.start();
    let recorder = keytide_testkit::Recorder::new();
    let agent = {
        let identity = agent().identity().clone();
        keytide_core::Agent::builder(identity)
            .observe(recorder.observer())
            .build()
            .unwrap()
    };
    let base = MetadataServer::access_token([CLOUD_PLATFORM]).host(server.address().to_string());
    let base = agent.cache(base.build().unwrap()).build().unwrap();
    let middle = Impersonated::access_token(base, TARGET, [CLOUD_PLATFORM])
        .lifetime(Duration::from_secs(6))
        .endpoint(server.origin())
        .danger_allow_endpoint(server.origin());
    let middle = agent.cache(middle.build().unwrap()).build().unwrap();
    let top = Downscoped::builder(middle, boundary())
        .token_url(server.url("/v1/token"))
        .danger_allow_endpoint(server.origin());
    let top = agent.cache(top.build().unwrap()).build().unwrap();

    let from = Instant::now();
    while top.status().rotations < 2 {
        assert!(from.elapsed() < NEVER, "{:?}", top.status());
        top.get().await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let failed = recorder
        .kinds()
        .iter()
        .filter(|kind| matches!(kind, EventKind::Failed { .. }))
        .count();
    assert_eq!(failed, 0);
}
