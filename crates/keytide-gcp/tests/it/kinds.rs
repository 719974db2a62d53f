//! Where a bearer token is meant, keys that sign are refused before anything is asked.

use std::time::Duration;

use keytide_core::ErrorKind::Misconfigured;
use keytide_core::{Cache, Error, Profile, Subject, SubjectUse};
use keytide_gcp::bridge::GcpAuthCredentials;
use keytide_gcp::{AccessBoundary, ApplicationDefault, BoundaryRule, Downscoped, Impersonated};
use keytide_testkit::gcp::Google;
use keytide_testkit::{Answer, ScriptedProvider};

use crate::support::{API, STORAGE, TARGET, agent, cache, federated};

/// Keys as AWS gives them out: whoever reads "from AWS" may well hand them on.
fn keys() -> Cache {
    let profile = Profile::signing_key("aws_keys");
    let answer = Answer::token(Duration::from_secs(900)).as_signing_key();
    let (provider, _) = ScriptedProvider::with_profile(profile, answer);
    agent().cache(provider).key("the-role").build().unwrap()
}

fn subject() -> Subject {
    Subject::new(keys(), SubjectUse::Repeatable)
}

fn boundary() -> AccessBoundary {
    let rule = BoundaryRule::bucket("invoices").role("roles/storage.objectViewer");
    AccessBoundary::new([rule]).unwrap()
}

fn refused<T>(what: &str, built: Result<T, Error>) {
    let Err(error) = built else {
        panic!("{what} takes keys");
    };
    assert_eq!(error.kind(), Misconfigured, "{what}: {error}");
    let text = format!("{error} {error:?}");
    assert!(text.contains("the-role"), "{what}: {text}");
    assert!(text.contains("aws_keys"), "{what}: {text}");
    for secret in ["token-", "session-"] {
        assert!(!text.contains(secret), "{what}: {text}");
    }
}

#[tokio::test]
async fn keys_that_sign_are_refused_wherever_a_token_is_meant() {
    let server = Google::new().start();
    let keys_at_hand = keys();
    keys_at_hand.get().await.unwrap();

    refused(
        "ExternalAccount",
        federated(&server).subject(subject()).build(),
    );
    refused(
        "ApplicationDefault",
        ApplicationDefault::builder([STORAGE])
            .subject(subject())
            .build(),
    );
    refused(
        "Impersonated",
        Impersonated::access_token(keys_at_hand.clone(), TARGET, [STORAGE]).build(),
    );
    refused(
        "Impersonated, for identity tokens",
        Impersonated::identity_token(keys_at_hand.clone(), TARGET, API).build(),
    );
    refused(
        "Downscoped",
        Downscoped::builder(keys_at_hand.clone(), boundary()).build(),
    );
    refused(
        "GcpAuthCredentials",
        GcpAuthCredentials::new("project-1").serve([STORAGE], keys_at_hand.clone()),
    );
    #[cfg(feature = "google_cloud_auth")]
    refused(
        "SdkCredentials",
        keytide_gcp::bridge::SdkCredentials::new(keys_at_hand.clone()),
    );
    #[cfg(feature = "object_store")]
    refused(
        "ObjectStoreCredentials",
        keytide_gcp::bridge::ObjectStoreCredentials::new(keys_at_hand.clone()),
    );
    assert_eq!(server.connections(), 0);
}

/// A chain may come to keys although its first provider states tokens: then the answer is refused, and nothing is sent.
#[tokio::test]
async fn a_chain_that_comes_to_keys_gives_no_token() {
    let server = Google::new().start();
    let not_here = Answer::fail(Error::not_configured("it is not here"));
    let (absent, _) = ScriptedProvider::new(not_here);
    let profile = Profile::signing_key("aws_keys");
    let answer = Answer::token(Duration::from_secs(900)).as_signing_key();
    let (keys, _) = ScriptedProvider::with_profile(profile, answer);
    let chain = cache(keytide_core::Chain::first(absent).then(keys));
    let subject = Subject::new(chain, SubjectUse::Repeatable);

    let error = cache(federated(&server).subject(subject).build().unwrap())
        .get()
        .await
        .unwrap_err();

    assert_eq!(error.kind(), Misconfigured, "{error}");
    assert_eq!(server.connections(), 0);
}
