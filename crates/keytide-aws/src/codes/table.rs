//! The table of codes: [`KNOWN`].

use keytide_core::ErrorKind::{self, NotConfigured, Refused, Throttled, Unavailable};
use keytide_issuer::KnownCode;

/// Sources: the API reference of STS with its common errors; the user guides of EC2 and EKS; the agents of ECS and EKS. A
/// code that stands nowhere here counts as an issuer in trouble.
pub(super) static KNOWN: &[KnownCode] = &[
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
    code("RequestAbortedException", Unavailable, TROUBLE),
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
        "MalformedHttpRequestException",
        Refused,
        "the request was not understood: check the endpoint",
    ),
    code(
        "RequestEntityTooLargeException",
        Refused,
        "the request is too large: shorten the session policy, or send fewer tags",
    ),
    code(
        "UnknownOperationException",
        Refused,
        "the endpoint does not know the action: check that it is that of STS",
    ),
    code(
        "NoSuchEntity",
        Refused,
        "the role or its identity provider does not exist: check the ARN",
    ),
    // Signatures and keys.
    code("InvalidToken", Refused, BASE),
    code("AuthFailure", Refused, BASE),
    code("InvalidClientTokenId", Refused, BASE),
    code("UnrecognizedClientException", Refused, BASE),
    code("InvalidAccessKeyId", Refused, BASE),
    code("MissingAuthenticationToken", Refused, BASE),
    code("MissingAuthenticationTokenException", Refused, BASE),
    code("IncompleteSignature", Refused, BASE),
    code("IncompleteSignatureException", Refused, BASE),
    code("InvalidSignatureException", Refused, BASE),
    code("SignatureDoesNotMatch", Refused, BASE),
    code(
        "TokenRefreshRequired",
        Unavailable,
        "the session that the request was signed with has to be renewed: its base is asked for another",
    ),
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

const fn code(code: &'static str, kind: ErrorKind, mend: &'static str) -> KnownCode {
    KnownCode::new(code, kind, mend)
}

const PATIENCE: &str = "it asks for patience";
const TROUBLE: &str = "the service is in trouble";
const POLICY: &str = "mend the session policy or the tags of the provider";
const BASE: &str = "the keys that the request was signed with are no good: check the base of the provider, and the clock";
const CLOCK: &str = "the signature is too old or too new: check the clock of this machine";
