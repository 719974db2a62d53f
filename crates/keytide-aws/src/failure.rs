//! What an answer that is no success means: one of the four sorts, by its code and its status.

use std::time::Duration;

use http::StatusCode;
use keytide_core::{Error, ErrorKind, RetryAfter};
use keytide_issuer::{KnownCode, is_trouble};

/// What is looked at of a failure.
pub(crate) struct Failure<'a> {
    pub(crate) origin: &'a str,
    pub(crate) status: StatusCode,
    pub(crate) code: Option<&'static KnownCode>,
    pub(crate) retry_after: Option<RetryAfter>,
}

impl Failure<'_> {
    /// The error, with `more` behind what the code says.
    pub(crate) fn error_with(&self, more: &str) -> Error {
        let Self { origin, status, .. } = self;
        let status = status.as_u16();
        let Some(code) = self.code else {
            return self.unknown(more);
        };
        let trouble = is_trouble(self.status);
        let mend = match code.kind() {
            ErrorKind::Throttled | ErrorKind::Unavailable => code.mend(),
            _ if trouble => "by its status the service is in trouble, so this is no refusal",
            _ => code.mend(),
        };
        let message = format!(
            "{origin} answers {status} with {}: {mend}{more}",
            code.code()
        );
        match code.kind() {
            _ if self.status == StatusCode::TOO_MANY_REQUESTS => {
                Error::throttled(self.retry_after, message)
            }
            ErrorKind::Refused | ErrorKind::NotConfigured if trouble => match self.retry_after {
                Some(_) => Error::throttled(self.retry_after, message),
                None => Error::unavailable(message),
            },
            ErrorKind::Refused => Error::refused(message),
            ErrorKind::NotConfigured => Error::not_configured(message),
            ErrorKind::Throttled => Error::throttled(self.retry_after, message),
            _ if self.retry_after.is_some() => Error::throttled(self.retry_after, message),
            _ => Error::unavailable(message),
        }
    }

    pub(crate) fn error(&self) -> Error {
        self.error_with("")
    }

    /// An answer whose code is not known here may come from anybody: it is no issuer's no.
    fn unknown(&self, more: &str) -> Error {
        let Self { origin, status, .. } = self;
        let patience = *status == StatusCode::TOO_MANY_REQUESTS
            || (*status == StatusCode::SERVICE_UNAVAILABLE && self.retry_after.is_some());
        let what = if patience {
            "it asks for patience"
        } else if status.is_server_error() {
            "the service is in trouble"
        } else if status.is_redirection() {
            "redirects are not followed: check the endpoint"
        } else {
            "it gives no code that is known here; perhaps it is not AWS that answers"
        };
        let message = format!("{origin} answers {}: {what}{more}", status.as_u16());
        if patience {
            Error::throttled(self.retry_after, message)
        } else {
            Error::unavailable(message)
        }
    }
}

/// What keeps a role from being asked for beneath it, with the role's name where somebody has to mend it.
pub(crate) fn beneath_role(role: &str, error: Error) -> Error {
    match error.kind() {
        ErrorKind::Misconfigured => {
            let message = format!("the role {role} cannot be asked for with what it starts from");
            Error::misconfigured(message).caused_by(error)
        }
        _ => error,
    }
}

/// What an issuer answers, for a provider that is configured once there is somebody to ask.
pub(crate) fn answered(error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotConfigured => Error::refused(error.to_string()),
        _ => error,
    }
}

/// How long an answer asks for patience: `x-amz-retry-after` says it in milliseconds, and goes before `Retry-After`.
pub(crate) fn patience(amz: Option<&str>, plain: Option<RetryAfter>) -> Option<RetryAfter> {
    let digits = amz
        .map(str::trim)
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    match digits {
        // More than fits is for ever, which the backoff bounds.
        Some(digits) => {
            let milliseconds = digits.parse().unwrap_or(FOR_EVER);
            Some(RetryAfter::Delay(Duration::from_millis(milliseconds)))
        }
        None => plain,
    }
}

/// Milliseconds.
const FOR_EVER: u64 = 1 << 32;
/// The header's name.
pub(crate) const AMZ_RETRY_AFTER: &str = "x-amz-retry-after";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn the_code_decides_then_the_status_and_what_is_unknown_is_unavailable() {
        use ErrorKind::{NotConfigured, Refused, Throttled, Unavailable};
        let later = Some(RetryAfter::Delay(Duration::from_millis(1500)));
        for (status, code, retry_after, kind, wait) in [
            (400, "Throttling", None, Throttled, None),
            (503, "SlowDown", later, Throttled, later),
            (400, "IDPCommunicationError", None, Unavailable, None),
            (400, "ExpiredTokenException", None, Unavailable, None),
            (403, "ExpiredToken", None, Unavailable, None),
            (403, "AccessDenied", None, Refused, None),
            (403, "AccessDenied", later, Refused, None),
            (403, "SignatureDoesNotMatch", None, Refused, None),
            (403, "RequestExpired", None, Unavailable, None),
            (404, "InstanceProfileNotFound", None, NotConfigured, None),
            // By their status these are no answers to what was asked.
            (429, "AccessDenied", None, Throttled, None),
            (429, "InternalFailure", None, Throttled, None),
            (500, "AccessDenied", None, Unavailable, None),
            (503, "AccessDenied", later, Throttled, later),
            (500, "InstanceProfileNotFound", None, Unavailable, None),
            (500, "InternalFailure", later, Throttled, later),
            (400, "NeverHeardOf", None, Unavailable, None),
            (403, "NeverHeardOf", None, Unavailable, None),
            (429, "NeverHeardOf", None, Throttled, None),
            (503, "NeverHeardOf", None, Unavailable, None),
            (503, "NeverHeardOf", later, Throttled, later),
            (302, "NeverHeardOf", None, Unavailable, None),
        ] {
            let failure = Failure {
                origin: "https://sts.example",
                status: StatusCode::from_u16(status).unwrap(),
                code: codes::known(code),
                retry_after,
            };

            let error = failure.error();

            assert_eq!(error.kind(), kind, "{status} {code}: {error}");
            assert_eq!(error.retry_after(), wait, "{status} {code}: {error}");
            assert!(!error.to_string().contains("NeverHeardOf"), "{error}");
        }
    }

    #[test]
    fn amazons_own_header_is_in_milliseconds_and_goes_first() {
        let delay = |milliseconds| Some(RetryAfter::Delay(Duration::from_millis(milliseconds)));
        let plain = delay(7000);
        for (amz, plain, expected) in [
            (Some("1500"), None, delay(1500)),
            (Some("1500"), plain, delay(1500)),
            (Some(" 0 "), plain, delay(0)),
            (Some("99999999999999999999999"), None, delay(FOR_EVER)),
            (Some("1.5"), plain, plain),
            (Some("-1"), plain, plain),
            (Some("soon"), None, None),
            (Some(""), plain, plain),
            (None, plain, plain),
        ] {
            assert_eq!(patience(amz, plain), expected, "{amz:?}");
        }
    }
}
