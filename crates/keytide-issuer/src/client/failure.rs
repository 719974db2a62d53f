//! What went wrong on the way to an issuer, as an error that says what to mend.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use keytide_core::Error;
use tokio_rustls::rustls::{self, CertificateError};

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
            let cause = other_names(&error).unwrap_or_else(|| Cause::of(&error));
            (message, cause)
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

/// Whom a certificate is for that is not the issuer's: a few of its names, for there may be hundreds.
fn other_names(error: &io::Error) -> Option<Cause> {
    let found = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
        expected,
        presented,
    }) = found
    else {
        return None;
    };
    let mut names: Vec<String> = presented
        .iter()
        .take(FEW)
        .map(|name| name.chars().take(LONG).collect())
        .collect();
    if presented.len() > FEW {
        names.push(format!("{} more", presented.len() - FEW));
    }
    Some(Cause(format!(
        "its certificate is for other names than {}: {}",
        expected.to_str(),
        names.join(", ")
    )))
}

/// How many names of a certificate are told, and how many characters of each.
const FEW: usize = 3;
const LONG: usize = 80;

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

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::pki_types::ServerName;

    use super::*;

    #[test]
    fn a_certificate_for_five_hundred_others_names_a_few_of_them() {
        let presented: Vec<String> = (0..500)
            .map(|number| format!("DnsName(\"{number}.example\")"))
            .collect();
        let wrong = |presented: &[String]| {
            let expected = ServerName::try_from("issuer.example").unwrap().to_owned();
            let presented = presented.to_vec();
            let context = CertificateError::NotValidForNameContext {
                expected,
                presented,
            };
            let error = io::Error::new(
                io::ErrorKind::InvalidData,
                rustls::Error::InvalidCertificate(context),
            );
            let fault = Fault::Tls(error);
            let error = explain("https://issuer.example", fault, Duration::ZERO);
            StdError::source(&error).unwrap().to_string()
        };

        let told = wrong(&presented);
        assert!(told.contains("other names than issuer.example"), "{told}");
        assert!(told.ends_with("DnsName(\"2.example\"), 497 more"), "{told}");
        assert!(wrong(&presented[..1]).ends_with("(\"0.example\")"));
        assert!(wrong(&["x".repeat(10_000)]).len() < 300);
    }
}
