//! Which headers may carry a credential: [`CredentialHeaders`].

use std::fmt;

use http::HeaderName;

use crate::destination::{disguised, reads_as};
use crate::error::Error;

/// The headers that may carry a credential: those that services document for one, and those that a program adds by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct CredentialHeaders {
    own: Vec<Result<HeaderName, String>>,
}

impl CredentialHeaders {
    /// Adds one by name. Whether it can be one is told by [`check`](Self::check).
    pub(crate) fn allow(&mut self, name: &str) {
        let name = HeaderName::try_from(name).map_err(|_| "it is not the name of a header".into());
        self.own.push(name);
    }

    /// Whether what is added can be one, and these headers are among them.
    pub(crate) fn check(&self, headers: &[HeaderName]) -> Result<(), Error> {
        for own in &self.own {
            match own {
                Err(reason) => return Err(refused(&"that is allowed", reason)),
                Ok(name) => {
                    if let Some(reason) = read_by_others(name.as_str()) {
                        return Err(refused(name, reason));
                    }
                }
            }
        }
        for name in headers {
            if let Some(reason) = read_by_others(name.as_str()) {
                return Err(refused(name, reason));
            }
            let is_own = self.own.iter().flatten().any(|own| own == name);
            if !is_own && !is_known(name.as_str()) {
                let reason =
                    "it is not known to be one: if it is, say so with allow_credential_header";
                return Err(refused(name, reason));
            }
        }
        Ok(())
    }
}

fn refused(name: &dyn fmt::Display, reason: &str) -> Error {
    Error::invalid(format!(
        "the header {name} cannot carry a credential: {reason}"
    ))
}

/// Whether services document that a header of this name carries a credential.
pub(crate) fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|known| reads_as(name, known))
}

/// Why a header of this name carries no credential: who reads it instead of the destination, or what it is for.
fn read_by_others(name: &str) -> Option<&'static str> {
    let is_one_of = |list: &[&str]| list.iter().any(|listed| reads_as(name, listed));
    let begins = |prefix: &str| {
        name.get(..prefix.len())
            .is_some_and(|start| reads_as(start, prefix))
    };
    if is_one_of(&OF_THE_MESSAGE) || OF_HOPS_BY_PREFIX.iter().any(|prefix| begins(prefix)) {
        Some("it frames or describes the message, or is read, changed or logged on the way")
    } else if disguised(name).is_some() {
        Some("servers take a request that has it for one of another method or path")
    } else {
        None
    }
}

/// What APIs document as the header of their credential, in lower case. (Compiled, not tried on each.)
///
/// RFC 9110 (`Authorization`), RFC 9449 (`DPoP`), RFC 9421 (`Signature`, `Signature-Input`, with the `Content-Digest` of
/// RFC 9530); AWS Signature Version 4 and instance metadata, Google's APIs and Cloud Run, Azure (API Management, Functions,
/// AI services, Storage's second tokens); and others, each named as its own documentation does.
pub(crate) const KNOWN: [&str; 49] = [
    "api-key",
    "apikey",
    "authorization",
    "cf-access-client-secret",
    "cf-access-token",
    "circle-token",
    "content-digest",
    "dd-api-key",
    "dd-application-key",
    "dpop",
    "fastly-key",
    "job-token",
    "ocp-apim-subscription-key",
    "private-token",
    "signature",
    "signature-input",
    "x-access-token",
    "x-amz-access-token",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-api-key",
    "x-api-token",
    "x-apikey",
    "x-auth-key",
    "x-auth-token",
    "x-aws-ec2-metadata-token",
    "x-consul-token",
    "x-figma-token",
    "x-functions-key",
    "x-goog-api-key",
    "x-goog-iam-authorization-token",
    "x-honeycomb-team",
    "x-jfrog-art-api",
    "x-master-key",
    "x-ms-authorization-auxiliary",
    "x-ms-copy-source-authorization",
    "x-nomad-token",
    "x-pagerduty-token",
    "x-postmark-server-token",
    "x-rapidapi-key",
    "x-redmine-api-key",
    "x-sentry-auth",
    "x-serverless-authorization",
    "x-shopify-access-token",
    "x-storage-token",
    "x-subscription-token",
    "x-vault-token",
    "xi-api-key",
];

/// Headers that frame, route or describe a message (RFC 9110, RFC 9112, RFC 9111), that hops read and change, or that stand
/// in logs as a matter of course.
const OF_THE_MESSAGE: [&str; 58] = [
    "accept",
    "age",
    "allow",
    "alt-svc",
    "alt-used",
    "baggage",
    "cache-control",
    "cdn-loop",
    "cf-connecting-ip",
    "cf-ray",
    "client-ip",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "cookie2",
    "destination",
    "early-data",
    "expect",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "keep-alive",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "prefer",
    "priority",
    "range",
    "referer",
    "server",
    "set-cookie",
    "te",
    "trace-id",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "true-client-ip",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "vary",
    "via",
    "warning",
    "x-amzn-trace-id",
    "x-client-ip",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-host",
    "x-real-ip",
    "x-request-id",
];

/// As above, whatever follows. `proxy-authorization` is a credential, of another one's.
const OF_HOPS_BY_PREFIX: [&str; 9] = [
    "accept-",
    "access-control-",
    "grpc-",
    "if-",
    "proxy-",
    "sec-",
    "x-envoy-",
    "x-forwarded-",
    "x-original-",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_sorted_and_read_by_nobody_else() {
        assert!(KNOWN.is_sorted() && OF_THE_MESSAGE.is_sorted());
        for known in KNOWN {
            assert_eq!(read_by_others(known), None, "{known}");
        }
    }

    #[test]
    fn a_header_is_known_or_allowed_by_name_and_never_one_that_hops_read() {
        let check = |allowed: &[&str], name: &str| {
            let mut headers = CredentialHeaders::default();
            for allowed in allowed {
                headers.allow(allowed);
            }
            headers.check(&[HeaderName::try_from(name).unwrap()])
        };
        for name in ["authorization", "X-Api-Key", "x_api_key", "dpop"] {
            check(&[], name).unwrap();
        }
        let error = check(&[], "x-our-key").unwrap_err().to_string();
        assert!(
            error.contains("x-our-key") && error.contains("allow_credential_header"),
            "{error}"
        );
        check(&["X-Our-Key"], "x-our-key").unwrap();
        for name in [
            "expect",
            "keep-alive",
            "forwarded",
            "via",
            "connection",
            "te",
            "transfer-encoding",
            "host",
            "cookie",
            "proxy-authorization",
            "proxy-connection",
            "x-forwarded-for",
            "x_forwarded_host",
            "content-length",
            "if-match",
            "x-original-url",
            "x-http-method-override",
            "sec-fetch-site",
            "trailer",
            "upgrade",
            "user_agent",
        ] {
            assert!(check(&[], name).is_err(), "{name}");
            let error = check(&[name], name).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
            assert!(
                check(&[name], "authorization").is_err(),
                "{name} is not even allowed"
            );
        }
        assert!(check(&["no name"], "authorization").is_err());
    }
}
