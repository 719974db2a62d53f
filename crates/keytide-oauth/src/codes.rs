//! What the error codes of token endpoints mean.

use keytide_core::ErrorKind::{Refused, Throttled, Unavailable};
use keytide_issuer::{Dialect, KnownCode, read_object};
use serde::Deserialize;

/// RFC 6749, section 5.2, and what its extensions and common issuers add to it.
pub(crate) static CODES: Dialect = Dialect::new(
    find,
    &[
        KnownCode::new(
            "invalid_request",
            Refused,
            "check the parameters: the issuer misses one, or does not know one",
        ),
        KnownCode::new(
            "invalid_client",
            Refused,
            "check the client id, and that the issuer knows this key, assertion or secret, by its audience too",
        ),
        KnownCode::new(
            "invalid_grant",
            Refused,
            "check the assertion: its issuer, audience and age",
        ),
        KnownCode::new(
            "unauthorized_client",
            Refused,
            "allow this client the grant client_credentials at the issuer",
        ),
        KnownCode::new(
            "unsupported_grant_type",
            Refused,
            "this token endpoint does not offer the grant client_credentials",
        ),
        KnownCode::new(
            "invalid_scope",
            Refused,
            "check the scope: it is unknown, malformed, or more than this client may have",
        ),
        // RFC 8707, section 2.
        KnownCode::new(
            "invalid_target",
            Refused,
            "check the resource and the audience: the issuer gives no token for them",
        ),
        // RFC 6749, section 4.1.2.1: seen at token endpoints too.
        KnownCode::new("access_denied", Refused, "the issuer's policy denies it"),
        KnownCode::new("server_error", Unavailable, "the issuer is in trouble"),
        KnownCode::new(
            "temporarily_unavailable",
            Unavailable,
            "the issuer is overloaded or being maintained",
        ),
        // RFC 8628, section 3.5.
        KnownCode::new("slow_down", Throttled, "it asks for patience"),
        // RFC 9449, sections 5 and 8.
        KnownCode::new(
            "use_dpop_nonce",
            Refused,
            "the issuer wants proofs of possession, which this provider does not make",
        ),
        KnownCode::new(
            "invalid_dpop_proof",
            Refused,
            "the issuer wants proofs of possession, which this provider does not make",
        ),
        // OpenID Connect Core, section 3.1.2.6: Entra says these where a policy wants a person.
        KnownCode::new(
            "interaction_required",
            Refused,
            "a policy of the issuer wants a person to act",
        ),
        KnownCode::new(
            "consent_required",
            Refused,
            "an administrator has to consent at the issuer",
        ),
    ],
);

/// The `error` of a failure.
pub(crate) fn find(body: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Failure {
        error: String,
    }
    read_object("the answer", body)
        .map(|failure: Failure| failure.error)
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_field_of_an_object_and_nothing_else() {
        assert_eq!(
            find(br#"{"error":"invalid_client","x":1}"#),
            ["invalid_client"]
        );
        for body in [
            "[\"invalid_client\"]",
            "\"invalid_client\"",
            "invalid_client",
            "{}",
            "",
        ] {
            assert!(find(body.as_bytes()).is_empty(), "{body}");
        }
    }
}
