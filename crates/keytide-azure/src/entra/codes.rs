//! What Entra's error codes mean: by the number behind AADSTS, and else by the code of OAuth.

use keytide_core::ErrorKind::{Misconfigured, Refused, Throttled, Unavailable};
use keytide_issuer::{Dialect, KnownCode, read_object};
use serde::Deserialize;

/// "Microsoft Entra authentication and authorization error codes", and RFC 6749, section 5.2.
pub(super) static CODES: Dialect = Dialect::new(
    find,
    &[
        // The assertion.
        KnownCode::new(
            "AADSTS700024",
            Unavailable,
            "the assertion is outside its valid time: it is taken anew; check the clock of this machine if it repeats",
        ),
        KnownCode::new(
            "AADSTS700213",
            Refused,
            "no federated credential has the subject of the assertion: make one with exactly that subject, and give it some \
             minutes",
        ),
        KnownCode::new(
            "AADSTS7002131",
            Refused,
            "no expression of a flexible federated credential matches the subject of the assertion",
        ),
        KnownCode::new(
            "AADSTS700211",
            Refused,
            "no federated credential has the issuer of the assertion: make one with exactly that issuer",
        ),
        KnownCode::new(
            "AADSTS700212",
            Refused,
            "no federated credential has the audience of the assertion: it is api://AzureADTokenExchange unless it was set",
        ),
        KnownCode::new(
            "AADSTS70021",
            Refused,
            "no federated credential matches the assertion: check issuer, subject and audience, letter by letter",
        ),
        KnownCode::new(
            "AADSTS700027",
            Refused,
            "the signature of the assertion is not valid: check that its issuer publishes the key that it signs with",
        ),
        KnownCode::new(
            "AADSTS700023",
            Refused,
            "the audience of the assertion is not the one that Entra wants",
        ),
        KnownCode::new(
            "AADSTS50027",
            Refused,
            "the assertion is not a JWT that Entra can read",
        ),
        KnownCode::new(
            "AADSTS7000218",
            Refused,
            "the request carries no assertion: this client must show one",
        ),
        // The secret.
        KnownCode::new(
            "AADSTS7000215",
            Refused,
            "the client secret is wrong: give its value, not its id; better, use a federated credential",
        ),
        KnownCode::new(
            "AADSTS7000222",
            Refused,
            "the client secret has expired: use a federated credential, which cannot",
        ),
        // The application and its tenant.
        KnownCode::new(
            "AADSTS700016",
            Refused,
            "the client id is not known in this tenant: check both, AZURE_CLIENT_ID and AZURE_TENANT_ID",
        ),
        KnownCode::new(
            "AADSTS7000112",
            Refused,
            "the application is disabled: enable its service principal",
        ),
        KnownCode::new(
            "AADSTS90002",
            Misconfigured,
            "there is no such tenant: check AZURE_TENANT_ID",
        ),
        KnownCode::new(
            "AADSTS900023",
            Misconfigured,
            "the tenant is no id and no domain: check AZURE_TENANT_ID",
        ),
        KnownCode::new(
            "AADSTS65001",
            Refused,
            "an administrator has to consent to this application's use of the resource",
        ),
        KnownCode::new(
            "AADSTS501051",
            Refused,
            "the application is assigned no role at the resource, which wants one",
        ),
        // The resource.
        KnownCode::new(
            "AADSTS70011",
            Refused,
            "the scope is not valid: give the App ID URI of one resource",
        ),
        KnownCode::new(
            "AADSTS1002012",
            Refused,
            "the scope must be the App ID URI of a resource with /.default behind",
        ),
        KnownCode::new(
            "AADSTS500011",
            Refused,
            "the resource has no service principal in this tenant: check its App ID URI, or consent to it",
        ),
        KnownCode::new(
            "AADSTS50001",
            Refused,
            "the resource is not known in this tenant: check its App ID URI, or consent to it",
        ),
        // Policies.
        KnownCode::new(
            "AADSTS53003",
            Refused,
            "conditional access blocks it: look the sign-in up in the logs of the tenant",
        ),
        KnownCode::new(
            "AADSTS50076",
            Refused,
            "a policy wants a person with a second factor, which an agent is not",
        ),
        KnownCode::new(
            "AADSTS50079",
            Refused,
            "a policy wants a person to register a second factor",
        ),
        // Entra itself.
        KnownCode::new("AADSTS90033", Unavailable, "Entra is busy for a moment"),
        KnownCode::new(
            "AADSTS90006",
            Unavailable,
            "Entra is in trouble for a moment",
        ),
        KnownCode::new(
            "AADSTS50196",
            Throttled,
            "Entra sees the same request over and over, and asks for patience",
        ),
        // OAuth.
        KnownCode::new(
            "invalid_request",
            Refused,
            "check the parameters: Entra misses one, or does not take one",
        ),
        KnownCode::new(
            "invalid_client",
            Refused,
            "check the client id and its federated credential",
        ),
        KnownCode::INVALID_GRANT,
        KnownCode::new(
            "unauthorized_client",
            Refused,
            "the client may not use this grant, or is not in this tenant",
        ),
        KnownCode::new(
            "unsupported_grant_type",
            Refused,
            "this endpoint is not the v2 token endpoint of Entra",
        ),
        KnownCode::new(
            "invalid_scope",
            Refused,
            "give the App ID URI of one resource",
        ),
        KnownCode::new(
            "invalid_resource",
            Refused,
            "check the App ID URI of the resource",
        ),
        KnownCode::new(
            "interaction_required",
            Refused,
            "a policy of the tenant wants a person to act",
        ),
        KnownCode::new(
            "consent_required",
            Refused,
            "an administrator has to consent in the tenant",
        ),
        KnownCode::new("access_denied", Refused, "a policy of the tenant denies it"),
        KnownCode::new("server_error", Unavailable, "Entra is in trouble"),
        KnownCode::new("temporarily_unavailable", Unavailable, "Entra is busy"),
    ],
)
.with_numbers("AADSTS", numbers);

/// The numbers of a failure, and the code of OAuth last.
fn find(body: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Failure {
        error: String,
        #[serde(default)]
        error_codes: Vec<serde_json::Number>,
    }
    let Ok(failure) = read_object::<Failure>("the answer", body) else {
        return Vec::new();
    };
    let numbers = failure.error_codes.iter().take(MOST_CODES);
    let mut codes: Vec<_> = numbers.map(|number| format!("AADSTS{number}")).collect();
    codes.push(failure.error);
    codes
}

/// All the numbers of a failure.
fn numbers(body: &[u8]) -> Vec<u64> {
    #[derive(Deserialize)]
    struct Failure {
        #[serde(default)]
        error_codes: Vec<serde_json::Number>,
    }
    let failure = read_object::<Failure>("the answer", body);
    let numbers = failure
        .map(|failure| failure.error_codes)
        .unwrap_or_default();
    let numbers = numbers.iter().filter_map(serde_json::Number::as_u64);
    numbers.take(MOST_CODES).collect()
}

/// Entra sends one or two.
const MOST_CODES: usize = 16;
