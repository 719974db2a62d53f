//! Agents, and clients that do not wait for long.

use std::sync::Arc;
use std::time::Duration;

use keytide_aws::{ContainerEndpoint, Env, IssuerClient};
use keytide_core::{Agent, AgentIdentity, Cache, Credential, Error, ProvideCredential};
use keytide_testkit::aws::Container;
use keytide_testkit::server::{FaultServer, Received};

pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/invoices";

pub(crate) fn identity(kind: &str) -> AgentIdentity {
    AgentIdentity {
        agent_type: kind.into(),
        version: "1.4.2".into(),
        environment: "prod".into(),
        owner: "payments!".into(),
    }
}

pub(crate) fn agent() -> Agent {
    Agent::builder(identity("invoice/reader")).build().unwrap()
}

/// What a provider brings, asked once by a new cache.
pub(crate) async fn ask(provider: impl ProvideCredential) -> Result<Arc<Credential>, Error> {
    agent().cache(provider).build()?.get().await
}

pub(crate) fn client() -> IssuerClient {
    IssuerClient::builder()
        .connect_timeout(Duration::from_millis(500))
        .answer_timeout(Duration::from_millis(800))
        .build()
        .unwrap()
}

/// A container whose keys are `{prefix}secret-1` and so on.
pub(crate) fn container(server: &FaultServer) -> ContainerEndpoint {
    let url = server.url("/role");
    ContainerEndpoint::new()
        .env(Env::of([("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)]))
        .client(client())
}

/// A base of keys for one agent, and the server that gives them.
pub(crate) fn base(agent: &Agent, prefix: &str) -> (Cache, FaultServer) {
    let server = FaultServer::start(Container::new(prefix));
    (agent.cache(container(&server)).build().unwrap(), server)
}

/// The form of a request, sorted, without what is the same in all.
pub(crate) fn form(asked: &Received) -> Vec<(String, String)> {
    let mut form = asked.form();
    form.sort();
    form
}

pub(crate) fn field(asked: &Received, name: &str) -> Option<String> {
    let found = asked.form().into_iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value)
}

/// An error and all that stands behind it.
pub(crate) fn chain(error: &Error) -> String {
    let first: &dyn std::error::Error = error;
    std::iter::successors(Some(first), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
