//! What answers mean, and what is sent.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use keytide_core::{ErrorKind, RetryAfter};
use keytide_issuer::{Endpoint, Form, IssuerClient, Wiped};
use keytide_testkit::server::{FaultServer, Received, Reply};

use crate::{Asking, asking, cache, failed};

#[tokio::test]
async fn a_known_code_decides_and_what_is_unknown_is_unavailable() {
    use ErrorKind::{Misconfigured, NotConfigured, Refused, Throttled, Unavailable};
    for (status, body, retry_after, kind, delay) in [
        (401, "no_such_agent", None, Refused, None),
        (200, "no_such_agent", None, Refused, None),
        (400, "no_setup", None, Misconfigured, None),
        (404, "not_here", None, NotConfigured, None),
        (400, "slow_down", None, Throttled, None),
        (400, "slow_down", Some("9"), Throttled, Some(9)),
        (500, "busy", None, Unavailable, None),
        (503, "busy", Some("9"), Throttled, Some(9)),
        (401, "no_such_agent", Some("9"), Refused, None),
        // By their status these are no answers to what was asked.
        (429, "no_such_agent", None, Throttled, None),
        (429, "no_such_agent", Some("9"), Throttled, Some(9)),
        (429, "busy", None, Throttled, None),
        (500, "no_such_agent", None, Unavailable, None),
        (503, "no_such_agent", None, Unavailable, None),
        (503, "no_such_agent", Some("9"), Throttled, Some(9)),
        (599, "no_such_agent", None, Unavailable, None),
        (500, "no_setup", None, Unavailable, None),
        (502, "not_here", None, Unavailable, None),
        (500, "slow_down", None, Throttled, None),
        (502, "odd", None, Unavailable, None),
        (400, "odd", None, Unavailable, None),
        (400, "unheard_of", None, Unavailable, None),
        (401, "<html>", None, Unavailable, None),
        (403, "", None, Unavailable, None),
        (404, "", None, Unavailable, None),
        (418, "", None, Unavailable, None),
        (429, "", None, Throttled, None),
        (429, "", Some("7"), Throttled, Some(7)),
        (429, "", Some("soon"), Throttled, None),
        (500, "", Some("7"), Unavailable, None),
        (503, "", None, Unavailable, None),
        (503, "", Some("7"), Throttled, Some(7)),
        (302, "", None, Unavailable, None),
        (304, "", None, Unavailable, None),
    ] {
        let server = FaultServer::start(move |_: &Received| {
            let reply = Reply::new(status).header("location", "http://127.0.0.1:1/");
            let reply = match retry_after {
                Some(after) => reply.header("retry-after", after),
                None => reply,
            };
            reply.body(body)
        });

        let error = failed(asking(server.url("/token"))).await;

        let case = format!("{status} {body} {retry_after:?}: {error}");
        assert_eq!(error.kind(), kind, "{case}");
        let expected = delay.map(|seconds| RetryAfter::Delay(Duration::from_secs(seconds)));
        assert_eq!(error.retry_after(), expected, "{case}");
        assert!(!error.to_string().contains("html"), "{case}");
        assert!(!error.to_string().contains("unheard_of"), "{case}");
    }
}

#[tokio::test]
async fn an_answer_that_comes_compressed_is_read_though_none_is_asked_for() {
    let compressed = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let body = compressed("token");
    let server = FaultServer::start(move |_: &Received| {
        Reply::new(200)
            .header("content-encoding", "gzip")
            .body(body.clone())
    });

    let cache = cache(asking(server.url("/token")));

    let credential = cache.get().await.unwrap();
    assert_eq!(credential.expose_bearer("test").unwrap(), b"token");
    assert_eq!(
        server.requests()[0].header("accept-encoding"),
        Some("identity")
    );
    for encoding in ["br", "deflate", "zstd", "gzip, gzip", "rot13"] {
        let server = FaultServer::start(move |_: &Received| {
            Reply::new(200)
                .header("content-encoding", encoding)
                .body("token")
        });
        let error = failed(asking(server.url("/token"))).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{encoding}");
    }
}

#[tokio::test]
async fn a_request_carries_what_it_was_given_and_nothing_of_the_environment() {
    let server = FaultServer::start(|_: &Received| Reply::new(200).body("token"));
    let provider = Asking {
        prepare: |ask| {
            let mut form = Form::new();
            form.add("a", "1 2");
            ask.header("accept", "application/json")
                .secret_header("x-vault-token", b"s3cret")
                .basic("na:me", b"p%ss")
                .form(form)
        },
        ..asking(server.url("/token?x=1"))
    };

    cache(provider).get().await.unwrap();

    let asked = &server.requests()[0];
    assert_eq!((asked.method(), asked.target()), ("POST", "/token?x=1"));
    assert_eq!(asked.body(), b"a=1%202");
    assert_eq!(asked.header("x-vault-token"), Some("s3cret"));
    // na%3Ame:p%25ss
    assert_eq!(
        asked.header("authorization"),
        Some("Basic bmElM0FtZTpwJTI1c3M=")
    );
    assert!(asked.header("user-agent").unwrap().starts_with("keytide/"));
    for absent in ["cookie", "referer", "x-forwarded-for"] {
        assert_eq!(asked.header(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn a_header_that_cannot_be_written_is_an_error_before_anything_is_sent() {
    let server = FaultServer::start(|_: &Received| Reply::new(200).body("token"));
    for prepare in [
        (|ask| ask.header("x-a", "b\r\nx-c: d")) as fn(keytide_issuer::Ask) -> _,
        |ask| ask.secret_header("x-a", b"canary\ncanary"),
    ] {
        let provider = Asking {
            prepare,
            ..asking(server.url("/token"))
        };

        let error = failed(provider).await;

        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn each_request_has_a_connection_of_its_own() {
    let server = FaultServer::start(|asked: &Received| {
        Reply::new(200).body(format!("token-{}", asked.number()))
    });
    let cache = cache(asking(server.url("/token")));

    for _ in 0..3 {
        cache.refresh_now().await.unwrap();
    }

    assert_eq!((server.connections(), server.count()), (3, 3));
}

#[test]
fn limits_out_of_range_and_things_that_are_no_certificates_are_refused() {
    let misconfigured = |result: Result<_, keytide_core::Error>| {
        result.err().map(|error| error.kind()) == Some(ErrorKind::Misconfigured)
    };
    for limit in [Duration::ZERO, Duration::from_secs(601), Duration::MAX] {
        let builder = IssuerClient::builder();
        assert!(misconfigured(builder.connect_timeout(limit).build()));
        let builder = IssuerClient::builder();
        assert!(misconfigured(builder.answer_timeout(limit).build()));
    }
    for pem in [
        "",
        "no pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ] {
        let built = IssuerClient::builder()
            .root_certificates(pem.as_bytes())
            .and_then(keytide_issuer::IssuerClientBuilder::build);
        assert!(built.is_err() || pem.contains("AAAA"), "{pem}");
    }
}

#[test]
fn nothing_that_holds_a_secret_prints_it() {
    let mut wiped = Wiped::with_capacity(1);
    wiped.push(b"canary");
    let endpoint = Endpoint::parse("https://login.example.com/token?code=canary").unwrap();
    let ask = IssuerClient::shared()
        .post(&endpoint)
        .secret_header("x-key", b"canary");

    for text in [
        format!("{wiped:?}"),
        format!("{endpoint:?}"),
        format!("{ask:?}"),
        format!(
            "{:?}",
            IssuerClient::builder()
                .proxy("http://user:canary@127.0.0.1:9")
                .unwrap()
        ),
    ] {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn an_sdk_gets_answers_as_they_are_and_the_guards_hold_all_the_same() {
    let server = FaultServer::start(|asked: &Received| match asked.path() {
        "/no" => Reply::new(403).header("retry-after", "7").body("no"),
        "/away" => Reply::new(302).header("location", "http://127.0.0.1:1/"),
        _ => Reply::new(200).body(vec![b'x'; (1 << 20) + 1]),
    });
    let exchange = async |path: &str| {
        let endpoint = Endpoint::parse(&server.url(path)).unwrap();
        let mut headers = http::HeaderMap::new();
        headers.insert("authorization", "signed".parse().unwrap());
        let mut body = Wiped::default();
        body.push(b"a=b");
        let ask = IssuerClient::shared().ask(http::Method::DELETE, &endpoint);
        ask.header("x-before", "1")
            .written(headers, body)
            .exchange()
            .await
    };

    let no = exchange("/no").await.unwrap();
    assert!(no.date().is_some());
    let patience = RetryAfter::Delay(Duration::from_secs(7));
    assert_eq!(no.retry_after(), Some(patience));
    let (status, headers, body) = no.into_parts();
    assert_eq!(
        (
            status.as_u16(),
            body.as_ref(),
            headers["retry-after"].to_str().unwrap()
        ),
        (403, &b"no"[..], "7")
    );
    let (status, ..) = exchange("/away").await.unwrap().into_parts();
    assert_eq!(status.as_u16(), 302, "a redirect is not followed");
    let error = exchange("/large").await.unwrap_err();
    assert!(error.to_string().contains("1 MiB"), "{error}");
    let asked = &server.requests()[0];
    assert_eq!((asked.method(), asked.body()), ("DELETE", &b"a=b"[..]));
    assert_eq!(asked.header("authorization"), Some("signed"));
    assert_eq!(asked.header("x-before"), None);
}
