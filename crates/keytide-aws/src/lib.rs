#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod sigv4;

pub use sigv4::{PathEncoding, Payload, SigV4, SigV4Builder, SigningKeys};
