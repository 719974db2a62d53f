//! What went wrong on the way to an issuer, as an error that says what to mend.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use keytide_core::Error;

use super::names::Forbidden;
use super::wire::{Fault, MOST_INTERIM};

/// There was no whole answer in time.
pub(super) fn late(origin: &str, limit: Duration) -> Error {
    Error::unavailable(format!("no whole answer from {origin} within {limit:?}"))
}

/// There was no answer.
pub(super) fn explain(origin: &str, fault: Fault, connect_limit: Duration) -> Error {
    let (message, cause) = match fault {
        Fault::Setup(error) => return error,
        Fault::Late => {
            return Error::unavailable(format!(
                "no connection to {origin} within {connect_limit:?}: check its name, and what stands between"
            ));
        }
        Fault::Interim => {
            return Error::unavailable(format!(
                "{origin} sends over {MOST_INTERIM} interim answers (1xx) and no answer"
            ));
        }
        Fault::Proxy(told) => {
            return Error::unavailable(format!("no connection to {origin}: {told}"));
        }
        Fault::Unconnected(error) => {
            let mut causes = chain(&*error);
            if let Some(found) = causes.find_map(|cause| cause.downcast_ref::<Forbidden>()) {
                return Error::unavailable(format!("{origin} was not connected to: {found}"));
            }
            let message = format!(
                "no connection to {origin}: check that it is up, and that this machine may reach it"
            );
            (message, Cause::of(&*error))
        }
        Fault::Tls(error) => {
            let message = format!(
                "no TLS with {origin}: check its certificate, and the root certificates here"
            );
            (message, Cause::of(&error))
        }
        Fault::Broken(error) if error.is_parse() && error.to_string().contains("too large") => {
            return Error::unavailable(format!(
                "the headers of the answer of {origin} are over 64 KiB, or over 100"
            ));
        }
        Fault::Broken(error) => {
            let message = format!("no usable answer from {origin}");
            (message, Cause::of(&error))
        }
    };
    Error::unavailable(message).caused_by(cause)
}

/// The answer broke off, or its body is not what its headers say.
pub(super) fn broken(origin: &str, error: &(dyn StdError + 'static)) -> Error {
    Error::unavailable(format!("the answer of {origin} broke off")).caused_by(Cause::of(error))
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
