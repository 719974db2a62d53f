//! Between keytide and `object_store`.

use std::time::Duration;

use keytide_azure::bridge::ObjectStoreCredentials;
use keytide_testkit::{Answer, ScriptedProvider};
use object_store::CredentialProvider;
use object_store::azure::AzureCredential;

use crate::{agent, is_refused_for_its_kind, keys, text};

#[tokio::test]
async fn each_request_of_a_store_carries_the_token_of_now() {
    let (provider, _script) = ScriptedProvider::new(Answer::token(Duration::from_secs(3600)));
    let cache = agent().cache(provider).build().unwrap();
    let store = ObjectStoreCredentials::new(cache.clone()).unwrap();
    let bearer = async || match &*store.get_credential().await.unwrap() {
        AzureCredential::BearerToken(token) => token.clone(),
        _ => panic!("a bearer token"),
    };

    let first = bearer().await;
    assert_eq!(first, text(&cache));
    cache.refresh_now().await.unwrap();
    let second = bearer().await;
    assert_ne!(second, first);
    assert_eq!(second, text(&cache));

    drop(cache.revoke());
    let error = store.get_credential().await.unwrap_err();
    assert!(
        std::error::Error::source(&error)
            .unwrap()
            .to_string()
            .contains("revoked"),
        "{error:?}"
    );
}

#[test]
fn a_store_takes_no_signing_keys() {
    let error = ObjectStoreCredentials::new(keys("of the store")).unwrap_err();

    is_refused_for_its_kind(&error, "of the store");
}
