//! What the examples talk to: an issuer whose tokens live for moments, an API over HTTP, and one over gRPC with TLS.

mod api;
mod grpc;
mod issuer;
mod load;

pub use api::Api;
pub use grpc::{ECHO, Grpc, TextCodec, WATCH};
pub use issuer::Issuer;
pub use load::{Tally, Via, load};

use keytide_core::{Agent, AgentIdentity};

/// An agent with a name.
///
/// # Errors
/// None: the names are good.
pub fn agent(name: &str) -> Result<Agent, keytide_core::Error> {
    let identity = AgentIdentity {
        agent_type: name.into(),
        version: "1.0.0".into(),
        environment: "example".into(),
        owner: "examples".into(),
    };
    Agent::builder(identity).build()
}
