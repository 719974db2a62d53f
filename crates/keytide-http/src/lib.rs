#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod attach;
#[cfg(feature = "reqwest")]
mod client;
mod destination;
mod error;
mod guard;
#[cfg(feature = "issuer")]
#[cfg_attr(docsrs, doc(cfg(feature = "issuer")))]
pub mod issuer;
mod kept;
mod peek;
mod refusal;
mod watch;

pub use attach::{Answer, Attach, AttachProfile, Basic, Bearer, NamedHeader, Outgoing, Remedy};
#[cfg(feature = "reqwest")]
pub use client::{AuthorizedClient, AuthorizedClientBuilder, RequestBuilder};
pub use destination::{Destination, Rule};
pub use error::{Error, ErrorKind};
/// The HTTP client underneath, in the version whose builder [`AuthorizedClient::builder`] takes.
#[cfg(feature = "reqwest")]
pub use reqwest;
