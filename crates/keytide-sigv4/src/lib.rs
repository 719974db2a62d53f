#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod canonical;
mod date;
mod encode;
mod headers;
mod keys;
mod path;
mod payload;
mod query;
mod services;
mod settings;
mod signer;
mod sink;

pub use keys::SigningKeys;
pub use path::PathEncoding;
pub use payload::Payload;
pub use signer::{SigV4, SigV4Builder};
