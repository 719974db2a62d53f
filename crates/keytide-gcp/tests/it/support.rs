//! What the tests share.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use keytide_core::{Agent, AgentIdentity, Cache};
use keytide_gcp::{
    ExternalAccount, ExternalAccountBuilder, IssuerClient, MetadataServer, MetadataServerBuilder,
};
use keytide_testkit::server::FaultServer;

pub(crate) const STORAGE: &str = "https://www.googleapis.com/auth/devstorage.read_only";
pub(crate) const LOGGING: &str = "https://www.googleapis.com/auth/logging.write";
pub(crate) const POOL: &str =
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster";
pub(crate) const TARGET: &str = "reader@project-1.iam.gserviceaccount.com";
pub(crate) const API: &str = "https://api.example.com";

/// For what comes at all: a machine may be busy, and what is promised is counted, not timed.
pub(crate) const NEVER: Duration = Duration::from_secs(60);

pub(crate) fn agent() -> Agent {
    let identity = AgentIdentity {
        agent_type: "gcp".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    Agent::builder(identity).build().unwrap()
}

pub(crate) fn cache(provider: impl keytide_core::ProvideCredential) -> Cache {
    agent().cache(provider).build().unwrap()
}

pub(crate) fn token(cache: &Cache) -> String {
    let credential = cache.try_get().unwrap();
    String::from_utf8(credential.expose_bearer("test").unwrap().to_vec()).unwrap()
}

/// Gives up soon, so that a test of silence is short.
pub(crate) fn impatient() -> IssuerClient {
    IssuerClient::builder()
        .answer_timeout(Duration::from_millis(300))
        .build()
        .unwrap()
}

pub(crate) fn metadata(server: &FaultServer) -> MetadataServerBuilder {
    MetadataServer::access_token([STORAGE]).host(server.address().to_string())
}

pub(crate) fn federated(server: &FaultServer) -> ExternalAccountBuilder {
    ExternalAccount::builder(POOL)
        .scopes([STORAGE, LOGGING])
        .token_url(server.url("/v1/token"))
        .danger_allow_endpoint(server.origin())
}

/// A key that is made once, as the console writes it, for this token endpoint.
pub(crate) fn key(server: &FaultServer) -> serde_json::Value {
    serde_json::json!({
        "type": "service_account",
        "project_id": "project-1",
        "private_key_id": "key-1",
        "private_key": KEY.0,
        "client_email": "agent@project-1.iam.gserviceaccount.com",
        "token_uri": server.url("/token"),
    })
}

/// The private and the public half, in PEM.
pub(crate) static KEY: LazyLock<(String, String)> = LazyLock::new(|| {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::KeyPair as _;

    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    (
        pem("PRIVATE KEY", private.as_ref()),
        pem("PUBLIC KEY", public.as_ref()),
    )
});

fn pem(name: &str, der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {name}-----\n{text}\n-----END {name}-----\n")
}

pub(crate) fn write(directory: &Path, name: &str, content: impl ToString) -> std::path::PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, content.to_string()).unwrap();
    path
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is signed and written here is compared with the machine's clock"
)]
pub(crate) fn wall() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// What a future gives at its first look, if it does not wait.
pub(crate) fn at_once<F: Future>(future: F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
