//! Where a variable may lead what is secret: [`Hosts`]. Who can set a variable is not who may choose where tokens go.

use std::net::IpAddr;

use keytide_core::Error;
use keytide_issuer::{Endpoint, Env};

/// The origins that code allowed beside the documented ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hosts {
    allowed: Vec<String>,
}

impl Hosts {
    pub(crate) fn allow(&mut self, origin: String) {
        self.allowed.push(origin);
    }

    /// Checks the origins that were allowed.
    ///
    /// # Errors
    /// `Misconfigured` when one is no origin.
    pub(crate) fn checked(self) -> Result<Self, Error> {
        let mut allowed = Vec::with_capacity(self.allowed.len());
        for given in self.allowed {
            let endpoint = Endpoint::parse(&given).map_err(|error| {
                Error::misconfigured("the endpoint of danger_allow_endpoint cannot be asked")
                    .caused_by(error)
            })?;
            let origin = endpoint.origin();
            if endpoint.as_str() != format!("{origin}/") {
                return Err(Error::misconfigured(format!(
                    "the endpoint to allow at {origin} has a path or a query: give scheme, host and port alone"
                )));
            }
            allowed.push(origin);
        }
        Ok(Self { allowed })
    }

    /// The login service that a variable names: one of Microsoft's, one on this machine, or one that code allowed.
    pub(crate) fn authority(&self, env: &Env, variable: &str) -> Result<Option<Endpoint>, Error> {
        let Some(endpoint) = env.endpoint(variable)? else {
            return Ok(None);
        };
        let origin = endpoint.origin();
        let documented = origin
            .strip_prefix("https://")
            .is_some_and(|host| LOGIN.contains(&host));
        if documented || is_here(&endpoint) || self.allowed.contains(&origin) {
            return Ok(Some(endpoint));
        }
        Err(elsewhere(
            variable,
            &origin,
            "is no login service that Microsoft documents",
        ))
    }

    /// The token service that a variable names: those of platforms are on this machine or at a link-local address, and
    /// code may allow others.
    pub(crate) fn platform(&self, env: &Env, variable: &str) -> Result<Option<Endpoint>, Error> {
        let Some(endpoint) = env.endpoint_of_platform(variable)? else {
            return Ok(None);
        };
        let origin = endpoint.origin();
        // Plain HTTP leads nowhere else: an endpoint is no other.
        let is_near = origin.starts_with("http://") || is_here(&endpoint);
        if is_near || self.allowed.contains(&origin) {
            return Ok(Some(endpoint));
        }
        Err(elsewhere(
            variable,
            &origin,
            "is not on this machine, as the token services of Azure's platforms are",
        ))
    }
}

fn elsewhere(variable: &str, origin: &str, what: &str) -> Error {
    Error::misconfigured(format!(
        "the environment variable {variable} leads to {origin}, which {what}: if it is meant, allow it in code by \
         danger_allow_endpoint"
    ))
}

/// Whether it is a loopback address, or the name of one that is never looked up.
fn is_here(endpoint: &Endpoint) -> bool {
    let host = endpoint.host().trim_matches(['[', ']']);
    let address: Option<IpAddr> = host.parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

/// "National clouds", Microsoft identity platform, and the hosts that the Azure SDKs and MSAL know: the public cloud and its
/// former names, US Government, China, and the sovereign clouds of France, Germany and Singapore (27 November 2026).
const LOGIN: [&str; 11] = [
    "login.microsoftonline.com",
    "login.microsoft.com",
    "login.windows.net",
    "login.microsoftonline.us",
    "login.usgovcloudapi.net",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
    "login.microsoftonline.de",
    "login.sovcloud-identity.fr",
    "login.sovcloud-identity.de",
    "login.sovcloud-identity.sg",
];

#[cfg(test)]
mod tests {
    use keytide_core::ErrorKind;

    use super::*;

    fn allowing(origin: &str) -> Hosts {
        let mut hosts = Hosts::default();
        hosts.allow(origin.to_owned());
        hosts.checked().unwrap()
    }

    #[test]
    fn a_variable_leads_to_documented_login_services_and_to_this_machine() {
        for (url, good) in [
            ("https://login.microsoftonline.com/", true),
            ("https://login.microsoftonline.com", true),
            ("https://LOGIN.microsoftonline.us:443/", true),
            ("https://login.partner.microsoftonline.cn", true),
            ("https://login.sovcloud-identity.fr", true),
            ("http://127.0.0.1:8080", true),
            ("https://localhost:8443", true),
            ("https://[::1]:8443", true),
            ("https://evil.example", false),
            ("https://login.microsoftonline.com.evil.example", false),
            ("https://login.microsoftonline.com:8443", false),
            ("https://evil.example/login.microsoftonline.com", false),
            ("https://10.0.0.5", false),
            ("http://169.254.169.254", false),
            ("login.microsoftonline.com", false),
            ("http://login.microsoftonline.com", false),
        ] {
            let env = Env::of([("AZURE_AUTHORITY_HOST", url)]);

            let found = Hosts::default().authority(&env, "AZURE_AUTHORITY_HOST");

            assert_eq!(found.is_ok(), good, "{url}: {found:?}");
            if let Err(error) = found {
                assert_eq!(error.kind(), ErrorKind::Misconfigured);
                assert!(
                    error.to_string().contains("AZURE_AUTHORITY_HOST"),
                    "{error}"
                );
            }
        }
        let env = Env::of([("A", "https://evil.example/x")]);
        assert!(
            allowing("https://evil.example")
                .authority(&env, "A")
                .is_ok()
        );
        assert!(
            allowing("https://evil.example:8443")
                .authority(&env, "A")
                .is_err()
        );
        assert!(Hosts::default().authority(&env, "B").unwrap().is_none());
    }

    #[test]
    fn a_variable_leads_to_token_services_that_are_near() {
        for (url, good) in [
            ("http://127.0.0.1:41000/msi/token", true),
            (
                "http://localhost:40342/metadata/identity/oauth2/token",
                true,
            ),
            ("http://169.254.129.2:8081/msi/token", true),
            ("http://169.254.169.254/", true),
            ("https://127.0.0.1:2377/x", true),
            ("https://evil.example/msi/token", false),
            ("https://10.0.0.5/msi/token", false),
            ("https://localhost.evil.example/msi/token", false),
        ] {
            let env = Env::of([("IDENTITY_ENDPOINT", url)]);

            let found = Hosts::default().platform(&env, "IDENTITY_ENDPOINT");

            assert_eq!(found.is_ok(), good, "{url}: {found:?}");
            if let Err(error) = found {
                assert_eq!(error.kind(), ErrorKind::Misconfigured);
                assert!(error.to_string().contains("IDENTITY_ENDPOINT"), "{error}");
            }
        }
        let env = Env::of([("A", "https://evil.example/x")]);
        assert!(allowing("https://evil.example").platform(&env, "A").is_ok());
        for wrong in [
            "",
            "evil.example",
            "http://evil.example",
            "https://a.example/x",
        ] {
            let mut hosts = Hosts::default();
            hosts.allow(wrong.to_owned());
            assert!(hosts.checked().is_err(), "{wrong}");
        }
    }
}
