//! Methods by which no request carries a credential, and headers that ask to be taken for another one.

use http::{HeaderMap, Method};

use super::disguise::{Of, disguised};

/// Why no request of this method carries a credential, if that is so.
#[inline]
pub(crate) fn forbidden(method: &Method, headers: &HeaderMap) -> Option<&'static str> {
    if is_ordinary(method) && headers.is_empty() {
        return None;
    }
    if is_forbidden(method.as_str().as_bytes()) {
        return Some("a request by TRACE, TRACK or CONNECT never carries a credential");
    }
    let overridden = headers
        .iter()
        .filter(|(name, _)| disguised(name.as_str()) == Some(Of::Method))
        .any(|(_, value)| {
            value
                .as_bytes()
                .split(|byte| *byte == b',')
                .any(is_forbidden)
        });
    overridden.then_some(
        "a request that asks to be taken for TRACE, TRACK or CONNECT never carries a credential",
    )
}

#[inline]
fn is_ordinary(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::POST | Method::PUT | Method::DELETE | Method::PATCH | Method::HEAD
    )
}

/// Some servers take methods in any case.
fn is_forbidden(method: &[u8]) -> bool {
    let method = method.trim_ascii();
    FORBIDDEN
        .iter()
        .any(|forbidden| method.eq_ignore_ascii_case(forbidden))
}

const FORBIDDEN: [&[u8]; 3] = [b"TRACE", b"TRACK", b"CONNECT"];
