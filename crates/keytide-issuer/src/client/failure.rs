//! What went wrong on the way to an issuer, as an error that says what to mend.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use keytide_core::Error;

use super::names::Forbidden;

/// There was no whole answer in time.
pub(super) fn late(origin: &str, limit: Duration) -> Error {
    Error::unavailable(format!("no whole answer from {origin} within {limit:?}"))
}

/// There was no answer.
pub(super) fn transport(origin: &str, error: reqwest::Error, connect_limit: Duration) -> Error {
    if let Some(forbidden) = chain(&error).find_map(|cause| cause.downcast_ref::<Forbidden>()) {
        return Error::unavailable(format!("{origin} was not connected to: {forbidden}"));
    }
    if error.is_connect() && error.is_timeout() {
        return Error::unavailable(format!(
            "no connection to {origin} within {connect_limit:?}: check its name, and what stands between"
        ));
    }
    let message = if error.is_connect() && chain(&error).any(is_tls) {
        format!("no TLS with {origin}: check its certificate, and the root certificates here")
    } else if error.is_connect() {
        format!(
            "no connection to {origin}: check that it is up, and that this machine may reach it"
        )
    } else {
        format!("no usable answer from {origin}")
    };
    Error::unavailable(message).caused_by(Cause::of(&error))
}

/// The answer broke off, or its body is not what its headers say.
pub(super) fn broken(origin: &str, error: &reqwest::Error) -> Error {
    Error::unavailable(format!("the answer of {origin} broke off")).caused_by(Cause::of(error))
}

/// What the TLS library found wrong comes as an I/O error of this kind.
fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
        )
    })
}

/// The error and what stands behind it, outermost first.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| behind(*error))
}

fn behind<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    // `io::Error` skips the error that it was made of when it is asked for its source.
    match error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(inside) => Some(inside),
        None => error.source(),
    }
}

/// The deepest cause alone: what stands above it says only where it was found.
#[derive(Debug)]
struct Cause(String);

impl Cause {
    fn of(error: &(dyn StdError + 'static)) -> Self {
        let deepest = chain(error).last().unwrap_or(error);
        Self(deepest.to_string())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Cause {}
