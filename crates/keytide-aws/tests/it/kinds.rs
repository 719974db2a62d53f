//! What takes a cache takes one kind of credential, and says so before anything is asked.

use std::time::Duration;

use aws_config::BehaviorVersion;
use keytide_aws::bridge::{SdkCredentials, sdk_config};
use keytide_aws::{AssumeRole, CallerIdentityToken, OutboundToken, WebIdentity, WebIdentityToken};
use keytide_core::{Cache, CredentialKind, Error, ErrorKind, Profile, Subject, SubjectUse};
use keytide_http::{AuthorizedClient, reqwest};
use keytide_sigv4::SigV4;
use keytide_testkit::{Answer, ScriptedProvider};

use crate::support::{ROLE, agent};

#[test]
fn bearer_tokens_where_keys_are_meant_are_refused_when_it_is_built() {
    let (tokens, script) = ScriptedProvider::new(Answer::token(Duration::from_secs(60)));
    let tokens = agent().cache(tokens).build().unwrap();
    let cache = || tokens.clone();
    let role = AssumeRole::builder(ROLE, cache()).build();
    let google = CallerIdentityToken::builder("//iam", cache()).build();
    let outbound = OutboundToken::builder("audience", cache()).build();
    let loader = aws_config::defaults(BehaviorVersion::latest());

    is_refused("AssumeRole", role, &tokens);
    is_refused("CallerIdentityToken", google, &tokens);
    is_refused("OutboundToken", outbound, &tokens);
    is_refused("SdkCredentials", SdkCredentials::new(cache()), &tokens);
    is_refused("sdk_config", sdk_config(loader, &tokens), &tokens);
    #[cfg(feature = "object_store")]
    {
        let store = keytide_aws::bridge::ObjectStoreCredentials::new(cache());
        is_refused("ObjectStoreCredentials", store, &tokens);
    }
    let signed = AuthorizedClient::builder(reqwest::Client::builder(), cache())
        .attach(SigV4::builder("eu-west-1", "sqs").build().unwrap())
        .destination("https://sqs.example")
        .build();
    let error = signed.map(drop).expect_err("SigV4");
    assert!(error.to_string().contains(&*tokens.key()), "{error}");
    assert_eq!(script.calls(), 0);
}

#[test]
fn keys_where_a_bearer_token_is_meant_are_refused_when_it_is_built() {
    let always = Answer::token(Duration::from_secs(60)).as_signing_key();
    let (keys, script) = ScriptedProvider::with_profile(Profile::signing_key("scripted"), always);
    let keys = agent().cache(keys).build().unwrap();
    assert_eq!(keys.kind(), CredentialKind::SigningKey);

    for usage in [SubjectUse::Repeatable, SubjectUse::Once] {
        let built = WebIdentity::builder(
            ROLE,
            WebIdentityToken::subject(Subject::new(keys.clone(), usage)),
        )
        .build();
        is_refused("WebIdentity", built, &keys);
    }
    assert_eq!(script.calls(), 0);
}

fn is_refused<T>(what: &str, built: Result<T, Error>, cache: &Cache) {
    let error = built.map(drop).expect_err(what);
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{what}: {error}");
    assert!(error.to_string().contains(&*cache.key()), "{what}: {error}");
}
