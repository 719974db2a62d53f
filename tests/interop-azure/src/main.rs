//! Microsoft's own client library for Python gets its tokens from the fakes of Azure, so that they are to be believed;
//! and a blob store looks at every token of fifty users, while the tokens live for seconds.
//!
//!   interop-azure DIRECTORY
//!
//! DIRECTORY holds the peers with what they need installed.

mod python;
mod store;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use keytide_core::{Agent, AgentIdentity};
use keytide_interop::{Failure, Machine, judged};

#[tokio::main]
async fn main() -> ExitCode {
    judged("azure", run).await
}

async fn run(machine: &Machine) -> Result<(), Failure> {
    let directory = std::env::args()
        .nth(1)
        .ok_or("usage: interop-azure DIRECTORY")?;
    let directory = PathBuf::from(directory).canonicalize()?;
    python::every_source(&directory).await?;
    store::fifty_users(&directory, machine).await
}

fn agent() -> Result<Agent, keytide_core::Error> {
    let identity = AgentIdentity {
        agent_type: "interop".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        environment: "test".into(),
        owner: "keytide".into(),
    };
    Agent::builder(identity).build()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the peers are other programs, and live by the machine's clock"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const CLIENT: &str = "2a6dd5ba-a0ac-4f7b-b0fc-8f0f3a8e1c11";
const ISSUER: &str = "https://cluster.example.com";
const SUBJECT: &str = "system:serviceaccount:billing:reader";
const AUDIENCE: &str = "api://AzureADTokenExchange";
