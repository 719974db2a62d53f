//! What the error codes of Google's endpoints mean.

use keytide_core::ErrorKind::{Refused, Throttled, Unavailable};
use keytide_issuer::{Dialect, KnownCode, read_object};
use serde::Deserialize;

/// The token endpoint and STS: RFC 6749, section 5.2, RFC 8693, section 2.2.2, and what Google adds.
pub(crate) static OAUTH: Dialect = Dialect::new(
    find,
    &[
        KnownCode::new(
            "invalid_request",
            Refused,
            "check the audience, which names the provider of the pool, and the type of the subject token",
        ),
        KnownCode::new(
            "invalid_client",
            Refused,
            "check the client id and its secret, and that the account still exists",
        ),
        KnownCode::new(
            "invalid_grant",
            Refused,
            "what was presented is not accepted: check its issuer, its audience, its age, the attribute condition of the \
             provider, and that the account and its key still exist",
        ),
        KnownCode::new(
            "unauthorized_client",
            Refused,
            "the pool, its provider or the account is disabled, or may not do this",
        ),
        KnownCode::new(
            "unsupported_grant_type",
            Refused,
            "this endpoint does not offer that grant: check the URL",
        ),
        KnownCode::new(
            "invalid_scope",
            Refused,
            "check the scopes: one is unknown or malformed",
        ),
        KnownCode::new(
            "invalid_target",
            Refused,
            "check the audience: there is no such provider in the pool, or it is disabled",
        ),
        KnownCode::new(
            "access_denied",
            Refused,
            "a policy of the organisation denies it",
        ),
        KnownCode::new("internal_failure", Unavailable, "the issuer is in trouble"),
        KnownCode::SERVER_ERROR,
        KnownCode::TEMPORARILY_UNAVAILABLE,
        KnownCode::SLOW_DOWN,
        // STS answers in the shape of the other APIs where something before it says no.
        PERMISSION_DENIED,
        NOT_FOUND,
        INVALID_ARGUMENT,
        FAILED_PRECONDITION,
        SERVICE_DISABLED,
        RATE_LIMIT_EXCEEDED,
        RESOURCE_EXHAUSTED,
        UNAVAILABLE,
        INTERNAL,
    ],
);

/// The IAM Credentials API, asked for an access token by an account or a person.
pub(crate) static API_ACCESS: Dialect = Dialect::new(
    find,
    &api(
        "grant the caller roles/iam.serviceAccountTokenCreator on this service account alone (with delegates: each on the \
         next one), and check that it exists",
    ),
);

/// The IAM Credentials API, asked for an identity token: that role holds nothing else.
pub(crate) static API_IDENTITY: Dialect = Dialect::new(
    find,
    &api(
        "grant the caller roles/iam.serviceAccountOpenIdTokenCreator on this service account alone (with delegates: \
         roles/iam.serviceAccountTokenCreator, each on the next one), and check that it exists",
    ),
);

/// The IAM Credentials API, asked by a federated identity. Its role does not sign, as that of others does.
pub(crate) static API_FEDERATED: Dialect = Dialect::new(
    find,
    &api(
        "grant the federated identity, as principal:// or principalSet:// of its pool, roles/iam.workloadIdentityUser on this \
         service account alone, and check that it exists",
    ),
);

/// The reasons of `google.rpc.ErrorInfo`, then the names of `google.rpc.Code`. `grant` says what a denied caller lacks.
const fn api(grant: &'static str) -> [KnownCode; 18] {
    [
        KnownCode::new(
            "SERVICE_DISABLED",
            Refused,
            "enable the API iamcredentials.googleapis.com in the project",
        ),
        RATE_LIMIT_EXCEEDED,
        KnownCode::new("IAM_PERMISSION_DENIED", Refused, grant),
        KnownCode::new(
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            Refused,
            "the base token needs the scope https://www.googleapis.com/auth/iam",
        ),
        KnownCode::new(
            "ACCESS_TOKEN_EXPIRED",
            Refused,
            "the base token is not accepted any more: its issuer is asked for another",
        ),
        KnownCode::new(
            "ACCESS_TOKEN_TYPE_UNSUPPORTED",
            Refused,
            "the base token is of a type that is not taken here",
        ),
        KnownCode::new(
            "ACCOUNT_STATE_INVALID",
            Refused,
            "the account behind the base token is disabled or deleted",
        ),
        KnownCode::new(
            "UNAUTHENTICATED",
            Refused,
            "the base token is not accepted: its issuer is asked for another",
        ),
        KnownCode::new("PERMISSION_DENIED", Refused, grant),
        NOT_FOUND,
        INVALID_ARGUMENT,
        FAILED_PRECONDITION,
        RESOURCE_EXHAUSTED,
        UNAVAILABLE,
        INTERNAL,
        KnownCode::new("DEADLINE_EXCEEDED", Unavailable, "the issuer is in trouble"),
        KnownCode::new("ABORTED", Unavailable, "the issuer is in trouble"),
        KnownCode::new("UNKNOWN", Unavailable, "the issuer is in trouble"),
    ]
}

const PERMISSION_DENIED: KnownCode = KnownCode::new(
    "PERMISSION_DENIED",
    Refused,
    "the principal may not use the project that pays: grant it roles/serviceusage.serviceUsageConsumer there, and check \
     workforce_pool_user_project",
);
const NOT_FOUND: KnownCode = KnownCode::new(
    "NOT_FOUND",
    Refused,
    "there is no such service account, or the caller may not see it",
);
const INVALID_ARGUMENT: KnownCode = KnownCode::new(
    "INVALID_ARGUMENT",
    Refused,
    "check the scopes, the audience, the delegates and the lifetime: one over 1 h must be allowed by an organisation \
     policy",
);
const FAILED_PRECONDITION: KnownCode = KnownCode::new(
    "FAILED_PRECONDITION",
    Refused,
    "the account, the pool or the provider is disabled or deleted",
);
const SERVICE_DISABLED: KnownCode = KnownCode::new(
    "SERVICE_DISABLED",
    Refused,
    "enable the API sts.googleapis.com in the project",
);
const RATE_LIMIT_EXCEEDED: KnownCode = KnownCode::new(
    "RATE_LIMIT_EXCEEDED",
    Throttled,
    "a quota of the project is used up",
);
const RESOURCE_EXHAUSTED: KnownCode = KnownCode::new(
    "RESOURCE_EXHAUSTED",
    Throttled,
    "a quota of the project is used up",
);
const UNAVAILABLE: KnownCode =
    KnownCode::new("UNAVAILABLE", Unavailable, "the issuer is in trouble");
const INTERNAL: KnownCode = KnownCode::new("INTERNAL", Unavailable, "the issuer is in trouble");

/// The `error` of a failure, which is a word at OAuth endpoints and an object at the other APIs.
pub(crate) fn find(body: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Failure {
        error: ErrorField,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum ErrorField {
        Word(String),
        Object {
            status: Option<String>,
            #[serde(default)]
            details: Vec<Detail>,
        },
    }
    #[derive(Deserialize)]
    struct Detail {
        reason: Option<String>,
    }
    match read_object::<Failure>("the answer", body).map(|failure| failure.error) {
        Ok(ErrorField::Word(word)) => vec![word],
        Ok(ErrorField::Object { status, details }) => {
            let reasons = details.into_iter().filter_map(|detail| detail.reason);
            reasons.chain(status).collect()
        }
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_both_shapes_and_nowhere_else() {
        let api = br#"{"error":{"code":403,"message":"m","status":"PERMISSION_DENIED",
            "details":[{"@type":"x"},{"@type":"y","reason":"SERVICE_DISABLED","domain":"d"}]}}"#;

        assert_eq!(
            find(br#"{"error":"invalid_grant","error_description":"d"}"#),
            ["invalid_grant"]
        );
        assert_eq!(find(api), ["SERVICE_DISABLED", "PERMISSION_DENIED"]);
        assert_eq!(find(br#"{"error":{"status":"NOT_FOUND"}}"#), ["NOT_FOUND"]);
        for body in [
            &b""[..],
            b"<html>",
            b"{}",
            b"[]",
            b"{\"error\":7}",
            b"\"invalid_grant\"",
        ] {
            assert!(find(body).is_empty());
        }
    }
}
