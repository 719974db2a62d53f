//! Assertions out of other caches, and tokens of Entra as the assertions of others.

use keytide_azure::ClientAssertion;
use keytide_core::{
    Chain, Error, ErrorKind, Issued, Profile, ProvideCredential, Request, Subject, SubjectUse,
};
use keytide_oauth::ClientCredentials;
use keytide_testkit::azure::assertion;
use keytide_testkit::server::{FaultServer, Good};
use std::time::Duration;

use crate::{
    AUDIENCE, CLIENT, ISSUER, SUBJECT, TENANT, Tenant, VAULT, agent, cache, client,
    is_refused_for_its_kind, keys, nothing, now, text, whole,
};

/// Any provider: of SPIFFE, AWS, Google, or of somebody's own.
struct Vouching {
    lifetime: Duration,
}

impl ProvideCredential for Vouching {
    fn profile(&self) -> Profile {
        Profile::bearer("vouching")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let end = now() + self.lifetime;
        Ok(Issued::bearer(assertion(ISSUER, SUBJECT, AUDIENCE, end)).expires_at(end))
    }
}

#[tokio::test]
async fn any_provider_vouches_for_a_workload() {
    let tenant = Tenant::start();
    let agent = agent();
    let identity = agent
        .cache(Vouching {
            lifetime: Duration::from_secs(600),
        })
        .build()
        .unwrap();
    let workload = keytide_azure::WorkloadIdentity::builder(VAULT)
        .tenant_id(TENANT)
        .client_id(CLIENT)
        .assertion(Subject::new(identity.clone(), SubjectUse::Repeatable))
        .authority(tenant.entra.origin())
        .client(client(&tenant.ca))
        .build()
        .unwrap();
    let general = ClientAssertion::builder(
        VAULT,
        TENANT,
        CLIENT,
        Subject::new(identity.clone(), SubjectUse::Repeatable),
    )
    .authority(tenant.entra.origin())
    .client(client(&tenant.ca))
    .build()
    .unwrap();

    for cache in [cache(workload), cache(general)] {
        cache.get().await.unwrap();
    }

    let presented = text(&identity);
    for asked in tenant.entra.requests() {
        assert!(
            asked
                .form()
                .contains(&("client_assertion".to_owned(), presented.clone()))
        );
    }
}

#[tokio::test]
async fn a_subject_that_fails_fails_the_exchange_with_its_own_reason() {
    let tenant = Tenant::start();
    let agent = agent();
    let identity = agent
        .cache(Vouching {
            lifetime: Duration::from_secs(600),
        })
        .build()
        .unwrap();
    identity.get().await.unwrap();
    drop(identity.revoke());
    let provider = ClientAssertion::builder(
        VAULT,
        TENANT,
        CLIENT,
        Subject::new(identity, SubjectUse::Repeatable),
    )
    .authority(tenant.entra.origin())
    .client(client(&tenant.ca));

    let error = crate::failed(provider.build().unwrap()).await;

    assert_ne!(error.kind(), ErrorKind::Misconfigured, "{error}");
    assert_eq!(tenant.entra.count(), 0);
}

#[tokio::test]
async fn a_token_of_entra_is_the_assertion_of_another_issuer() {
    let tenant = Tenant::start();
    let agent = agent();
    let entra = agent
        .cache(tenant.workload().build().unwrap())
        .build()
        .unwrap();
    let other = FaultServer::start(Good::oauth("other-token-"));
    let provider = ClientCredentials::builder(other.url("/token"), "reader")
        .assertion(Subject::new(entra.clone(), SubjectUse::Repeatable))
        .build()
        .unwrap();

    let cache = agent.cache(provider).build().unwrap();
    cache.get().await.unwrap();

    let form = other.requests()[0].form();
    assert!(form.contains(&("client_assertion".to_owned(), text(&entra))));
}

#[test]
fn an_assertion_that_would_be_a_signing_key_is_refused_when_it_is_built() {
    let subject = |key| Subject::new(keys(key), SubjectUse::Repeatable);

    let workload = keytide_azure::WorkloadIdentity::builder(VAULT)
        .assertion(subject("of the workload"))
        .build();
    let general = ClientAssertion::builder(VAULT, TENANT, CLIENT, subject("of the client")).build();

    is_refused_for_its_kind(&workload.unwrap_err(), "of the workload");
    is_refused_for_its_kind(&general.unwrap_err(), "of the client");
}

/// Nobody configured the one who vouches.
struct Nobody;

impl ProvideCredential for Nobody {
    fn profile(&self) -> Profile {
        Profile::bearer("nobody")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        Err(Error::not_configured("VOUCHING_FILE is not set"))
    }
}

#[tokio::test]
async fn one_whose_assertion_nobody_configured_is_not_passed_over() {
    for usage in [SubjectUse::Repeatable, SubjectUse::Once] {
        let subject = || Subject::new(agent().cache(Nobody).build().unwrap(), usage);
        let workload = keytide_azure::WorkloadIdentity::builder(VAULT)
            .tenant_id(TENANT)
            .client_id(CLIENT)
            .assertion(subject())
            .env(nothing())
            .build()
            .unwrap();
        let general = ClientAssertion::builder(VAULT, TENANT, CLIENT, subject()).build();
        let other = || Vouching {
            lifetime: Duration::from_secs(600),
        };
        for (chain, name) in [
            (Chain::first(workload).then(other()), "workload_identity"),
            (
                Chain::first(general.unwrap()).then(other()),
                "client_assertion",
            ),
        ] {
            let cache = agent().cache(chain).build().unwrap();

            let error = cache.get().await.expect_err("another principal stood in");

            assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
            for named in [name, "nobody"] {
                assert!(error.to_string().contains(named), "{error}");
            }
            assert!(whole(&error).contains("VOUCHING_FILE"), "{error:?}");
        }
    }
}
