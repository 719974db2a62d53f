//! What the error codes of token endpoints mean.

use keytide_core::ErrorKind::Refused;
use keytide_issuer::{Dialect, KnownCode, error_code};

/// RFC 6749, section 5.2, and what its extensions and common issuers add to it.
pub(crate) static CODES: Dialect = Dialect::new(
    |body| error_code(body).into_iter().collect(),
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
        KnownCode::INVALID_GRANT,
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
        KnownCode::SERVER_ERROR,
        KnownCode::TEMPORARILY_UNAVAILABLE,
        KnownCode::SLOW_DOWN,
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
