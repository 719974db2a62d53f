//! Keys of service accounts: refused by default, and what they sign.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use keytide_core::ErrorKind::{Misconfigured, Refused, StaticCredential, Throttled, Unavailable};
use keytide_gcp::{ServiceAccountKey, ServiceAccountKeyBuilder};
use keytide_testkit::Canary;
use keytide_testkit::gcp::Google;
use keytide_testkit::server::{Fault, FaultServer, Outcome, Reply};
use serde_json::{Value, json};

use crate::support::{API, KEY, LOGGING, NEVER, STORAGE, agent, key, token, wall, write};

fn builder(server: &FaultServer) -> ServiceAccountKeyBuilder {
    ServiceAccountKey::danger_from_json(key(server).to_string())
        .scopes([STORAGE, LOGGING])
        .danger_allow_endpoint(server.origin())
}

fn assertion(server: &FaultServer) -> String {
    let form = server.requests().last().unwrap().form();
    let found = form.into_iter().find(|(name, _)| name == "assertion");
    found.unwrap().1
}

/// Checked by another library than the one that signed.
fn verified(assertion: &str) -> Value {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&["https://oauth2.googleapis.com/token"]);
    validation.set_issuer(&["agent@project-1.iam.gserviceaccount.com"]);
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    let public = DecodingKey::from_rsa_pem(KEY.1.as_bytes()).unwrap();
    decode::<Value>(assertion, &public, &validation)
        .unwrap()
        .claims
}

fn now() -> u64 {
    wall().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test]
async fn an_assertion_is_verified_by_an_independent_library() {
    let server = Google::new().start();
    let cache = agent().cache(builder(&server).build().unwrap());
    let cache = cache.danger_allow_static().build().unwrap();

    let credential = cache.get().await.unwrap();

    let assertion = assertion(&server);
    let header = decode_header(&assertion).unwrap();
    assert_eq!(
        (header.alg, header.kid.as_deref()),
        (Algorithm::RS256, Some("key-1"))
    );
    let claims = verified(&assertion);
    assert_eq!(claims["scope"], format!("{STORAGE} {LOGGING}"));
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        3600
    );
    assert!(claims["iat"].as_u64().unwrap().abs_diff(now()) <= 2);
    assert!(claims.get("sub").is_none() && claims.get("target_audience").is_none());
    assert_eq!(
        credential.principal(),
        Some("agent@project-1.iam.gserviceaccount.com")
    );
    // A changed signature is noticed by that library.
    let mut forged = assertion.into_bytes();
    let last = forged.len() - 10;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    let public = DecodingKey::from_rsa_pem(KEY.1.as_bytes()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_aud = false;
    assert!(decode::<Value>(&forged, &public, &validation).is_err());
}

#[tokio::test]
async fn an_account_may_act_for_a_user_and_give_identity_tokens() {
    let server = Google::new().start();
    let delegated = builder(&server)
        .subject("user@example.com")
        .build()
        .unwrap();
    let delegated = agent()
        .cache(delegated)
        .danger_allow_static()
        .build()
        .unwrap();
    let identity = ServiceAccountKey::danger_from_json(key(&server).to_string())
        .audience(API)
        .danger_allow_endpoint(server.origin())
        .build()
        .unwrap();
    let identity = agent()
        .cache(identity)
        .danger_allow_static()
        .build()
        .unwrap();

    assert_eq!(
        delegated.get().await.unwrap().principal(),
        Some("user@example.com")
    );
    assert_eq!(verified(&assertion(&server))["sub"], "user@example.com");
    identity.get().await.unwrap();
    let claims = verified(&assertion(&server));

    assert_eq!(claims["target_audience"], API);
    assert!(claims.get("scope").is_none());
    assert_eq!(token(&identity).split('.').count(), 3);
}

#[test]
fn a_key_is_refused_unless_it_was_allowed_twice() {
    let server = Google::new().start();

    let error = agent()
        .cache(builder(&server).build().unwrap())
        .build()
        .unwrap_err();

    assert_eq!(error.kind(), StaticCredential);
    let text = error.to_string();
    assert!(
        text.contains("MetadataServer") && text.contains("ExternalAccount"),
        "{text}"
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_key_in_use_is_told_of_with_the_age_of_its_file() {
    let _watch = Canary::new();
    let directory = tempfile::tempdir().unwrap();
    let server = Google::new().start();
    let mut content = key(&server);
    content["client_email"] = "old-key@project-1.iam.gserviceaccount.com".into();
    let path = write(directory.path(), "key.json", content);
    let hundred_days = Duration::from_secs(100 * 86_400 + 60);
    let written: SystemTime = wall() - hundred_days;
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(written)
        .unwrap();
    let provider = ServiceAccountKey::danger_from_file(path)
        .scopes([STORAGE])
        .danger_allow_endpoint(server.origin())
        .build()
        .unwrap();
    let cache = agent()
        .cache(provider)
        .danger_allow_static()
        .build()
        .unwrap();

    cache.get().await.unwrap();

    assert!(Canary::logged("old-key@project-1.iam.gserviceaccount.com"));
    assert!(Canary::logged("file_age_days=100"));
}

#[tokio::test]
async fn a_key_that_is_replaced_is_used_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let server = Google::new().start();
    let mut content = key(&server);
    let path = write(directory.path(), "key.json", &content);
    let provider = ServiceAccountKey::danger_from_file(&path)
        .scopes([STORAGE])
        .danger_allow_endpoint(server.origin())
        .build()
        .unwrap();
    let cache = agent()
        .cache(provider)
        .danger_allow_static()
        .build()
        .unwrap();
    cache.get().await.unwrap();

    content["private_key_id"] = "key-2".into();
    write(directory.path(), "key.json", &content);
    cache.refresh_now().await.unwrap();

    assert_eq!(
        decode_header(assertion(&server)).unwrap().kid.as_deref(),
        Some("key-2")
    );
}

/// Two hours off: the first answer teaches the time, the next assertion is dated by it.
#[tokio::test]
async fn assertions_are_dated_by_the_clock_of_the_issuer() {
    let ahead = Duration::from_secs(7200);
    let there = move || wall() + ahead;
    let server = Google::new().time_from(there).start();
    server.time_from(there);
    let cache = agent().cache(builder(&server).build().unwrap());
    let cache = cache.danger_allow_static().build().unwrap();

    let first = cache.get().await.unwrap_err();
    let from = tokio::time::Instant::now();
    while cache.get().await.is_err() {
        assert!(from.elapsed() < NEVER, "it never recovered");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    assert_eq!(first.kind(), Refused);
    let form = server.requests().last().unwrap().form();
    let assertion = form
        .into_iter()
        .find(|(name, _)| name == "assertion")
        .unwrap()
        .1;
    let public = DecodingKey::from_rsa_pem(KEY.1.as_bytes()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_aud = false;
    let claims = decode::<Value>(&assertion, &public, &validation)
        .unwrap()
        .claims;
    assert!(claims["iat"].as_u64().unwrap().abs_diff(now() + 7200) <= 3);
}

#[tokio::test]
async fn errors_are_of_the_right_sort() {
    let oauth = |status, code| {
        let body = json!({ "error": code, "error_description": "canary" });
        Fault::answer("oauth", Reply::json(status, &body), Outcome::Either)
    };
    for (fault, kind) in [
        (oauth(400, "invalid_grant"), Refused),
        (oauth(400, "invalid_scope"), Refused),
        (oauth(401, "invalid_client"), Refused),
        (oauth(401, "unauthorized_client"), Refused),
        (oauth(500, "internal_failure"), Unavailable),
        (oauth(503, "temporarily_unavailable"), Unavailable),
        (Fault::status(429), Throttled),
        (Fault::status(500), Unavailable),
        (Fault::html(), Unavailable),
    ] {
        let server = Google::new().start();
        server.set(fault.clone());
        let cache = agent().cache(builder(&server).build().unwrap());
        let error = cache
            .danger_allow_static()
            .build()
            .unwrap()
            .get()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}: {error}");
        assert_eq!(server.count(), 1, "{fault:?}: asked once");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_no_key_or_leads_elsewhere_is_an_error_that_quotes_nothing() {
    let server = Google::new().start();
    let with = |field: &str, value: Value| {
        let mut key = key(&server);
        key[field] = value;
        key.to_string()
    };
    for json in [
        "canary".to_owned(),
        "{}".to_owned(),
        with("type", json!("authorized_user")),
        with("client_email", json!(7)),
        with("private_key", json!("canary")),
        with(
            "private_key",
            json!("-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n"),
        ),
        with("token_uri", json!("https://evil.example/token")),
        with("token_uri", json!("http://169.254.169.254/token")),
        with(
            "token_uri",
            json!(server.url("/token").replace("127.0.0.1", "127.0.0.2")),
        ),
    ] {
        let provider = ServiceAccountKey::danger_from_json(json.clone())
            .scopes([STORAGE])
            .danger_allow_endpoint(server.origin())
            .build()
            .unwrap();
        let cache = agent()
            .cache(provider)
            .danger_allow_static()
            .build()
            .unwrap();

        let error = cache.get().await.unwrap_err();

        assert_eq!(error.kind(), Misconfigured, "{error}");
        assert!(
            !format!("{error} {error:?}").contains("canary"),
            "{error:?}"
        );
    }
    assert_eq!(server.connections(), 0);
    let nothing = ServiceAccountKey::danger_from_json("{}")
        .build()
        .unwrap_err();
    assert_eq!(nothing.kind(), Misconfigured);
}
