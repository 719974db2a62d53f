#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod assume_role;
pub mod bridge;
mod caller_identity_token;
mod codes;
mod container_endpoint;
mod credential_process;
mod default_role;
mod document;
mod failure;
mod imds;
mod keys;
mod lambda_environment;
mod marks;
mod outbound_token;
mod principal;
mod session;
mod sts;
mod tls_client;
mod web_identity;

pub use assume_role::{AssumeRole, AssumeRoleBuilder};
pub use caller_identity_token::{CallerIdentityToken, CallerIdentityTokenBuilder};
pub use container_endpoint::ContainerEndpoint;
pub use credential_process::CredentialProcess;
pub use default_role::DefaultRole;
pub use imds::Imds;
/// What the builders of providers take of sessions.
pub use keytide_aws_policy::{Boundary, IdentityTag};
pub use keytide_issuer::Env;
/// The guarded client that asks issuers, for the builders of providers.
pub use keytide_issuer::{Endpoint, IssuerClient};
pub use lambda_environment::LambdaEnvironment;
pub use outbound_token::{OutboundToken, OutboundTokenBuilder, SigningAlgorithm};
pub use session::{RoleSession, RoleSessions};
pub use web_identity::{WebIdentity, WebIdentityBuilder, WebIdentityToken};

/// What reads the answers of issuers, for the fuzzer.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn fuzz_answer(body: &[u8]) {
    let _ = document::Document::read("the answer", body).and_then(document::Document::keys);
    let _ = keytide_http::aws_code_in_xml(body);
    let _ = codes::in_metadata(body);
    sts::fuzz_answer(body);
}
