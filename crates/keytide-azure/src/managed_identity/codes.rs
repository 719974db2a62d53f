//! What the platforms' error codes mean.

use http::StatusCode;
use keytide_core::Error;
use keytide_core::ErrorKind::{Refused, Unavailable};
use keytide_issuer::{Answer, Dialect, KnownCode, Reply, error_code};

/// The answer, if it is a success. Codes count where the status is one of refusal: what a server in trouble writes is no
/// refusal.
pub(super) fn accept(reply: Reply, codes: &Dialect) -> Result<Answer, Error> {
    let status = reply.status();
    if status == StatusCode::REQUEST_TIMEOUT {
        return Err(Error::unavailable(
            "the token service of this platform answers 408: it took too long",
        ));
    }
    if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
        reply.accept(codes)
    } else {
        reply.accept(&NONE)
    }
}

static NONE: Dialect = Dialect::new(|_| Vec::new(), &[]);

/// IMDS, asked for the identity of the machine itself.
pub(super) static IMDS_SYSTEM: Dialect = Dialect::new(
    of_imds,
    &[
        KnownCode::new(
            "invalid_request",
            Refused,
            "turn the system-assigned identity of this machine on, or name the user-assigned one that it has by its id",
        ),
        INVALID_RESOURCE,
        NO_METADATA_HEADER,
        UNKNOWN_SOURCE,
        UNAUTHORIZED_CLIENT,
        ACCESS_DENIED,
        UNSUPPORTED_RESPONSE_TYPE,
        INVALID_SCOPE,
        UNKNOWN_ERROR,
        NO_CODE,
    ],
);

/// IMDS, asked for an identity by its id.
pub(super) static IMDS_USER: Dialect = Dialect::new(
    of_imds,
    &[
        KnownCode::new(
            "invalid_request",
            Refused,
            "assign the user-assigned identity to this machine, and check its id: it is not found here, or not assigned",
        ),
        INVALID_RESOURCE,
        NO_METADATA_HEADER,
        UNKNOWN_SOURCE,
        UNAUTHORIZED_CLIENT,
        ACCESS_DENIED,
        UNSUPPORTED_RESPONSE_TYPE,
        INVALID_SCOPE,
        UNKNOWN_ERROR,
        NO_CODE,
    ],
);

/// App Service says no with a message alone.
pub(super) static APP_SERVICE: Dialect = Dialect::new(
    of_object,
    &[KnownCode::new(
        NO_CODE_TEXT,
        Refused,
        "assign the identity to this app, and check its id and the resource: it is not found here, or not assigned; if \
         IDENTITY_HEADER is held from an earlier start, take it anew",
    )],
);

/// The agent of Arc.
pub(super) static ARC: Dialect = Dialect::new(
    of_object,
    &[KnownCode::new(
        NO_CODE_TEXT,
        Refused,
        "check the resource, and that this server is connected to Arc (azcmagent show)",
    )],
);

const INVALID_RESOURCE: KnownCode = KnownCode::new(
    "invalid_resource",
    Refused,
    "the resource is not known in the tenant: give its App ID URI, such as https://vault.azure.net, or consent to it",
);
const NO_METADATA_HEADER: KnownCode = KnownCode::new(
    "bad_request_102",
    Refused,
    "the header Metadata was lost on the way: ask the service without a proxy",
);
const UNKNOWN_SOURCE: KnownCode = KnownCode::new(
    "unknown_source",
    Refused,
    "the service does not know this machine: check that it asks from within, and not through another network",
);
const UNAUTHORIZED_CLIENT: KnownCode = KnownCode::new(
    "unauthorized_client",
    Refused,
    "the identity may not ask for tokens this way: check that it is assigned to this machine, and not disabled",
);
const ACCESS_DENIED: KnownCode =
    KnownCode::new("access_denied", Refused, "a policy of the tenant denies it");
const UNSUPPORTED_RESPONSE_TYPE: KnownCode = KnownCode::new(
    "unsupported_response_type",
    Refused,
    "the service does not give tokens this way: check that it is the one of Azure that answers",
);
const INVALID_SCOPE: KnownCode = KnownCode::new(
    "invalid_scope",
    Refused,
    "check the resource: it is unknown, malformed, or not for this identity",
);
const UNKNOWN_ERROR: KnownCode = KnownCode::new(
    "unknown_error",
    Unavailable,
    "the service could not get a token from Entra",
);
const NO_CODE: KnownCode = KnownCode::new(
    NO_CODE_TEXT,
    Refused,
    "check the identity, that it is assigned to this machine, and the resource",
);

/// Stands for a refusal that is well-formed, and whose code is none that is known: other statuses of 4xx are final.
const NO_CODE_TEXT: &str = "no code that is known";

fn of_imds(body: &[u8]) -> Vec<String> {
    match error_code(body) {
        Some(error) => vec![error, NO_CODE_TEXT.to_owned()],
        None => of_object(body),
    }
}

/// Only the service itself answers with an object of JSON: a gateway has HTML.
fn of_object(body: &[u8]) -> Vec<String> {
    let object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body);
    match object {
        Ok(object) if !object.is_empty() => vec![NO_CODE_TEXT.to_owned()],
        _ => Vec::new(),
    }
}
