#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod boundary;
#[cfg(test)]
mod evaluator;
mod revocation;
mod sigv4;

pub use boundary::lint::{Finding, lint};
pub use boundary::{Boundary, BoundaryBuilder, Grant};
pub use revocation::{SessionRevocation, SessionRevocationBuilder};
pub use sigv4::{PathEncoding, Payload, SigV4, SigV4Builder, SigningKeys};
