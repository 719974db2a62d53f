//! The role of a task or a pod.

use keytide_aws::{ContainerEndpoint, Env};
use keytide_core::{Error, ErrorKind};
use keytide_testkit::aws::Container;
use keytide_testkit::conformance::Outcome;
use keytide_testkit::server::{Fault, FaultServer, Reply};
use serde_json::json;

use crate::support::{agent, ask, chain, client, container};

fn with_token(server: &FaultServer, name: &str, value: &str) -> ContainerEndpoint {
    let variables = [
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            server.url("/v1/credentials?a=b"),
        ),
        (name, value.to_owned()),
    ];
    ContainerEndpoint::new()
        .env(Env::of(variables))
        .client(client())
}

const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

#[tokio::test]
async fn it_sends_the_token_as_it_is() {
    let role = "arn:aws:iam::123456789012:role/task";
    let server = FaultServer::start(
        Container::new("cont-golden-")
            .authorization("Basic abc")
            .role_arn(role),
    );

    let credential = ask(with_token(&server, TOKEN, "Basic abc")).await.unwrap();

    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        (requests[0].method(), requests[0].target()),
        ("GET", "/v1/credentials?a=b")
    );
    assert_eq!(requests[0].header("authorization"), Some("Basic abc"));
    assert_eq!(requests[0].header("accept"), Some("application/json"));
    assert_eq!(credential.key_id(), Some("ASIA0000000000000001"));
    assert_eq!(
        credential.expose_signing_key("test").unwrap().secret,
        b"cont-golden-secret-1"
    );
    assert_eq!(credential.principal(), Some(role));
}

#[tokio::test]
async fn the_token_file_is_read_anew_for_each_call_and_goes_before_the_variable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let server = FaultServer::start(Container::new("cont-file-"));
    let variables = Env::of([
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url("/")),
        (FILE, path.display().to_string()),
        (TOKEN, "other".to_owned()),
    ]);
    let provider = ContainerEndpoint::new().env(variables).client(client());
    let cache = agent().cache(provider).build().unwrap();

    for token in ["first", "\u{feff}second \r\n", "Bearer third\n"] {
        std::fs::write(&path, token).unwrap();
        cache.refresh_now().await.unwrap();
    }

    let sent: Vec<_> = server
        .requests()
        .iter()
        .map(|asked| asked.header("authorization").unwrap().to_owned())
        .collect();
    assert_eq!(sent, ["first", "second", "Bearer third"]);
}

#[tokio::test]
async fn what_must_not_be_sent_is_refused_before_a_byte_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let gone = directory.path().join("gone").display().to_string();
    let server = FaultServer::start(Container::new("cont-refuse-"));
    for (name, value, kind, says) in [
        (
            FILE,
            path("lf", b"canary\ncanary"),
            ErrorKind::Misconfigured,
            "line break",
        ),
        (
            FILE,
            path("crlf", b"canary\r\nx: y"),
            ErrorKind::Misconfigured,
            "line break",
        ),
        (
            FILE,
            path("cr", b"can\rary"),
            ErrorKind::Misconfigured,
            "line break",
        ),
        (
            TOKEN,
            "canary\n".to_owned(),
            ErrorKind::Misconfigured,
            "line break",
        ),
        (
            FILE,
            path("bytes", b"canary\xff"),
            ErrorKind::Misconfigured,
            "(0xff) at offset 6",
        ),
        (
            FILE,
            path("zero", b"can\0ary"),
            ErrorKind::Misconfigured,
            "(0x00) at offset 3",
        ),
        (
            FILE,
            path("long", &vec![b'x'; 70_000]),
            ErrorKind::Misconfigured,
            "64 KiB",
        ),
        (FILE, path("empty", b""), ErrorKind::Unavailable, "empty"),
        (FILE, gone.clone(), ErrorKind::Unavailable, gone.as_str()),
    ] {
        let error = ask(with_token(&server, name, &value)).await.unwrap_err();

        let text = chain(&error);
        assert_eq!(error.kind(), kind, "{text}");
        assert!(text.contains(says) && text.contains(name), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
    for url in [
        "http://10.0.0.1/",
        "http://role.example/",
        "http://169.254.169.254/",
    ] {
        let variables = Env::of([("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)]);
        let error = ask(ContainerEndpoint::new().env(variables))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{url}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn nothing_set_is_not_configured_and_a_token_without_a_uri_is_configured_wrongly() {
    let failed = async |set: &[(&str, &str)]| {
        let env = Env::of(set.iter().copied());
        ask(ContainerEndpoint::new().env(env)).await.unwrap_err()
    };
    let empty = [(TOKEN, ""), (FILE, ""), (FULL, ""), (RELATIVE, "")];

    assert_eq!(failed(&[]).await.kind(), ErrorKind::NotConfigured);
    assert_eq!(failed(&empty).await.kind(), ErrorKind::NotConfigured);
    for name in [TOKEN, FILE] {
        let error = failed(&[(name, "x")]).await;
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
        for named in [name, FULL, RELATIVE] {
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}

#[tokio::test]
async fn an_answer_never_says_that_the_endpoint_is_not_configured() {
    let server = FaultServer::start(Container::new("cont-profile-"));
    let body = json!({"code": "InstanceProfileNotFound", "message": "m"});
    server.set(Fault::answer(
        "no",
        Reply::json(404, &body),
        Outcome::Either,
    ));

    let error = ask(container(&server)).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
}

#[tokio::test]
async fn what_the_agents_say_becomes_the_right_sort() {
    use ErrorKind::{Refused, Throttled, Unavailable};
    let coded =
        |status, code: &str| Reply::json(status, &json!({"code": code, "message": "{canary}"}));
    let pod = Reply::new(400).body("[id]: (AccessDeniedException): {canary}, fault: client");
    for (reply, kind) in [
        (coded(400, "InvalidIdInRequest"), Refused),
        (coded(404, "NoCredentialsAssociated"), Refused),
        (coded(500, "CredentialsUninitialized"), Unavailable),
        (coded(429, "ThrottlingException"), Throttled),
        (coded(400, "NeverHeardOf"), Unavailable),
        (pod, Refused),
        (Reply::new(403).body("<html>{canary}</html>"), Unavailable),
        (coded(200, "InternalServerError"), Unavailable),
        (
            Reply::new(302).header("location", "http://127.0.0.1:1/"),
            Unavailable,
        ),
    ] {
        let server = FaultServer::start(Container::new("cont-sorts-"));
        server.set(Fault::answer("no", reply.clone(), Outcome::Either));

        let error: Error = ask(container(&server)).await.unwrap_err();

        assert_eq!(error.kind(), kind, "{reply:?}: {error}");
        assert!(!chain(&error).contains(server.body_canary()), "{error}");
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn amazons_retry_after_is_in_milliseconds() {
    let server = FaultServer::start(Container::new("cont-later-"));
    let reply = Reply::json(429, &json!({"code": "ThrottlingException"}))
        .header("x-amz-retry-after", "1500")
        .header("retry-after", "9");
    server.set(Fault::answer("later", reply, Outcome::Either));

    let error = ask(container(&server)).await.unwrap_err();

    let expected = keytide_core::RetryAfter::Delay(std::time::Duration::from_millis(1500));
    assert_eq!(error.retry_after(), Some(expected));
}
