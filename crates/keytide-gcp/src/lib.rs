#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod application_default;
mod boundary;
pub mod bridge;
mod codes;
mod downscoped;
mod external_account;
mod hosts;
mod identity;
mod impersonated;
mod impersonation;
mod metadata_server;
mod quota_project;
mod service_account_key;
mod sts;
mod token_purpose;
mod user_credentials;

pub use application_default::{ApplicationDefault, ApplicationDefaultBuilder};
pub use boundary::{AccessBoundary, BoundaryRule};
pub use downscoped::{Downscoped, DownscopedBuilder};
pub use external_account::{
    ExternalAccount, ExternalAccountBuilder, ExternalAccountConfig, SubjectTokenType,
};
pub use impersonated::{Impersonated, ImpersonatedBuilder};
/// The environment, for the `env` of builders.
pub use keytide_issuer::Env;
/// The guarded client that asks issuers, for the `client` of each builder.
pub use keytide_issuer::IssuerClient;
pub use metadata_server::{MetadataServer, MetadataServerBuilder};
pub use quota_project::QuotaProject;
pub use service_account_key::{ServiceAccountKey, ServiceAccountKeyBuilder};
pub use user_credentials::{UserCredentials, UserCredentialsBuilder};

/// The scope for everything that the account may do. Never the default: say it where nothing narrower will do.
pub const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
