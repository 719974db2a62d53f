#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod claims;
mod file;
mod projected_token;
mod token;
mod volume;
mod watch;

pub use projected_token::{ProjectedToken, ProjectedTokenBuilder};

/// What reads tokens, for the fuzzer.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn fuzz_token(token: &[u8]) {
    if let Ok(jwt) = keytide_issuer::Jwt::parse(token) {
        let _ = jwt.claims().and_then(|claims| claims.expires_at());
        let _ = claims::warn_after(&jwt);
    }
}
