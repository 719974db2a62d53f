#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
#[cfg(any(feature = "azure_core", feature = "object_store"))]
#[cfg_attr(
    docsrs,
    doc(cfg(any(feature = "azure_core", feature = "object_store")))
)]
pub mod bridge;
mod client_assertion;
mod default_identity;
mod entra;
mod hosts;
mod managed_identity;
mod resource;
mod workload_identity;

pub use client_assertion::{ClientAssertion, ClientAssertionBuilder};
pub use default_identity::{DefaultIdentity, DefaultIdentityBuilder};
/// The environment that providers read, for the builders' `env`.
pub use keytide_issuer::Env;
/// The guarded client that asks issuers, for the builders' `client`.
pub use keytide_issuer::IssuerClient;
pub use managed_identity::{ManagedIdentity, ManagedIdentityBuilder};
pub use workload_identity::{WorkloadIdentity, WorkloadIdentityBuilder};
