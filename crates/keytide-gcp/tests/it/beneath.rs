//! A provider whose base is not configured is configured: a chain ends at it.

use keytide_core::ErrorKind::{Misconfigured, NotConfigured};
use keytide_core::{Cache, Chain, ProvideCredential, Subject, SubjectUse};
use keytide_gcp::{
    AccessBoundary, ApplicationDefault, BoundaryRule, Downscoped, Env, Impersonated, MetadataServer,
};
use keytide_testkit::gcp::Google;
use keytide_testkit::server::FaultServer;
use serde_json::json;

use crate::support::{API, POOL, STORAGE, TARGET, cache, federated, metadata, write};

/// A base that is not configured here.
async fn absent() -> Cache {
    let off = Env::of([("NO_GCE_CHECK", "true")]);
    let provider = MetadataServer::access_token([STORAGE]).env(off);
    let absent = cache(provider.build().unwrap());
    assert_eq!(absent.get().await.unwrap_err().kind(), NotConfigured);
    absent
}

async fn subject() -> Subject {
    Subject::new(absent().await, SubjectUse::Repeatable)
}

/// Whoever is asked next is the account that is attached: the agent must not come to act as it.
async fn ends_the_chain(server: &FaultServer, provider: impl ProvideCredential) {
    let attached = metadata(server).build().unwrap();
    let name = format!("{:?}", provider.profile());

    let error = cache(Chain::first(provider).then(attached)).get().await;

    let error = error.unwrap_err();
    assert_eq!(error.kind(), Misconfigured, "{name}: {error}");
    let text = error.to_string();
    let (own, rest) = text.split_once(": ").unwrap();
    assert!(name.contains(own), "{name}: {text}");
    assert!(rest.contains("metadata_server"), "{name}: {text}");
    assert!(rest.contains("not configured"), "{name}: {text}");
    assert_eq!(server.count(), 0, "{name}");
}

#[tokio::test]
async fn a_base_that_is_not_configured_leads_no_chain_on_to_another_account() {
    let directory = tempfile::tempdir().unwrap();
    let server = Google::new().start();
    let rule = BoundaryRule::bucket("invoices").role("roles/storage.objectViewer");
    let boundary = AccessBoundary::new([rule]).unwrap();
    let config = json!({
        "type": "external_account",
        "audience": POOL,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": server.url("/v1/token"),
        "credential_source": { "file": "/nowhere" },
    });
    let config = write(directory.path(), "config.json", config);

    let provider = Impersonated::access_token(absent().await, TARGET, [STORAGE]);
    ends_the_chain(&server, provider.build().unwrap()).await;
    let provider = Impersonated::identity_token(absent().await, TARGET, API);
    ends_the_chain(&server, provider.build().unwrap()).await;
    let provider = Downscoped::builder(absent().await, boundary);
    ends_the_chain(&server, provider.build().unwrap()).await;
    let provider = federated(&server).subject(subject().await);
    ends_the_chain(&server, provider.build().unwrap()).await;
    let provider = federated(&server).subject(subject().await);
    ends_the_chain(&server, provider.impersonate(TARGET).build().unwrap()).await;
    let provider = ApplicationDefault::builder([STORAGE])
        .env(Env::of([("GOOGLE_APPLICATION_CREDENTIALS", config)]))
        .subject(subject().await)
        .danger_allow_endpoint(server.origin());
    ends_the_chain(&server, provider.build().unwrap()).await;
}
