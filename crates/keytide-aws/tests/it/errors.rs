//! What STS says, in whatever shape.

use std::time::Duration;

use keytide_aws::{AssumeRole, Env};
use keytide_core::{Error, ErrorKind, RetryAfter};
use keytide_testkit::aws::{Sts, refusal};
use keytide_testkit::conformance::Outcome;
use keytide_testkit::server::{Fault, FaultServer, Reply};

use crate::support::{ROLE, agent, base, chain, client};

async fn failed(reply: Reply) -> Error {
    let agent = agent();
    let (keys, _platform) = base(&agent, "err-");
    let sts = FaultServer::start(Sts::new("err-sts-"));
    sts.set(Fault::answer("no", reply, Outcome::Either));
    let provider = AssumeRole::builder(ROLE, keys)
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .client(client())
        .env(Env::of::<String, String>([]))
        .build()
        .unwrap();
    let error = agent
        .cache(provider)
        .build()
        .unwrap()
        .get()
        .await
        .unwrap_err();
    assert_eq!(sts.count(), 1, "asked once: {error}");
    assert!(!chain(&error).contains(sts.body_canary()), "{error}");
    error
}

#[tokio::test]
async fn each_code_of_sts_becomes_the_right_sort() {
    use ErrorKind::{Refused, Throttled, Unavailable};
    for (status, code, kind) in [
        (400, "Throttling", Throttled),
        (400, "ThrottlingException", Throttled),
        (503, "RequestLimitExceeded", Throttled),
        (429, "TooManyRequestsException", Throttled),
        (503, "SlowDown", Throttled),
        (400, "RequestTimeout", Unavailable),
        (500, "InternalFailure", Unavailable),
        (503, "ServiceUnavailable", Unavailable),
        (400, "IDPCommunicationError", Unavailable),
        (400, "ExpiredTokenException", Unavailable),
        (403, "ExpiredToken", Unavailable),
        (400, "InvalidIdentityToken", Refused),
        (403, "IDPRejectedClaim", Refused),
        (403, "AccessDenied", Refused),
        (400, "MalformedPolicyDocument", Refused),
        (400, "PackedPolicyTooLarge", Refused),
        (403, "RegionDisabledException", Refused),
        (400, "ValidationError", Refused),
        (403, "InvalidClientTokenId", Refused),
        (403, "SignatureDoesNotMatch", Refused),
        (403, "MissingAuthenticationToken", Refused),
        (403, "OptInRequired", Refused),
        (400, "RequestExpired", Unavailable),
        (400, "NeverHeardOf", Unavailable),
        (403, "NeverHeardOf", Unavailable),
    ] {
        let error = failed(refusal(status, code)).await;

        assert_eq!(error.kind(), kind, "{status} {code}: {error}");
        assert_eq!(
            error.to_string().contains(code),
            code != "NeverHeardOf",
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_error_may_come_in_the_shape_of_s3_or_as_html() {
    let s3 = |status| {
        Reply::new(status).header("content-type", "application/xml").body(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>{canary}</Message>\
             <RequestId>r</RequestId><HostId>h</HostId></Error>",
        )
    };
    assert_eq!(failed(s3(403)).await.kind(), ErrorKind::Refused);
    let html = "<!doctype html><html><head><title>{canary}</title></head><body><Error><Code>AccessDenied</Code></Error></body></html>";
    for status in [400, 403, 404, 500] {
        let reply = Reply::new(status)
            .header("content-type", "text/html")
            .body(html);
        assert_eq!(
            failed(reply).await.kind(),
            ErrorKind::Unavailable,
            "{status}"
        );
    }
    for body in [
        html,
        "",
        "{canary}",
        "<AssumeRoleResponse/>",
        "{\"canary\":\"{canary}\"}",
    ] {
        let error = failed(Reply::new(200).body(body)).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{body}: {error}");
    }
    for status in [301, 302, 307] {
        let reply = Reply::new(status).header("location", "http://127.0.0.1:1/{canary}");
        assert_eq!(
            failed(reply).await.kind(),
            ErrorKind::Unavailable,
            "{status}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_lacks_a_member_says_which_and_nothing_of_expiry() {
    let members = [
        ("AccessKeyId", "ASIA"),
        ("SecretAccessKey", "{canary}"),
        ("SessionToken", "t"),
        ("Expiration", "2999-01-01T00:00:00Z"),
    ];
    for (missing, _) in members {
        let present = members.iter().filter(|(name, _)| *name != missing);
        let written: String = present
            .map(|(name, value)| format!("<{name}>{value}</{name}>"))
            .collect();
        let body = format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>{written}</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        );

        let error = failed(Reply::new(200).body(body)).await;

        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(
            error.to_string().contains(&format!("has no {missing}")),
            "{error}"
        );
        assert!(!error.to_string().contains("expired"), "{error}");
    }
}

#[tokio::test]
async fn how_long_to_wait_is_handed_on_in_milliseconds_or_seconds() {
    let delay = |milliseconds| Some(RetryAfter::Delay(Duration::from_millis(milliseconds)));
    for (headers, kind, expected) in [
        (
            vec![("x-amz-retry-after", "1500")],
            ErrorKind::Throttled,
            delay(1500),
        ),
        (
            vec![("retry-after", "7")],
            ErrorKind::Throttled,
            delay(7000),
        ),
        (
            vec![("x-amz-retry-after", "250"), ("retry-after", "7")],
            ErrorKind::Throttled,
            delay(250),
        ),
        (vec![], ErrorKind::Throttled, None),
    ] {
        let plain = refusal(400, "Throttling");
        let reply = headers
            .iter()
            .fold(plain, |reply, (name, value)| reply.header(*name, *value));
        let error = failed(reply).await;
        assert_eq!(
            (error.kind(), error.retry_after()),
            (kind, expected),
            "{headers:?}"
        );
    }
    let error =
        failed(refusal(503, "ServiceUnavailable").header("x-amz-retry-after", "3000")).await;
    assert_eq!(
        (error.kind(), error.retry_after()),
        (ErrorKind::Throttled, delay(3000))
    );
    let error = failed(refusal(403, "AccessDenied").header("x-amz-retry-after", "3000")).await;
    assert_eq!(
        (error.kind(), error.retry_after()),
        (ErrorKind::Refused, None)
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let agent = agent();
    let (keys, _platform) = base(&agent, "err-gone-");
    let provider = AssumeRole::builder(ROLE, keys)
        .region("eu-west-1")
        .endpoint_url("http://127.0.0.1:1")
        .client(client())
        .build()
        .unwrap();

    let error = agent
        .cache(provider)
        .build()
        .unwrap()
        .get()
        .await
        .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(
        error
            .to_string()
            .contains("no connection to http://127.0.0.1:1"),
        "{error}"
    );
}
