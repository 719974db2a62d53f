#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod challenge;
mod client;
mod destination;
mod error;
mod header;
#[cfg(feature = "issuer")]
#[cfg_attr(docsrs, doc(cfg(feature = "issuer")))]
pub mod issuer;
mod redirect;
mod watch;

pub use client::{AuthorizedClient, AuthorizedClientBuilder, RequestBuilder};
pub use error::{Error, ErrorKind};
/// The HTTP client underneath, in the version whose builder [`AuthorizedClient::builder`] takes.
pub use reqwest;
