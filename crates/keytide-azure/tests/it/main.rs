//! The providers against fakes of Azure.

mod absent;
mod challenges;
mod conformance;
mod default_identity;
mod environment;
mod errors;
#[cfg(all(unix, feature = "azure_identity"))]
mod identity;
mod lives;
mod rate_limit;
mod requests;
mod revocation;
mod rotation;
#[cfg(feature = "azure_identity")]
mod sdk;
#[cfg(unix)]
mod search;
mod secrets;
#[cfg(feature = "object_store")]
mod store;
mod subjects;

use std::time::{Duration, SystemTime};

use keytide_azure::{Env, IssuerClient, WorkloadIdentity, WorkloadIdentityBuilder};
use keytide_core::{
    Agent, AgentIdentity, Cache, Error, ErrorKind, Issued, LongLived, Profile, ProvideCredential,
    Request,
};
use keytide_testkit::azure::{Entra, assertion};
use keytide_testkit::server::{FaultServer, TestCa};

pub(crate) const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
pub(crate) const CLIENT: &str = "2a6dd5ba-a0ac-4f7b-b0fc-8f0f3a8e1c11";
pub(crate) const OBJECT: &str = "9d1f0c55-5b0e-4b53-9ef2-52d6cd1a5b5e";
pub(crate) const RESOURCE_ID: &str = "/subscriptions/s/resourcegroups/a group/providers/Microsoft.ManagedIdentity/userAssignedIdentities/reader";
pub(crate) const VAULT: &str = "https://vault.azure.net";
pub(crate) const ISSUER: &str = "https://cluster.example.com";
pub(crate) const SUBJECT: &str = "system:serviceaccount:billing:reader";
pub(crate) const AUDIENCE: &str = "api://AzureADTokenExchange";

pub(crate) fn agent() -> Agent {
    builder().build().unwrap()
}

pub(crate) fn builder() -> keytide_core::AgentBuilder {
    let identity = AgentIdentity {
        agent_type: "azure".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    Agent::builder(identity)
}

/// A cache that takes tokens of 24 h.
pub(crate) fn cache(provider: impl ProvideCredential) -> Cache {
    let cache = agent().cache(provider).long_lived(LongLived::Flag);
    cache.build().unwrap()
}

pub(crate) async fn failed(provider: impl ProvideCredential) -> Error {
    cache(provider).get().await.unwrap_err()
}

pub(crate) fn text(cache: &Cache) -> String {
    let read =
        |credential: &keytide_core::Credential| credential.expose_bearer("test").unwrap().to_vec();
    String::from_utf8(cache.read(read).unwrap()).unwrap()
}

/// An error with all that stands behind it.
pub(crate) fn whole(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        text = format!("{text}: {source} {source:?}");
        next = source.source();
    }
    text
}

/// An environment that holds these variables and no others.
pub(crate) fn variables(known: &[(&str, &str)]) -> Env {
    Env::of(known.iter().copied())
}

/// An environment that holds no variable.
pub(crate) fn nothing() -> Env {
    variables(&[])
}

/// Keys to sign with, in the place of bearer tokens.
pub(crate) fn keys(key: &str) -> Cache {
    agent().cache(Keys).key(key).build().unwrap()
}

struct Keys;

impl ProvideCredential for Keys {
    fn profile(&self) -> Profile {
        Profile::signing_key("of_keys")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let issued = Issued::signing_key("id", "canary-key-that-signs".to_owned());
        Ok(issued.expires_in(Duration::from_secs(3600)))
    }
}

/// What refuses a cache of keys says which, and what to do; never the key.
pub(crate) fn is_refused_for_its_kind(error: &Error, key: &str) {
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
    for named in [key, "of_keys", "bearer tokens"] {
        assert!(error.to_string().contains(named), "{error}");
    }
    assert!(!whole(error).contains("canary"), "{error:?}");
}

/// A client that trusts this authority, and waits for nobody long.
pub(crate) fn client(ca: &TestCa) -> IssuerClient {
    let builder = IssuerClient::builder()
        .connect_timeout(Duration::from_secs(2))
        .answer_timeout(Duration::from_secs(5));
    let builder = builder.root_certificates(ca.root_pem().as_bytes()).unwrap();
    builder.build().unwrap()
}

/// A tenant with one application that trusts a cluster, and the file in which the cluster keeps its assertion.
pub(crate) struct Tenant {
    pub(crate) entra: FaultServer,
    pub(crate) ca: TestCa,
    pub(crate) file: tempfile::NamedTempFile,
}

impl Tenant {
    pub(crate) fn start() -> Self {
        Self::with(|entra| entra)
    }

    pub(crate) fn with(change: impl FnOnce(Entra) -> Entra) -> Self {
        let ca = TestCa::new();
        let entra = change(Entra::new(TENANT).federated(CLIENT, ISSUER, SUBJECT)).start(&ca);
        let file = tempfile::NamedTempFile::new().unwrap();
        let tenant = Self { entra, ca, file };
        tenant.write(&tenant.assertion(Duration::from_secs(3600)));
        tenant
    }

    pub(crate) fn assertion(&self, lifetime: Duration) -> String {
        assertion(ISSUER, SUBJECT, AUDIENCE, now() + lifetime)
    }

    pub(crate) fn write(&self, assertion: &str) {
        std::fs::write(self.file.path(), assertion).unwrap();
    }

    pub(crate) fn workload(&self) -> WorkloadIdentityBuilder {
        WorkloadIdentity::builder(VAULT)
            .tenant_id(TENANT)
            .client_id(CLIENT)
            .token_file(self.file.path())
            .authority(self.entra.origin())
            .client(client(&self.ca))
            .env(nothing())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the fakes date their tokens by the machine's clock, unless a test gives them another"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// A provider whose calls take no time by a paused clock: it stands still until they are over, whatever goes over sockets
/// meanwhile.
#[derive(Debug)]
pub(crate) struct Still<P>(pub(crate) P);

impl<P: ProvideCredential> ProvideCredential for Still<P> {
    fn profile(&self) -> Profile {
        self.0.profile()
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        // A paused clock does not go on by itself while a blocking task runs.
        let (over, wait) = std::sync::mpsc::channel::<()>();
        let holding = tokio::task::spawn_blocking(move || wait.recv().is_ok());
        let answer = self.0.provide(request).await;
        drop(over);
        let _ = holding.await;
        answer
    }
}
