#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod actions;
mod boundary;
mod characters;
mod condition;
mod error;
mod guarded;
mod json;
mod lint;
mod names;
#[cfg(feature = "agent")]
mod naming;
mod pattern;
mod revocation;
mod role_arn;
mod session_policies;

pub use boundary::{Boundary, BoundaryBuilder, Grant};
pub use characters::{is_legal_in_name, is_legal_in_tag};
pub use error::Error;
pub use lint::{Finding, lint_policy};
#[cfg(feature = "agent")]
#[cfg_attr(docsrs, doc(cfg(feature = "agent")))]
pub use naming::{IdentityTag, session_name, tag_value};
pub use revocation::{SessionRevocation, SessionRevocationBuilder};
pub use role_arn::RoleArn;
pub use session_policies::{SessionPolicies, SessionPoliciesBuilder};
