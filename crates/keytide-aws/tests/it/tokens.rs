//! Tokens of AWS for issuers elsewhere.

use std::time::Duration;

use keytide_aws::{CallerIdentityToken, Env, OutboundToken, SigningAlgorithm};
use keytide_core::{CredentialKind, ErrorKind};
use keytide_testkit::aws::{Sts, refusal};
use keytide_testkit::conformance::Outcome;
use keytide_testkit::server::{Fault, FaultServer};
use serde_json::Value;
use url::form_urlencoded;

use crate::support::{agent, base, client, field, form};

const POOL: &str =
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws";

#[tokio::test]
async fn a_caller_identity_token_is_a_signed_request_bound_to_its_audience() {
    let agent = agent();
    let (keys, _platform) = base(&agent, "tok-gcp-");
    let provider = CallerIdentityToken::builder(POOL, keys)
        .region("eu-west-1")
        .build()
        .unwrap();

    let credential = agent.cache(provider).build().unwrap().get().await.unwrap();

    assert_eq!(credential.kind(), CredentialKind::BearerToken);
    assert!(credential.lifetime() <= Duration::from_secs(300));
    let text = String::from_utf8(credential.expose_bearer("test").unwrap().to_vec()).unwrap();
    assert!(
        text.starts_with("%7B%22") && !text.contains('+') && !text.contains(' '),
        "{text}"
    );
    let pair = format!("token={text}");
    let json = form_urlencoded::parse(pair.as_bytes())
        .next()
        .unwrap()
        .1
        .into_owned();
    let signed: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(signed["method"], "POST");
    assert_eq!(
        signed["url"],
        "https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    );
    let header = |name: &str| -> String {
        let headers = signed["headers"].as_array().unwrap();
        let mut found = headers.iter().filter(|header| header["key"] == name);
        let value = found.next().unwrap_or_else(|| panic!("no {name}"))["value"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(found.next().is_none(), "{name} twice");
        value
    };
    assert_eq!(header("host"), "sts.eu-west-1.amazonaws.com");
    assert_eq!(header("x-goog-cloud-target-resource"), POOL);
    assert_eq!(header("x-amz-security-token"), "tok-gcp-session-1");
    let authorization = header("authorization");
    assert!(
        authorization.contains("Credential=ASIA0000000000000001/"),
        "{authorization}"
    );
    assert!(
        authorization.contains(
            "SignedHeaders=host;x-amz-date;x-amz-security-token;x-goog-cloud-target-resource,"
        ),
        "{authorization}"
    );
}

#[tokio::test]
async fn a_caller_identity_token_does_not_outlive_the_keys_that_signed_it() {
    let agent = agent();
    let server = FaultServer::start(
        keytide_testkit::aws::Container::new("tok-short-").lifetime(Duration::from_secs(90)),
    );
    let keys = agent
        .cache(crate::support::container(&server))
        .build()
        .unwrap();
    let provider = CallerIdentityToken::builder(POOL, keys)
        .region("eu-west-1")
        .build()
        .unwrap();

    let credential = agent.cache(provider).build().unwrap().get().await.unwrap();

    assert!(credential.remaining() <= Duration::from_secs(90));
}

#[tokio::test]
async fn what_cannot_be_right_is_refused_when_it_is_built() {
    let agent = agent();
    let (keys, _platform) = base(&agent, "tok-wrong-");
    let gcp = |audience: &str| CallerIdentityToken::builder(audience, keys.clone());
    assert!(gcp("").build().is_err());
    assert!(gcp("a\nb").build().is_err());
    assert!(gcp(POOL).lifetime(Duration::from_secs(59)).build().is_err());
    assert!(gcp(POOL).region("EU").build().is_err());
    let outbound = || OutboundToken::builder("https://api.example.com", keys.clone());
    for builder in [
        outbound().lifetime(Duration::from_secs(59)),
        outbound().lifetime(Duration::from_secs(3601)),
        outbound().audience(""),
        (0..10).fold(outbound(), |builder, index| {
            builder.audience(format!("a{index}"))
        }),
        outbound().tag("a{", "b"),
    ] {
        assert_eq!(
            builder.build().unwrap_err().kind(),
            ErrorKind::Misconfigured
        );
    }
}

#[tokio::test]
async fn an_outbound_token_is_asked_for_with_all_that_was_set() {
    let agent = agent();
    let (keys, _platform) = base(&agent, "tok-out-");
    let sts = FaultServer::start(Sts::new("tok-out-sts-"));
    let builder = || {
        OutboundToken::builder("https://api.example.com", keys.clone())
            .region("eu-west-1")
            .endpoint_url(sts.origin())
            .client(client())
            .env(Env::of::<String, String>([]))
    };

    let plain = agent.cache(builder().build().unwrap()).build().unwrap();
    let credential = plain.get().await.unwrap();
    let full = builder()
        .audience("second")
        .signing_algorithm(SigningAlgorithm::Es384)
        .lifetime(Duration::from_secs(900))
        .tag("task", "42");
    agent
        .cache(full.build().unwrap())
        .build()
        .unwrap()
        .get()
        .await
        .unwrap();

    assert_eq!(credential.kind(), CredentialKind::BearerToken);
    assert_eq!(
        credential.expose_bearer("test").unwrap(),
        b"tok-out-sts-token-1"
    );
    assert!(credential.lifetime() <= Duration::from_secs(300));
    let requests = sts.requests();
    let expected = [
        ("Action", "GetWebIdentityToken"),
        ("Audience.member.1", "https://api.example.com"),
        ("DurationSeconds", "300"),
        ("SigningAlgorithm", "RS256"),
        ("Version", "2011-06-15"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(form(&requests[0]), expected);
    for (name, value) in [
        ("Audience.member.2", "second"),
        ("SigningAlgorithm", "ES384"),
        ("DurationSeconds", "900"),
        ("Tags.member.1.Key", "task"),
        ("Tags.member.1.Value", "42"),
    ] {
        assert_eq!(field(&requests[1], name).as_deref(), Some(value), "{name}");
    }

    for code in [
        "OutboundWebIdentityFederationDisabled",
        "OutboundWebIdentityFederationDisabledException",
        "SessionDurationEscalationException",
        "JWTPayloadSizeExceededException",
    ] {
        sts.set(Fault::answer("no", refusal(400, code), Outcome::Either));
        let cache = agent.cache(builder().build().unwrap()).build().unwrap();
        let error = cache.get().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{code}: {error}");
    }
    sts.set(Fault::answer(
        "no",
        refusal(403, "AccessDenied"),
        Outcome::Either,
    ));
    let cache = agent.cache(builder().build().unwrap()).build().unwrap();
    let error = cache.get().await.unwrap_err();
    assert!(
        error.to_string().contains("sts:GetWebIdentityToken"),
        "{error}"
    );
}
