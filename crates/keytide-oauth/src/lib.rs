#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod assertion;
mod authentication;
mod client_credentials;
mod codes;
mod key;

pub use client_credentials::{ClientCredentials, ClientCredentialsBuilder};
pub use key::AssertionKey;
/// The guarded client that asks issuers, for [`ClientCredentialsBuilder::client`].
pub use keytide_issuer::{Endpoint, IssuerClient};

/// What reads the answers of token endpoints, for the fuzzer.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn fuzz_answer(body: &[u8]) {
    let _ = keytide_issuer::TokenAnswer::read(body).and_then(|answer| answer.lifetime());
    let _ = keytide_issuer::error_code(body);
}
