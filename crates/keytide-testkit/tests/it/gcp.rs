//! The issuers of Google Cloud refuse what the real ones are documented to refuse.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keytide_testkit::gcp::Google;
use keytide_testkit::server::FaultServer;
use serde_json::{Value, json};

async fn got(server: &FaultServer, path: &str, flavor: Option<&str>) -> (u16, String) {
    let mut request = reqwest::Client::new().get(server.url(path));
    if let Some(flavor) = flavor {
        request = request.header("metadata-flavor", flavor);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn posted(
    server: &FaultServer,
    path: &str,
    bearer: &str,
    kind: &str,
    body: &str,
) -> (u16, Value) {
    let response = reqwest::Client::new()
        .post(server.url(path))
        .header("authorization", format!("Bearer {bearer}"))
        .header("content-type", kind)
        .body(body.to_owned())
        .send()
        .await
        .unwrap();
    let status = response.status().as_u16();
    (
        status,
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
    )
}

const TOKEN: &str = "/computeMetadata/v1/instance/service-accounts/default/token";

#[tokio::test]
async fn the_metadata_server_wants_to_be_known_by_its_flavor() {
    let google = Google::new();
    let server = google.start();

    assert_eq!(got(&server, TOKEN, None).await.0, 403);
    assert_eq!(got(&server, TOKEN, Some("google")).await.0, 403);
    assert_eq!(
        got(&server, "/computeMetadata/v1/nothing", Some("Google"))
            .await
            .0,
        404
    );
    let identity = "/computeMetadata/v1/instance/service-accounts/default/identity";
    assert_eq!(got(&server, identity, Some("Google")).await.0, 400);
    let (status, body) = got(&server, TOKEN, Some("Google")).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, body["expires_in"].as_u64()), (200, Some(3599)));
    assert!(google.accepts(body["access_token"].as_str().unwrap()));
}

#[tokio::test]
async fn a_token_is_repeated_with_what_is_left_of_it_and_then_another_is_given() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    let now = Arc::new(AtomicU64::new(1_800_000_000));
    let read = Arc::clone(&now);
    let google = Google::new()
        .lifetime(Duration::from_secs(600))
        .repeats_until(Duration::from_secs(240))
        .time_from(move || -> SystemTime {
            UNIX_EPOCH + Duration::from_secs(read.load(Ordering::Relaxed))
        });
    let server = google.start();
    let mut seen = Vec::new();
    for _ in 0..4 {
        let (_, body) = got(&server, TOKEN, Some("Google")).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        seen.push((
            body["access_token"].as_str().unwrap().to_owned(),
            body["expires_in"].as_u64().unwrap(),
        ));
        now.fetch_add(180, Ordering::Relaxed);
    }

    let left: Vec<_> = seen.iter().map(|(_, left)| *left).collect();
    assert_eq!(left, [600, 420, 600, 420]);
    assert_eq!(seen[0].0, seen[1].0);
    assert_ne!(seen[1].0, seen[2].0);
    now.fetch_add(600, Ordering::Relaxed);
    assert!(!google.accepts(&seen[2].0) && google.issued(&seen[2].0));
}

#[tokio::test]
async fn only_what_was_issued_here_is_a_base() {
    let google = Google::new();
    let server = google.start();
    got(&server, TOKEN, Some("Google")).await;
    let base = google.tokens().pop().unwrap();
    let call = "/v1/projects/-/serviceAccounts/a@b:generateAccessToken";
    let generate = async |bearer: &str, body: Value| {
        posted(&server, call, bearer, "application/json", &body.to_string()).await
    };

    let (status, body) = generate("foreign", json!({ "scope": ["s"] })).await;
    assert_eq!(
        (status, &body["error"]["status"]),
        (401, &json!("UNAUTHENTICATED"))
    );
    for wrong in [
        json!({}),
        json!({ "scope": [] }),
        json!({ "scope": ["s"], "lifetime": "43201s" }),
        json!({ "scope": ["s"], "lifetime": 3600 }),
        json!({ "scope": ["s"], "delegates": ["a@b"] }),
    ] {
        let (status, body) = generate(&base, wrong.clone()).await;
        assert_eq!(
            (status, &body["error"]["status"]),
            (400, &json!("INVALID_ARGUMENT")),
            "{wrong}"
        );
    }
    let (status, body) = generate(&base, json!({ "scope": ["s"], "lifetime": "60s" })).await;
    assert_eq!(status, 200);
    assert!(google.accepts(body["accessToken"].as_str().unwrap()));
}

#[tokio::test]
async fn an_exchange_is_looked_at() {
    let server = Google::new().start();
    let form = "application/x-www-form-urlencoded";
    let grant = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange\
        &requested_token_type=urn:ietf:params:oauth:token-type:access_token&subject_token=s";
    let jwt = "&subject_token_type=urn:ietf:params:oauth:token-type:jwt";
    for (body, error) in [
        ("grant_type=x".to_owned(), "unsupported_grant_type"),
        (grant.to_owned(), "invalid_request"),
        (format!("{grant}{jwt}&scope=s"), "invalid_target"),
        (
            format!("{grant}{jwt}&audience=//iam.googleapis.com/x"),
            "invalid_scope",
        ),
        (
            format!("{grant}&subject_token_type=urn:ietf:params:oauth:token-type:access_token"),
            "invalid_grant",
        ),
    ] {
        let (status, told) = posted(&server, "/v1/token", "x", form, &body).await;
        assert_eq!((status, &told["error"]), (400, &json!(error)), "{body}");
    }
    let good = format!("{grant}{jwt}&scope=s&audience=//iam.googleapis.com/x");
    assert_eq!(posted(&server, "/v1/token", "x", form, &good).await.0, 200);
}
