#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg_attr(
    not(any(feature = "reqwest", feature = "tower")),
    expect(dead_code, unused_imports, reason = "without a face nothing is sent")
)]
mod attach;
#[cfg(feature = "reqwest")]
mod client;
#[cfg(any(feature = "reqwest", feature = "tower"))]
mod destination;
#[cfg(any(feature = "reqwest", feature = "tower"))]
mod engine;
mod error;
#[cfg(any(feature = "reqwest-middleware", feature = "tower"))]
mod generation;
#[cfg(any(feature = "reqwest", feature = "tower"))]
mod guard;
#[cfg(feature = "tower")]
mod layer;
#[cfg(any(feature = "reqwest", feature = "tower"))]
mod peek;
#[cfg(any(feature = "reqwest", feature = "tower"))]
mod prepared;
#[cfg(any(feature = "reqwest", feature = "tower"))]
mod refusal;
mod rule;
#[cfg(any(feature = "reqwest", feature = "tower"))]
mod stream_watch;
#[cfg_attr(
    not(any(feature = "reqwest", feature = "tower")),
    expect(dead_code, reason = "without a face nothing is judged")
)]
mod target;
#[cfg(any(feature = "reqwest", feature = "tower"))]
mod watch;

pub use attach::{Answer, Attach, AttachProfile, Basic, Bearer, NamedHeader, Outgoing, Remedy};
#[cfg(feature = "reqwest")]
pub use client::{AuthorizedClient, AuthorizedClientBuilder, RequestBuilder};
#[cfg(any(feature = "reqwest", feature = "tower"))]
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
#[cfg(any(feature = "reqwest", feature = "tower"))]
pub use refusal::{aws_code_blames_credential, aws_code_in_xml};
/// The HTTP client underneath, in the version whose builder [`AuthorizedClient::builder`] takes.
#[cfg(feature = "reqwest")]
pub use reqwest;
pub use rule::Rule;
#[cfg(any(feature = "reqwest", feature = "tower"))]
pub use stream_watch::StreamWatch;
