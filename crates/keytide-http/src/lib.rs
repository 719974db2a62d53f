#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
// One face alone does not use all that the faces share; with all features nothing is unused.
#![cfg_attr(
    not(all(feature = "reqwest", feature = "tower")),
    allow(dead_code, unused_imports)
)]

mod attach;
#[cfg(feature = "reqwest")]
mod client;
mod destination;
#[cfg(any(feature = "reqwest", feature = "tower"))]
mod engine;
mod error;
#[cfg(any(feature = "reqwest-middleware", feature = "tower"))]
mod generation;
mod guard;
#[cfg(feature = "issuer")]
#[cfg_attr(docsrs, doc(cfg(feature = "issuer")))]
pub mod issuer;
#[cfg(feature = "tower")]
mod layer;
mod peek;
mod prepared;
mod refusal;
mod rule;
mod stream_watch;
mod watch;

pub use attach::{Answer, Attach, AttachProfile, Basic, Bearer, NamedHeader, Outgoing, Remedy};
#[cfg(feature = "reqwest")]
pub use client::{AuthorizedClient, AuthorizedClientBuilder, RequestBuilder};
pub use destination::Destination;
pub use error::{Error, ErrorKind};
#[cfg(any(feature = "reqwest-middleware", feature = "tower"))]
pub use generation::SentGeneration;
#[cfg(feature = "tower")]
pub use layer::{
    Authorize, AuthorizeLayer, AuthorizeLayerBuilder, Authorizing, Cloned, CopyBody, NoCopy,
    RequestTimeout,
};
#[cfg(any(feature = "reqwest", feature = "tower"))]
pub use peek::ResponseBody;
/// The HTTP client underneath, in the version whose builder [`AuthorizedClient::builder`] takes.
#[cfg(feature = "reqwest")]
pub use reqwest;
pub use rule::Rule;
pub use stream_watch::StreamWatch;
