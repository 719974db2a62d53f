#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod arn;
mod assume_role;
mod boundary;
mod bridge;
mod caller_identity_token;
mod codes;
mod container_endpoint;
mod default_role;
mod document;
mod duration;
#[cfg(test)]
mod evaluator;
mod failure;
mod imds;
mod keys;
mod lambda_environment;
mod naming;
mod outbound_token;
mod policy;
mod process;
mod revocation;
mod session;
mod sigv4;
mod sts;
mod web_identity;

pub use assume_role::{AssumeRole, AssumeRoleBuilder};
pub use boundary::lint::{Finding, lint};
pub use boundary::{Boundary, BoundaryBuilder, Grant};
#[cfg(feature = "object-store")]
#[cfg_attr(docsrs, doc(cfg(feature = "object-store")))]
pub use bridge::ObjectStoreCredentials;
pub use bridge::{SdkCredentials, sdk_config};
pub use caller_identity_token::{CallerIdentityToken, CallerIdentityTokenBuilder};
pub use container_endpoint::ContainerEndpoint;
pub use default_role::{DefaultRole, DefaultRoleBuilder};
pub use imds::Imds;
pub use keytide_issuer::Env;
/// The guarded client that asks issuers, for the builders of providers.
pub use keytide_issuer::{Endpoint, IssuerClient};
pub use lambda_environment::LambdaEnvironment;
pub use naming::{IdentityTag, session_name};
pub use outbound_token::{OutboundToken, OutboundTokenBuilder, SigningAlgorithm};
pub use process::Process;
pub use revocation::{SessionRevocation, SessionRevocationBuilder};
pub use session::{RoleSession, RoleSessions};
pub use sigv4::{PathEncoding, Payload, SigV4, SigV4Builder, SigningKeys};
pub use web_identity::{WebIdentity, WebIdentityBuilder};

/// What reads the answers of issuers, for the fuzzer.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn fuzz_answer(body: &[u8]) {
    let _ = document::Document::read("the answer", body).and_then(document::Document::keys);
    let _ = keytide_http::aws_code_in_xml(body);
    let _ = codes::in_metadata(body);
}
