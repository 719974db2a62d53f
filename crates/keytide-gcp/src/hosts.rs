//! Where a request may go: [`Hosts`]. A configuration file is no reason to trust the URLs in it.

use keytide_core::Error;
use keytide_issuer::Endpoint;
use url::Url;

/// What a URL is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Google's security token service.
    Sts,
    /// The IAM Credentials API.
    IamCredentials,
    /// The token endpoint of service account keys and of users.
    TokenEndpoint,
    /// Where a subject token is fetched.
    Subject,
    /// The metadata service of EC2.
    Ec2Metadata,
    /// The security token service of AWS.
    AwsSts,
}

/// The origins that were allowed beside the documented ones, and whose Google it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hosts {
    allowed: Vec<String>,
    universe: Option<String>,
}

impl Hosts {
    pub(crate) fn allow(&mut self, origin: String) {
        self.allowed.push(origin);
    }

    /// Google's services are those below this domain.
    pub(crate) fn of_universe(&mut self, domain: String) {
        self.universe = Some(domain);
    }

    /// STS, where no other URL of it is given.
    pub(crate) fn sts(&self) -> String {
        format!("https://sts.{}/v1/token", self.universe())
    }

    /// The origin of the IAM Credentials API, where no other is given.
    pub(crate) fn iam_credentials(&self) -> String {
        format!("https://iamcredentials.{}", self.universe())
    }

    /// Whether a file is of the universe that was said in code. It names hosts, and is no reason to trust them.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming the field.
    pub(crate) fn expect_universe(&self, told: Option<&str>) -> Result<(), Error> {
        let told = told.filter(|told| !told.is_empty()).unwrap_or(GOOGLE);
        let expected = self.universe();
        if told == expected {
            return Ok(());
        }
        Err(Error::misconfigured(format!(
            "universe_domain is {told:?}, and {expected} was expected: if it is meant, say so in code by universe_domain, \
             for then tokens go to its hosts"
        )))
    }

    fn universe(&self) -> &str {
        self.universe.as_deref().unwrap_or(GOOGLE)
    }

    /// Checks the origins that were allowed.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when one is no origin, or no endpoint at all.
    pub(crate) fn checked(self) -> Result<Self, Error> {
        let mut allowed = Vec::with_capacity(self.allowed.len());
        for given in self.allowed {
            let endpoint = Endpoint::parse(&given)?;
            let origin = endpoint.origin();
            if endpoint.as_str() != format!("{origin}/") {
                return Err(Error::misconfigured(format!(
                    "the endpoint to allow at {origin} has a path or a query: give scheme, host and port alone"
                )));
            }
            allowed.push(origin);
        }
        let is_domain = |domain: &str| domain.contains('.') && domain.split('.').all(is_label);
        if let Some(domain) = &self.universe
            && !is_domain(domain)
        {
            return Err(Error::misconfigured(format!(
                "the universe_domain {domain:?} is no domain in lower case, such as googleapis.com"
            )));
        }
        Ok(Self {
            allowed,
            universe: self.universe,
        })
    }

    /// The endpoint, if its origin is documented for this role, or was allowed by name. `field` says where the URL was
    /// given.
    pub(crate) fn endpoint(&self, role: Role, field: &str, url: &str) -> Result<Endpoint, Error> {
        let endpoint = Endpoint::parse(url).map_err(|error| {
            Error::misconfigured(format!("{field} cannot be asked")).caused_by(error)
        })?;
        let origin = endpoint.origin();
        if self.allowed.contains(&origin) || role.documents(&endpoint, self.universe()) {
            return Ok(endpoint);
        }
        Err(Error::misconfigured(format!(
            "{field} leads to {origin}, to a place that is not documented for {}: if it is meant, allow it by \
             danger_allow_endpoint",
            role.name()
        )))
    }
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Sts => "Google's security token service",
            Self::IamCredentials => "Google's IAM Credentials API",
            Self::TokenEndpoint => "Google's token endpoint",
            Self::Subject => "the source of a subject token",
            Self::Ec2Metadata => "the metadata service of EC2",
            Self::AwsSts => "the security token service of AWS",
        }
    }

    fn documents(self, endpoint: &Endpoint, universe: &str) -> bool {
        let origin = endpoint.origin();
        let path = Url::parse(endpoint.as_str()).map(|url| url.path().to_owned());
        let path = path.unwrap_or_default();
        match self {
            Self::Sts => is_of(&origin, "sts", universe),
            Self::IamCredentials => is_of(&origin, "iamcredentials", universe),
            // The last two are those of old key files.
            Self::TokenEndpoint => matches!(
                (origin.as_str(), path.as_str()),
                ("https://oauth2.googleapis.com", "/token")
                    | ("https://accounts.google.com", "/o/oauth2/token")
                    | ("https://www.googleapis.com", "/oauth2/v4/token")
            ),
            // The identity endpoint of Azure: every other source of a subject is somebody's own.
            Self::Subject => {
                origin == "http://169.254.169.254" && path == "/metadata/identity/oauth2/token"
            }
            Self::Ec2Metadata => {
                let paths = [
                    "/latest/meta-data/iam/security-credentials",
                    "/latest/meta-data/placement/availability-zone",
                    "/latest/meta-data/placement/region",
                    "/latest/api/token",
                ];
                matches!(
                    origin.as_str(),
                    "http://169.254.169.254" | "http://[fd00:ec2::254]"
                ) && paths.contains(&path.trim_end_matches('/'))
            }
            Self::AwsSts => {
                origin == "https://sts.amazonaws.com"
                    || between(&origin, "https://sts.", ".amazonaws.com").is_some_and(is_label)
                    || between(&origin, "https://sts.", ".amazonaws.com.cn").is_some_and(is_label)
            }
        }
    }
}

/// `https://sts.googleapis.com`, or that of a location: `https://sts.europe-west1.rep.googleapis.com`.
fn is_of(origin: &str, service: &str, universe: &str) -> bool {
    let service = format!("https://{service}.");
    origin == format!("{service}{universe}")
        || between(origin, &service, &format!(".rep.{universe}")).is_some_and(is_label)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.strip_suffix(after)
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Where no other universe is said.
pub(crate) const GOOGLE: &str = "googleapis.com";

#[cfg(test)]
mod tests {
    use keytide_core::ErrorKind;

    use super::Role::{AwsSts, Ec2Metadata, IamCredentials, Sts, Subject, TokenEndpoint};
    use super::*;

    #[test]
    fn documented_places_are_asked_and_no_others() {
        for (role, url, documented) in [
            (Sts, "https://sts.googleapis.com/v1/token", true),
            (Sts, "https://STS.googleapis.com:443/v1/token", true),
            (
                Sts,
                "https://sts.europe-west1.rep.googleapis.com/v1/token",
                true,
            ),
            (
                Sts,
                "https://sts.googleapis.com.evil.example/v1/token",
                false,
            ),
            (Sts, "https://sts.googleapis.com:8443/v1/token", false),
            (Sts, "https://evil.example/sts.googleapis.com", false),
            (Sts, "https://evilsts.googleapis.com/v1/token", false),
            (Sts, "https://sts.a.b.rep.googleapis.com/v1/token", false),
            (Sts, "https://sts..rep.googleapis.com/v1/token", false),
            (Sts, "https://storage.googleapis.com/v1/token", false),
            (Sts, "http://sts.googleapis.com/v1/token", false),
            (Sts, "https://user@sts.googleapis.com/v1/token", false),
            (Sts, "https://sts.googleapis.com@evil.example/", false),
            (Sts, "http://127.0.0.1:8080/v1/token", false),
            (Sts, "http://169.254.169.254/v1/token", false),
            (Sts, "file:///etc/passwd", false),
            (Sts, "", false),
            (
                IamCredentials,
                "https://iamcredentials.googleapis.com/v1/x",
                true,
            ),
            (
                IamCredentials,
                "https://iamcredentials.us-east1.rep.googleapis.com/v1/x",
                true,
            ),
            (IamCredentials, "https://sts.googleapis.com/v1/x", false),
            (TokenEndpoint, "https://oauth2.googleapis.com/token", true),
            (
                TokenEndpoint,
                "https://accounts.google.com/o/oauth2/token",
                true,
            ),
            (TokenEndpoint, "https://oauth2.googleapis.com/revoke", false),
            (TokenEndpoint, "https://evil.example/token", false),
            (
                Subject,
                "http://169.254.169.254/metadata/identity/oauth2/token?resource=x",
                true,
            ),
            (Subject, "http://169.254.169.254/latest/user-data", false),
            (Subject, "http://localhost:8080/token", false),
            (
                Subject,
                "https://evil.example/metadata/identity/oauth2/token",
                false,
            ),
            (Ec2Metadata, "http://169.254.169.254/latest/api/token", true),
            (
                Ec2Metadata,
                "http://[fd00:ec2::254]/latest/meta-data/placement/region",
                true,
            ),
            (
                Ec2Metadata,
                "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
                true,
            ),
            (
                Ec2Metadata,
                "http://169.254.169.254/latest/user-data",
                false,
            ),
            (
                Ec2Metadata,
                "http://169.254.169.254/latest/api/../user-data",
                false,
            ),
            (Ec2Metadata, "http://169.254.170.2/latest/api/token", false),
            (
                AwsSts,
                "https://sts.us-east-1.amazonaws.com?Action=GetCallerIdentity",
                true,
            ),
            (
                AwsSts,
                "https://sts.cn-north-1.amazonaws.com.cn?Action=GetCallerIdentity",
                true,
            ),
            (AwsSts, "https://sts.amazonaws.com/", true),
            (AwsSts, "https://sts.evil.example.amazonaws.com/", false),
            (
                AwsSts,
                "https://sts.us-east-1.amazonaws.com.evil.example/",
                false,
            ),
        ] {
            let judged = Hosts::default().endpoint(role, "token_url", url);

            assert_eq!(judged.is_ok(), documented, "{role:?} {url}: {judged:?}");
            if let Err(error) = judged {
                assert_eq!(error.kind(), ErrorKind::Misconfigured);
                assert!(error.to_string().starts_with("token_url "), "{error}");
            }
        }
    }

    #[test]
    fn another_origin_is_allowed_by_name_and_only_that_one() {
        let mut hosts = Hosts::default();
        hosts.allow("http://127.0.0.1:8080".to_owned());
        hosts.allow("https://STS.example.com/".to_owned());
        let hosts = hosts.checked().unwrap();

        assert!(
            hosts
                .endpoint(Sts, "x", "http://127.0.0.1:8080/v1/token")
                .is_ok()
        );
        assert!(
            hosts
                .endpoint(Sts, "x", "https://sts.example.com/token")
                .is_ok()
        );
        assert!(
            hosts
                .endpoint(Sts, "x", "http://127.0.0.1:8081/v1/token")
                .is_err()
        );
        assert!(
            hosts
                .endpoint(Sts, "x", "https://sts.example.com:8443/")
                .is_err()
        );
        for wrong in [
            "",
            "sts.example.com",
            "http://sts.example.com",
            "https://a.example/path",
            "https://a.example/?q",
        ] {
            let mut hosts = Hosts::default();
            hosts.allow(wrong.to_owned());
            assert!(hosts.checked().is_err(), "{wrong}");
        }
    }

    #[test]
    fn another_universe_is_said_in_code_and_then_it_is_the_only_one() {
        let mut hosts = Hosts::default();
        hosts.of_universe("apis.example".to_owned());
        let hosts = hosts.checked().unwrap();

        assert_eq!(hosts.sts(), "https://sts.apis.example/v1/token");
        assert_eq!(
            hosts.iam_credentials(),
            "https://iamcredentials.apis.example"
        );
        for (url, documented) in [
            ("https://sts.apis.example/v1/token", true),
            ("https://sts.eu1.rep.apis.example/v1/token", true),
            ("https://sts.googleapis.com/v1/token", false),
            ("https://sts.apis.example.evil.example/v1/token", false),
            ("https://iamcredentials.apis.example/v1/token", false),
        ] {
            assert_eq!(hosts.endpoint(Sts, "x", url).is_ok(), documented, "{url}");
        }
        assert!(hosts.expect_universe(Some("apis.example")).is_ok());
        for other in [None, Some(""), Some("googleapis.com"), Some("evil.example")] {
            let error = hosts.expect_universe(other).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misconfigured, "{other:?}");
            assert!(error.to_string().contains("universe_domain"), "{error}");
        }
        let google = Hosts::default();
        assert!(google.expect_universe(None).is_ok());
        assert!(google.expect_universe(Some("googleapis.com")).is_ok());
        assert!(google.expect_universe(Some("apis.example")).is_err());
        for wrong in [
            "",
            "example",
            "a..b",
            "A.example",
            "a.example/x",
            "a.example:8",
        ] {
            let mut hosts = Hosts::default();
            hosts.of_universe(wrong.to_owned());
            let error = hosts.checked().unwrap_err();
            assert!(error.to_string().contains("universe_domain"), "{error}");
        }
    }
}
