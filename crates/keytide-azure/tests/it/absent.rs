//! Platforms that are not there, or are not spoken to.

use std::time::{Duration, Instant};

use keytide_azure::{DefaultIdentity, ManagedIdentity};
use keytide_core::ErrorKind;
use keytide_testkit::server::{Asked, At, Fault, FaultServer, Reply};

use crate::{CLIENT, VAULT, agent, cache, failed, variables, whole};

#[expect(
    clippy::disallowed_methods,
    reason = "how long a program that knows no other clock would wait"
)]
fn instant() -> Instant {
    Instant::now()
}

#[tokio::test]
async fn platforms_that_are_not_spoken_to_are_named() {
    for (variables_there, named) in [
        (
            &[
                ("IDENTITY_ENDPOINT", "https://localhost:2377/x"),
                ("IDENTITY_HEADER", "canary"),
                ("IDENTITY_SERVER_THUMBPRINT", "00"),
            ][..],
            "Service Fabric",
        ),
        (
            &[
                ("MSI_ENDPOINT", "http://127.0.0.1/x"),
                ("MSI_SECRET", "canary"),
            ][..],
            "Machine Learning",
        ),
        (&[("MSI_ENDPOINT", "http://127.0.0.1/x")][..], "Cloud Shell"),
        (
            &[
                ("IDENTITY_ENDPOINT", "http://token.example.com/x"),
                ("IDENTITY_HEADER", "canary"),
            ][..],
            "IDENTITY_ENDPOINT",
        ),
    ] {
        let provider = ManagedIdentity::builder(VAULT).environment(variables(variables_there));

        let error = failed(provider.build().unwrap()).await;

        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
        assert!(error.to_string().contains(named), "{error}");
        assert!(!whole(&error).contains("canary"));
    }
}

/// What is at the place of IMDS, and what the chain says of it.
async fn chain_at(origin: &str) -> (keytide_core::Error, Duration) {
    let provider = DefaultIdentity::builder(VAULT)
        .environment(variables(&[("AZURE_POD_IDENTITY_AUTHORITY_HOST", origin)]))
        .build()
        .unwrap();
    let cache = agent().cache(provider).build().unwrap();
    let from = instant();

    let error = cache.get().await.unwrap_err();

    (error, from.elapsed())
}

#[tokio::test]
async fn without_imds_the_chain_knows_within_a_second() {
    let hanging = FaultServer::start(|_: &Asked| Reply::new(200));
    hanging.set(Fault::hang(At::BeforeHeaders));
    let silent = FaultServer::start(|_: &Asked| Reply::new(200));
    silent.set(Fault::hang(At::Accept));
    let gone = FaultServer::start(|_: &Asked| Reply::new(200));
    gone.stop();
    for (server, what) in [
        (&hanging, "hangs"),
        (&silent, "says nothing"),
        (&gone, "is not there"),
    ] {
        let (error, took) = chain_at(&server.origin()).await;

        assert!(took < Duration::from_secs(1), "{what}: {took:?}");
        assert_eq!(error.kind(), ErrorKind::NotConfigured, "{what}: {error}");
        for each in [
            "AZURE_CLIENT_SECRET is not set",
            "AZURE_FEDERATED_TOKEN_FILE is not set",
            "no instance metadata service of Azure",
        ] {
            assert!(error.to_string().contains(each), "{error}");
        }
    }
}

#[tokio::test]
async fn what_answers_otherwise_than_azures_is_none_of_azure() {
    use ErrorKind::{NotConfigured, Throttled, Unavailable};
    let coded = "{\"error\":\"bad_request_102\"}";
    for (status, server, body, kind, asked) in [
        // Google, Amazon, OpenStack, a gateway, anything.
        (403, "Metadata Server for VM", "<html>", NotConfigured, 1),
        (401, "EC2ws", "", NotConfigured, 1),
        (404, "", "", NotConfigured, 1),
        (403, "", "", NotConfigured, 1),
        (400, "", "<html>", NotConfigured, 1),
        (200, "", "{}", NotConfigured, 1),
        // That of Azure, which then is asked for a token, and answers the same.
        (404, "IMDS/150.870.65.684", "", Unavailable, 2),
        (400, "", coded, ErrorKind::Refused, 2),
        (410, "", "", Unavailable, 2),
        (429, "", "", Throttled, 2),
        (500, "", "", Unavailable, 2),
    ] {
        let other = FaultServer::start(move |_: &Asked| {
            Reply::new(status).header("server", server).body(body)
        });

        let (error, _) = chain_at(&other.origin()).await;

        assert_eq!(error.kind(), kind, "{status} {server}: {error}");
        assert_eq!(other.count(), asked, "{status} {server}");
    }
}

#[tokio::test]
async fn an_imds_that_was_found_is_probed_once_and_then_in_trouble_when_it_fails() {
    let imds = keytide_testkit::azure::Imds::new().start();
    let provider = DefaultIdentity::builder(VAULT)
        .environment(variables(&[(
            "AZURE_POD_IDENTITY_AUTHORITY_HOST",
            &imds.origin(),
        )]))
        .build()
        .unwrap();
    let cache = cache(provider);

    cache.get().await.unwrap();
    cache.refresh_now().await.unwrap();

    let asked = imds.requests();
    let with_header = |asked: &Asked| asked.header("metadata").is_some();
    assert_eq!(
        asked.iter().map(with_header).collect::<Vec<_>>(),
        [false, true, true]
    );
    imds.stop();
    let error = cache.refresh_now().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn a_machine_that_is_told_to_have_an_identity_has_an_imds_in_trouble_not_none() {
    let gone = FaultServer::start(|_: &Asked| Reply::new(200));
    gone.stop();
    let provider = ManagedIdentity::builder(VAULT)
        .client_id(CLIENT)
        .imds_endpoint(gone.origin());

    let error = failed(provider.build().unwrap()).await;

    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}
