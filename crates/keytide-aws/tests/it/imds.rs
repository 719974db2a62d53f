//! The role of an instance.

use std::time::Duration;

use keytide_aws::{Env, Imds};
use keytide_core::{Error, ErrorKind};
use keytide_testkit::aws::Instance;
use keytide_testkit::conformance::Outcome;
use keytide_testkit::server::{At, Fault, FaultServer, Reply};
use serde_json::json;

use crate::support::{ask, chain, client};

fn imds(server: &FaultServer) -> Imds {
    let variables = Env::of([("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.origin())]);
    Imds::new().env(variables).client(client())
}

async fn failed(server: &FaultServer) -> Error {
    ask(imds(server)).await.unwrap_err()
}

#[tokio::test]
async fn it_asks_for_a_session_token_then_for_the_role_then_for_its_keys() {
    let server = FaultServer::start(Instance::new("imds-golden-").role(Some("reader")));

    let credential = ask(imds(&server)).await.unwrap();

    let seen: Vec<_> = server
        .requests()
        .iter()
        .map(|asked| format!("{} {}", asked.method(), asked.target()))
        .collect();
    assert_eq!(
        seen,
        [
            "PUT /latest/api/token",
            "GET /latest/meta-data/iam/security-credentials/",
            "GET /latest/meta-data/iam/security-credentials/reader",
        ]
    );
    let requests = server.requests();
    assert_eq!(
        requests[0].header("x-aws-ec2-metadata-token-ttl-seconds"),
        Some("60")
    );
    assert_eq!(requests[0].header("x-aws-ec2-metadata-token"), None);
    for asked in &requests[1..] {
        assert_eq!(
            asked.header("x-aws-ec2-metadata-token"),
            Some("imds-golden-metadata-1==")
        );
        assert_eq!(asked.header("x-aws-ec2-metadata-token-ttl-seconds"), None);
    }
    for asked in &requests {
        assert_eq!(asked.header("authorization"), None);
        assert_eq!(asked.header("x-forwarded-for"), None);
        assert!(asked.body().is_empty());
    }
    assert_eq!(credential.key_id(), Some("ASIA0000000000000003"));
    assert_eq!(
        credential.expose_signing_key("test").unwrap().secret,
        b"imds-golden-secret-3"
    );
    assert_eq!(
        credential.expose_signing_key("test").unwrap().session_token,
        Some(&b"imds-golden-session-3"[..])
    );
    assert_eq!(credential.principal(), Some("reader"));
    let remaining = credential.remaining();
    assert!(remaining > Duration::from_secs(21_590) && remaining <= Duration::from_secs(21_600));
}

#[tokio::test]
async fn a_role_that_is_named_saves_a_request() {
    let server = FaultServer::start(Instance::new("imds-named-"));

    ask(imds(&server).role("instance-role")).await.unwrap();

    assert_eq!(server.count(), 2);
    for name in ["", "a/b", "a b", "another-role"] {
        let error = ask(imds(&server).role(name)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
        let text = error.to_string();
        assert!(name != "another-role" || text.contains(name), "{text}");
    }
}

#[tokio::test]
async fn a_role_that_is_named_and_is_not_the_attached_one_is_told_from_none_at_all() {
    let other = FaultServer::start(Instance::new("imds-other-").role(Some("reader")));
    let error = ask(imds(&other).role("writer")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    let text = error.to_string();
    assert!(text.contains("names the role writer"), "{text}");
    assert!(text.contains("it has the role reader"), "{text}");
    assert!(!text.contains("none is attached"), "{text}");

    let none = FaultServer::start(Instance::new("imds-bare-").role(None));
    let error = ask(imds(&none).role("writer")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    let text = error.to_string();
    assert!(text.contains("names the role writer"), "{text}");
    assert!(text.contains("none is attached"), "{text}");
}

#[tokio::test]
async fn version_1_is_never_tried() {
    for status in [400, 403, 404, 405, 500] {
        let server = FaultServer::start(Instance::new("imds-v1-"));
        server.set(Fault::status(status));

        let error = failed(&server).await;

        let requests = server.requests();
        assert_eq!(requests.len(), 1, "{status}: {error}");
        assert!(
            requests.iter().all(|asked| asked.method() == "PUT"),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_time_out_says_what_a_hop_limit_looks_like() {
    let server = FaultServer::start(Instance::new("imds-hop-"));
    server.set(Fault::hang(At::BeforeHeaders));

    let error = failed(&server).await;

    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let text = chain(&error);
    assert!(text.contains("http-put-response-hop-limit 2"), "{text}");
    assert!(text.contains("within 800ms"), "{text}");
}

#[tokio::test]
async fn what_the_service_says_becomes_the_right_sort() {
    use ErrorKind::{Refused, Throttled, Unavailable};
    let keys = |asked: &keytide_testkit::server::Received| asked.path().ends_with("/instance-role");
    let any = Outcome::Either;
    let code = |code: &str| {
        Fault::answer(
            "code",
            Reply::json(200, &json!({"Code": code, "Message": "{canary}"})),
            any,
        )
    };
    for (fault, kind, says) in [
        (Fault::status(401), Unavailable, "session token"),
        (Fault::status(403), Refused, "turned off"),
        (Fault::status(404), Unavailable, "it has just named"),
        (Fault::status(429), Throttled, "patience"),
        (Fault::status(500), Unavailable, "trouble"),
        (
            code("AssumeRoleUnauthorizedAccess"),
            Refused,
            "ec2.amazonaws.com",
        ),
        (code("Throttling"), Throttled, "patience"),
        (code("Failed"), Unavailable, "could not get credentials"),
        (code("NeverHeardOf"), Unavailable, "no code that is known"),
        (code("Success"), Unavailable, "no Token"),
    ] {
        let server = FaultServer::start(Instance::new("imds-sorts-"));
        server.faults_only(keys).set(fault);

        let error = failed(&server).await;

        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(!chain(&error).contains(server.body_canary()), "{error}");
        assert!(!error.to_string().contains("NeverHeardOf"), "{error}");
    }
}

#[tokio::test]
async fn an_instance_without_a_role_and_a_service_that_is_turned_off_are_not_configured() {
    let server = FaultServer::start(Instance::new("imds-none-").role(None));
    assert_eq!(failed(&server).await.kind(), ErrorKind::NotConfigured);

    server.forget();
    let variables = Env::of([
        ("AWS_EC2_METADATA_DISABLED", "TRUE".to_owned()),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.origin()),
    ]);
    let error = ask(Imds::new().env(variables)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConfigured);
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn an_address_that_is_none_of_the_service_is_refused_before_a_byte_is_sent() {
    for url in [
        "http://metadata.example/",
        "http://10.0.0.1/",
        "http://169.254.169.253/",
    ] {
        let error = ask(Imds::new().endpoint(url)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{url}");
    }
    let variables = Env::of([("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv7")]);
    let error = ask(Imds::new().env(variables)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"),
        "{error}"
    );
}

#[tokio::test]
async fn a_role_name_that_would_lead_elsewhere_is_not_followed() {
    for name in ["../../user-data", "a/b", "a?b", "", "a b", "<html>"] {
        let name = name.to_owned();
        let server =
            FaultServer::start(move |asked: &keytide_testkit::server::Received| {
                match asked.method() {
                    "PUT" => Reply::new(200).body("token"),
                    _ => Reply::new(200).body(name.clone()),
                }
            });

        let error = failed(&server).await;

        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert_eq!(server.count(), 2, "{error}");
    }
}
