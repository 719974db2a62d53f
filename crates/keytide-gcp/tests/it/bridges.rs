//! What other clients see of a credential that rotates.

use std::time::Duration;

use gcp_auth::TokenProvider;
use keytide_core::Cache;
use keytide_gcp::MetadataServer;
use keytide_gcp::bridge::GcpAuthCredentials;
use keytide_testkit::gcp::Google;
use keytide_testkit::server::{At, Fault, FaultServer};

use crate::support::{LOGGING, STORAGE, agent, at_once, cache, metadata, token};

fn logging(server: &FaultServer) -> Cache {
    let provider = MetadataServer::access_token([LOGGING]).host(server.address().to_string());
    cache(provider.build().unwrap())
}

#[tokio::test]
async fn gcp_auth_gets_the_token_of_the_scopes_that_it_names() {
    let server = Google::new().start();
    let storage = cache(metadata(&server).build().unwrap());
    let bridge = GcpAuthCredentials::new("project-1")
        .serve([STORAGE], storage.clone())
        .unwrap()
        .serve([STORAGE, LOGGING], logging(&server))
        .unwrap();

    let first = bridge.token(&[STORAGE]).await.unwrap();
    assert_eq!(first.as_str(), token(&storage));
    storage.refresh_now().await.unwrap();
    let second = bridge.token(&[STORAGE]).await.unwrap();
    assert_ne!(
        first.as_str(),
        second.as_str(),
        "a rotation shows on the next call"
    );
    let both = bridge.token(&[LOGGING, STORAGE]).await.unwrap();
    assert_eq!(
        bridge
            .token(&[STORAGE, LOGGING, LOGGING])
            .await
            .unwrap()
            .as_str(),
        both.as_str()
    );
    assert!(
        bridge.token(&[LOGGING]).await.is_err(),
        "no cache serves it"
    );
    assert!(bridge.token(&[]).await.is_err());
    assert_eq!(&*bridge.project_id().await.unwrap(), "project-1");

    let ends = storage.try_get().unwrap().expires_at().unwrap();
    let theirs: std::time::SystemTime = second.expires_at().into();
    let apart = ends
        .duration_since(theirs)
        .unwrap_or_else(|error| error.duration());
    assert!(apart <= Duration::from_secs(2), "{apart:?}");
}

/// In gcp_auth itself a warm scope waits while a cold one is fetched.
#[tokio::test]
async fn a_warm_scope_does_not_wait_for_a_cold_one_behind_gcp_auths_trait() {
    let server = Google::new().start();
    let storage = cache(metadata(&server).build().unwrap());
    let bridge = GcpAuthCredentials::new("project-1")
        .serve([STORAGE], storage)
        .unwrap()
        .serve([LOGGING], logging(&server))
        .unwrap();
    bridge.token(&[STORAGE]).await.unwrap();
    server.set(Fault::hang(At::BeforeHeaders));

    let cold = tokio::spawn({
        let bridge = bridge.clone();
        async move { bridge.token(&[LOGGING]).await.is_err() }
    });
    while server.count() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..100 {
        assert!(at_once(bridge.token(&[STORAGE])).is_some_and(|read| read.is_ok()));
    }

    assert!(!cold.is_finished(), "the cold one is still waiting");
    cold.abort();
}

#[cfg(feature = "google_cloud_auth")]
#[tokio::test]
async fn the_official_clients_see_a_new_tag_for_each_generation() {
    use google_cloud_auth::credentials::{CacheableResource, Credentials, EntityTag};
    use keytide_gcp::bridge::SdkCredentials;

    let server = Google::new().start();
    let storage = cache(metadata(&server).build().unwrap());
    let bridge = SdkCredentials::new(storage.clone()).unwrap();
    assert!(
        SdkCredentials::new(storage.clone())
            .unwrap()
            .quota_project(
                "a
b"
            )
            .is_err()
    );
    let credentials = Credentials::from(bridge.quota_project("payer").unwrap());
    let headers = async |tag: Option<EntityTag>| {
        let mut extensions = http::Extensions::new();
        if let Some(tag) = tag {
            extensions.insert(tag);
        }
        credentials.headers(extensions).await
    };

    let CacheableResource::New { entity_tag, data } = headers(None).await.unwrap() else {
        panic!("nothing new at first");
    };
    assert_eq!(data["authorization"], format!("Bearer {}", token(&storage)));
    assert!(data["authorization"].is_sensitive());
    assert_eq!(data["x-goog-user-project"], "payer");
    let again = headers(Some(entity_tag.clone())).await.unwrap();
    assert!(matches!(again, CacheableResource::NotModified));

    storage.refresh_now().await.unwrap();
    let CacheableResource::New { data, .. } = headers(Some(entity_tag)).await.unwrap() else {
        panic!("the rotation was not seen");
    };
    assert_eq!(data["authorization"], format!("Bearer {}", token(&storage)));

    storage.revoke().await;
    let error = headers(None).await.unwrap_err();
    assert!(!error.is_transient(), "{error}");
}

/// With their own source, a client is dead for ever after one 403.
#[cfg(feature = "google_cloud_auth")]
#[tokio::test]
async fn a_failure_is_not_the_end_for_an_official_client() {
    use google_cloud_auth::credentials::AccessTokenCredentials;
    use keytide_gcp::bridge::SdkCredentials;

    let google = Google::new();
    let server = google.start();
    server.set(Fault::status(503));
    let bridge = SdkCredentials::new(cache(metadata(&server).build().unwrap()));
    let credentials = AccessTokenCredentials::from(bridge.unwrap());
    assert!(credentials.access_token().await.unwrap_err().is_transient());

    server.heal();
    let from = tokio::time::Instant::now();
    let token = loop {
        match credentials.access_token().await {
            Ok(token) => break token.token,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
        assert!(from.elapsed() < crate::support::NEVER, "it never recovered");
    };

    assert!(google.accepts(&token));
}

#[cfg(feature = "object_store")]
#[tokio::test]
async fn object_store_sees_a_rotation_on_the_next_request() {
    use keytide_gcp::bridge::ObjectStoreCredentials;
    use object_store::CredentialProvider;

    let server = Google::new().start();
    let storage = cache(metadata(&server).build().unwrap());
    let bridge = ObjectStoreCredentials::new(storage.clone()).unwrap();

    let first = bridge.get_credential().await.unwrap();
    assert_eq!(first.bearer, token(&storage));
    storage.refresh_now().await.unwrap();
    assert_eq!(
        bridge.get_credential().await.unwrap().bearer,
        token(&storage)
    );
    assert_ne!(first.bearer, token(&storage));

    agent().terminate(keytide_core::Reason::Finished).await;
    storage.revoke().await;
    assert!(bridge.get_credential().await.is_err());
}
