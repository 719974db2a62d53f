#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod claims;
mod file;
mod projected_token;
mod token;
mod volume;
mod watch;

pub use projected_token::ProjectedToken;
