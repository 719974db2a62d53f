//! How long a request may take, where it says so: [`RequestTimeout`].

use std::time::Duration;

use http::header::HeaderName;
use http::request::Parts;

/// How long a request may take, in the request's extensions: the credential is one that outlasts it where there is such
/// a one, and no credential is waited for any longer. A `grpc-timeout` header says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestTimeout(pub Duration);

/// For how long a request may take, where it says so.
#[inline]
pub(super) fn limit_of(parts: &Parts) -> Option<Duration> {
    let told = parts.extensions.get::<RequestTimeout>();
    told.map(|told| told.0).or_else(|| {
        let value = parts.headers.get(&GRPC_TIMEOUT)?.to_str().ok()?;
        grpc_timeout(value)
    })
}

/// At most eight digits and a unit, as gRPC has it.
fn grpc_timeout(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grpc_timeout_is_read_as_grpc_writes_it() {
        for (value, expected) in [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("99999999S", Some(Duration::from_secs(99_999_999))),
            ("250m", Some(Duration::from_millis(250))),
            ("7u", Some(Duration::from_micros(7))),
            ("7n", Some(Duration::from_nanos(7))),
            ("100000000S", None),
            ("S", None),
            ("10", None),
            ("-1S", None),
            ("1é", None),
            ("", None),
        ] {
            assert_eq!(grpc_timeout(value), expected, "{value}");
        }
    }
}
