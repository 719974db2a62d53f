//! Whether an answer refuses the credential: [`Refusal`]. Only documented forms count; what says nothing of the
//! credential never invalidates it.

mod aws;
mod challenge;
mod claims;
mod json;

#[cfg(test)]
mod tests;

pub use aws::{aws_code_blames_credential, aws_code_in_xml};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, StatusCode};

/// The destination refused the request for its credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What it demands of the next one, as a JSON object.
    pub(crate) claims: Option<String>,
}

/// What an answer blames, by status and headers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// Something else than the credential.
    Elsewhere,
    Credential(Refusal),
    /// The body tells.
    InBody,
}

/// What status and headers say of the credential.
pub(crate) fn blame(status: StatusCode, headers: &HeaderMap) -> Blame {
    let refused = || {
        Blame::Credential(Refusal {
            claims: claims::of(headers),
        })
    };
    match status {
        StatusCode::UNAUTHORIZED => refused(),
        StatusCode::FORBIDDEN if challenge::says(headers, "invalid_token") => refused(),
        StatusCode::FORBIDDEN if challenge::says(headers, "insufficient_claims") => {
            match claims::of(headers) {
                Some(claims) => Blame::Credential(Refusal {
                    claims: Some(claims),
                }),
                None => Blame::Elsewhere,
            }
        }
        StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => match aws::of_headers(headers) {
            Some(true) => refused(),
            Some(false) => Blame::Elsewhere,
            None => Blame::InBody,
        },
        StatusCode::OK if says_grpc_unauthenticated(headers) => refused(),
        _ => Blame::Elsewhere,
    }
}

/// Whether the body of a 400 or 403 says that the credential is the cause.
pub(crate) fn body_blames(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> bool {
    match body.trim_ascii_start().first() {
        Some(b'{' | b'[') => json::blames(status, headers, body),
        Some(b'<') => aws_code_in_xml(body).is_some_and(|code| aws_code_blames_credential(&code)),
        _ => false,
    }
}

/// A call that ended before it began with status 16: over gRPC, that is a 401.
#[inline]
fn says_grpc_unauthenticated(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
        && headers
            .get(&GRPC_STATUS)
            .is_some_and(|status| status.as_bytes() == b"16")
}

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// How much of a body is blame at.
pub(crate) const MOST_OF_A_BODY: u64 = 64 * 1024;
