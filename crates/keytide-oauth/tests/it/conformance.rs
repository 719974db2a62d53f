//! What every provider must do, of `ClientCredentials` by each way to show who asks, over HTTP and over TLS.

use std::sync::Arc;
use std::time::Duration;

use keytide_core::{Chain, Subject, SubjectUse};
use keytide_oauth::{AssertionKey, ClientCredentials, IssuerClient};
use keytide_testkit::conformance::{self, HttpFixture};
use keytide_testkit::server::{FaultServer, Good, TestCa};
use keytide_testkit::{Answer, ScriptedProvider};

use crate::support::{agent, p256, patient};

const TOKEN: &str = "conformance-oauth-token-";
const SECRET: &str = "conformance-oauth-secret";

#[test]
fn a_client_with_a_key_does_what_every_provider_must() {
    let key = Arc::new(p256());
    let private: String = key.pem.lines().nth(1).unwrap().to_owned();

    let report = conformance::check(move || {
        let key = Arc::clone(&key);
        let make = move |server: &FaultServer| {
            ClientCredentials::builder(server.url("/token"), "reader")
                .private_key_jwt(AssertionKey::from_pem(&key.pem).unwrap())
                .client(patient())
                .build()
                .unwrap()
        };
        HttpFixture::start(Good::oauth(TOKEN), make)
            .refusing_oauth()
            .secret(private.clone())
    });

    println!("{report}");
    report.assert_all_but(UNCONFIGURED);
}

#[test]
fn a_client_with_the_assertion_of_another_cache_does_too() {
    let report = conformance::check(|| {
        let make = |server: &FaultServer| {
            let (base, script) = ScriptedProvider::new(Answer::token(Duration::from_secs(3600)));
            script.token_prefix(SECRET);
            let base = agent().cache(base).build().unwrap();
            ClientCredentials::builder(server.url("/token"), "reader")
                .assertion(Subject::new(base, SubjectUse::Repeatable))
                .client(patient())
                .build()
                .unwrap()
        };
        HttpFixture::start(Good::oauth(TOKEN), make)
            .refusing_oauth()
            .secret(SECRET)
    });

    println!("{report}");
    report.assert_all_but(UNCONFIGURED);
}

#[test]
fn a_client_over_tls_does_too() {
    let key = Arc::new(p256());

    let report = conformance::check(move || {
        let key = Arc::clone(&key);
        let make = move |server: &FaultServer, ca: &TestCa| {
            let client = IssuerClient::builder()
                .root_certificates(ca.root_pem().as_bytes())
                .unwrap();
            ClientCredentials::builder(server.url("/token"), "reader")
                .private_key_jwt(AssertionKey::from_pem(&key.pem).unwrap())
                .client(client.build().unwrap())
                .build()
                .unwrap()
        };
        HttpFixture::start_tls(Good::oauth(TOKEN), make).refusing_oauth()
    });

    println!("{report}");
    report.assert_all_but(UNCONFIGURED);
}

/// A chain whose first provider is not configured here is as good as its second.
#[test]
fn a_chain_does_too() {
    let key = Arc::new(p256());

    let report = conformance::check(move || {
        let key = Arc::clone(&key);
        let make = move |server: &FaultServer| {
            let absent = keytide_kubernetes::ProjectedToken::builder("/nowhere/of/the/kind/token")
                .build()
                .unwrap();
            let client = ClientCredentials::builder(server.url("/token"), "reader")
                .private_key_jwt(AssertionKey::from_pem(&key.pem).unwrap())
                .client(patient())
                .build()
                .unwrap();
            Chain::first(absent).then(client)
        };
        HttpFixture::start(Good::oauth(TOKEN), make).refusing_oauth()
    });

    println!("{report}");
    // Its profile becomes that of the provider that it stays with.
    assert_eq!(report.failed(), ["profile-stable"], "{report}");
}

/// It is built with all that it needs, so there is nothing that could leave it unconfigured.
const UNCONFIGURED: &[&str] = &["sort-not-configured"];
