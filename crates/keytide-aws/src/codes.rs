//! The error codes of AWS, each with what happens next, and where they stand in an answer.

use keytide_core::ErrorKind::{self, NotConfigured, Refused, Throttled, Unavailable};
use keytide_http::issuer::{Dialect, KnownCode};
use serde::Deserialize;

/// The code's entry, if it is a known one.
pub(crate) fn known(code: &str) -> Option<&'static KnownCode> {
    KNOWN.iter().find(|known| known.code() == code)
}

/// The codes of the instance metadata service and of container endpoints: in JSON, or in the text of an agent.
pub(crate) static METADATA: Dialect = Dialect::new(in_metadata, KNOWN);

/// Codes are `Code` or `code` in JSON; the EKS Pod Identity agent writes `…: (AccessDeniedException): …` as text.
pub(crate) fn in_metadata(body: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Failure {
        #[serde(alias = "Code")]
        code: String,
    }
    if let Ok(failure) = serde_json::from_slice::<Failure>(body) {
        return vec![failure.code];
    }
    let text = std::str::from_utf8(body).unwrap_or_default();
    let inside = text.split('(').skip(1);
    inside
        .filter_map(|rest| rest.split_once(')'))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.ends_with("Exception"))
        .collect()
}

/// The code of an XML error: right below `Error`, be that the root (as S3 has it), in `ErrorResponse` (as the query protocol
/// has it), or in a list of `Errors` (as EC2 and some servers have it).
///
/// What is no such XML, HTML above all, has no code. A code that a document only quotes, in a comment or elsewhere in the
/// tree, is none either.
pub(crate) fn in_xml(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    if let Some(after) = rest.strip_prefix("<?xml") {
        rest = after.split_once("?>")?.1;
    }
    let mut open: Vec<&str> = Vec::new();
    loop {
        let (content, after) = rest.split_once('<')?;
        let (tag, after) = after.split_once('>')?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop()? != name.trim_end() {
                return None;
            }
            if name.trim_end() == "Code" && SHAPES.contains(&open.as_slice()) {
                return Some(content.trim().to_owned());
            }
        } else if tag.starts_with(['!', '?']) {
            return None;
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next()?);
        }
        if open.is_empty() || open.len() > DEEPEST {
            return None;
        }
    }
}

const fn code(code: &'static str, kind: ErrorKind, mend: &'static str) -> KnownCode {
    KnownCode::new(code, kind, mend)
}

const PATIENCE: &str = "it asks for patience";
const TROUBLE: &str = "the service is in trouble";
const POLICY: &str = "mend the session policy or the tags of the provider";
const BASE: &str = "the keys that the request was signed with are no good: check the base of the provider, and the clock";
const CLOCK: &str = "the signature is too old or too new: check the clock of this machine";

/// Sources: the API reference of STS with its common errors; the user guides of EC2 and EKS; the agents of ECS and EKS. A
/// code that stands nowhere here counts as an issuer in trouble.
pub(crate) static KNOWN: &[KnownCode] = &[
    // Throttling, as all SDKs of AWS agree on it.
    code("Throttling", Throttled, PATIENCE),
    code("ThrottlingException", Throttled, PATIENCE),
    code("ThrottledException", Throttled, PATIENCE),
    code("RequestThrottled", Throttled, PATIENCE),
    code("RequestThrottledException", Throttled, PATIENCE),
    code("TooManyRequestsException", Throttled, PATIENCE),
    code("RequestLimitExceeded", Throttled, PATIENCE),
    code("BandwidthLimitExceeded", Throttled, PATIENCE),
    code("LimitExceededException", Throttled, PATIENCE),
    code(
        "ProvisionedThroughputExceededException",
        Throttled,
        PATIENCE,
    ),
    code("TransactionInProgressException", Throttled, PATIENCE),
    code("PriorRequestNotComplete", Throttled, PATIENCE),
    code("EC2ThrottledException", Throttled, PATIENCE),
    code("SlowDown", Throttled, PATIENCE),
    // Trouble that passes.
    code("RequestTimeout", Unavailable, TROUBLE),
    code("RequestTimeoutException", Unavailable, TROUBLE),
    code("InternalFailure", Unavailable, TROUBLE),
    code("InternalError", Unavailable, TROUBLE),
    code("InternalServerError", Unavailable, TROUBLE),
    code("InternalServerException", Unavailable, TROUBLE),
    code("ServiceUnavailable", Unavailable, TROUBLE),
    code("ServiceUnavailableException", Unavailable, TROUBLE),
    code(
        "IDPCommunicationError",
        Unavailable,
        "STS could not reach the identity provider that signed the token",
    ),
    // Web identity.
    code(
        "ExpiredTokenException",
        Unavailable,
        "the web identity token has expired: check that the platform still renews it",
    ),
    code(
        "ExpiredToken",
        Unavailable,
        "the session that the request was signed with has expired: its base is asked for another",
    ),
    code(
        "InvalidIdentityToken",
        Refused,
        "STS does not take the web identity token: check its issuer, its audience and the identity provider in IAM",
    ),
    code(
        "InvalidIdentityTokenException",
        Refused,
        "STS does not take the web identity token: check its issuer, its audience and the identity provider in IAM",
    ),
    code(
        "IDPRejectedClaim",
        Refused,
        "the identity provider rejects the token: check its claims and the trust policy of the role",
    ),
    // Rights.
    code(
        "AccessDenied",
        Refused,
        "check the trust policy of the role and the policies of the caller",
    ),
    code(
        "AccessDeniedException",
        Refused,
        "check the trust policy of the role and the policies of the caller",
    ),
    code(
        "UnauthorizedOperation",
        Refused,
        "check the policies of the caller",
    ),
    code("NotAuthorized", Refused, "check the policies of the caller"),
    code(
        "OptInRequired",
        Refused,
        "the account is not signed up for the service",
    ),
    code(
        "RegionDisabledException",
        Refused,
        "STS is not enabled in this region for the account: enable it, or take another region",
    ),
    code(
        "OutboundWebIdentityFederationDisabledException",
        Refused,
        "enable outbound identity federation in the account settings of IAM",
    ),
    code(
        "OutboundWebIdentityFederationDisabled",
        Refused,
        "enable outbound identity federation in the account settings of IAM",
    ),
    code(
        "SessionDurationEscalationException",
        Refused,
        "the token would outlive the session that asks for it: ask for a shorter duration",
    ),
    code(
        "SessionDurationEscalation",
        Refused,
        "the token would outlive the session that asks for it: ask for a shorter duration",
    ),
    // The request itself.
    code("MalformedPolicyDocument", Refused, POLICY),
    code("MalformedPolicyDocumentException", Refused, POLICY),
    code(
        "PackedPolicyTooLarge",
        Refused,
        "session policy and tags together are too large once packed: shorten the policy, or send fewer tags",
    ),
    code(
        "PackedPolicyTooLargeException",
        Refused,
        "session policy and tags together are too large once packed: shorten the policy, or send fewer tags",
    ),
    code(
        "JWTPayloadSizeExceeded",
        Refused,
        "the token would be too large: send fewer or shorter tags",
    ),
    code(
        "JWTPayloadSizeExceededException",
        Refused,
        "the token would be too large: send fewer or shorter tags",
    ),
    code(
        "JwtPayloadSizeExceededException",
        Refused,
        "the token would be too large: send fewer or shorter tags",
    ),
    code(
        "ValidationError",
        Refused,
        "a parameter is not valid: check the duration (the role's maximum; one hour when roles are chained), the ARNs and the external id",
    ),
    code("ValidationException", Refused, "a parameter is not valid"),
    code("InvalidParameterValue", Refused, "a parameter is not valid"),
    code(
        "InvalidParameterCombination",
        Refused,
        "parameters contradict each other",
    ),
    code("MissingParameter", Refused, "a parameter is missing"),
    code(
        "MalformedQueryString",
        Refused,
        "the request was not understood: check the endpoint",
    ),
    code(
        "InvalidAction",
        Refused,
        "the endpoint does not know the action: check that it is that of STS",
    ),
    code(
        "InvalidQueryParameter",
        Refused,
        "the request was not understood: check the endpoint",
    ),
    code(
        "MissingAction",
        Refused,
        "the request was not understood: check the endpoint",
    ),
    code(
        "NoSuchEntity",
        Refused,
        "the role or its identity provider does not exist: check the ARN",
    ),
    // Signatures and keys.
    code("InvalidClientTokenId", Refused, BASE),
    code("UnrecognizedClientException", Refused, BASE),
    code("InvalidAccessKeyId", Refused, BASE),
    code("MissingAuthenticationToken", Refused, BASE),
    code("MissingAuthenticationTokenException", Refused, BASE),
    code("IncompleteSignature", Refused, BASE),
    code("IncompleteSignatureException", Refused, BASE),
    code("InvalidSignatureException", Refused, BASE),
    code("SignatureDoesNotMatch", Refused, BASE),
    code("RequestExpired", Unavailable, CLOCK),
    code("RequestTimeTooSkewed", Unavailable, CLOCK),
    code("RequestInTheFuture", Unavailable, CLOCK),
    // The instance metadata service, with status 200.
    code(
        "AssumeRoleUnauthorizedAccess",
        Refused,
        "EC2 may not assume the role of the instance profile: let its trust policy name ec2.amazonaws.com",
    ),
    code(
        "InstanceProfileNotFound",
        NotConfigured,
        "no role is attached to this instance",
    ),
    code(
        "Failed",
        Unavailable,
        "the metadata service could not get credentials of the role",
    ),
    // The agents of ECS and EKS.
    code(
        "NoIdInRequest",
        Refused,
        "check AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: it names no task",
    ),
    code(
        "InvalidIdInRequest",
        Refused,
        "check AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: no task has that id",
    ),
    code(
        "NoCredentialsAssociated",
        Refused,
        "the task has no role: give it one, and start it anew",
    ),
    code(
        "CredentialsUninitialized",
        Unavailable,
        "the agent has no credentials of the task role yet",
    ),
    code(
        "ResourceNotFoundException",
        Refused,
        "no role is associated with the service account of this pod",
    ),
    code(
        "InvalidRequestException",
        Refused,
        "the agent does not take the request: check the association of the service account",
    ),
    code(
        "InvalidTokenException",
        Refused,
        "the agent does not take the token of the pod: check AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ),
    code(
        "InvalidParameterException",
        Refused,
        "the agent does not take the request: check the association of the service account",
    ),
    code(
        "ClusterNotFoundException",
        Refused,
        "EKS does not know the cluster of this pod",
    ),
];

/// Where an error's code stands.
const SHAPES: [&[&str]; 4] = [
    &["Error"],
    &["ErrorResponse", "Error"],
    &["ErrorResponse", "Errors", "Error"],
    &["Response", "Errors", "Error"],
];
/// No error is nested deeper than this.
const DEEPEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_either_shape_of_xml_and_nowhere_else() {
        let found = |body: &str| in_xml(body.as_bytes());
        let some = |code: &str| Some(code.to_owned());

        for body in [
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>m</Message></Error><RequestId>r</RequestId></ErrorResponse>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
            "<Response><Errors><Error><Code>AccessDenied</Code><Message>m</Message></Error></Errors><RequestID>r</RequestID></Response>",
            "<ErrorResponse><Errors><Error><Code>AccessDenied</Code></Error></Errors></ErrorResponse>",
            "\u{feff}<?xml version=\"1.0\"?>\r\n<Error>\r\n <Message>a &lt;Code&gt;X&lt;/Code&gt;</Message>\r\n <Code> AccessDenied </Code></Error>",
        ] {
            assert_eq!(found(body), some("AccessDenied"), "{body}");
        }
        for body in [
            "",
            "AccessDenied",
            "<Error>",
            "<Error><Code>AccessDenied",
            "<Error><!-- <Code>AccessDenied</Code> --></Error>",
            "<Error><Detail><Code>AccessDenied</Code></Detail></Error>",
            "<a><b><Error><Code>AccessDenied</Code></Error></b></a>",
            "<AssumeRoleResponse><Error><Code>AccessDenied</Code></Error></AssumeRoleResponse>",
            "<html><body><Error><Code>AccessDenied</Code></Error></body></html>",
            "<!DOCTYPE html><html><head><title>403</title></head></html>",
            "<Code>AccessDenied</Code>",
            "</Error>",
            "{\"Code\":\"AccessDenied\"}",
        ] {
            assert_eq!(found(body), None, "{body}");
        }
        assert_eq!(in_xml(&[0xff, 0xfe]), None);
        assert_eq!(found(&"<a>".repeat(100_000)), None);
    }

    #[test]
    fn agents_write_codes_as_json_or_in_their_text() {
        for (body, code) in [
            (
                r#"{"code":"InvalidIdInRequest","message":"m","HTTPErrorCode":400}"#,
                Some("InvalidIdInRequest"),
            ),
            (
                r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"m"}"#,
                Some("AssumeRoleUnauthorizedAccess"),
            ),
            (
                "[7e5f]: (AccessDeniedException): Unauthorized Exception! EKS does not have permissions, fault: client",
                Some("AccessDeniedException"),
            ),
            ("(not a code)", None),
            ("<html>", None),
        ] {
            assert_eq!(
                in_metadata(body.as_bytes()).first().map(String::as_str),
                code,
                "{body}"
            );
        }
    }

    #[test]
    fn each_code_stands_in_the_table_once() {
        let mut codes: Vec<_> = KNOWN.iter().map(KnownCode::code).collect();
        codes.sort_unstable();
        let before = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), before);
    }
}
