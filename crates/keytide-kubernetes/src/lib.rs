#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod claims;
mod file;
mod projected_token;
mod token;
mod volume;
mod watch;

pub use projected_token::ProjectedToken;

/// What reads tokens, for the fuzzer.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn fuzz_token(token: &[u8]) {
    if let Ok(parts) = claims::Parts::of(token) {
        let _ = claims::Claims::of(&parts);
    }
}
