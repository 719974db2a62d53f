//! The role of a task or a pod: [`ContainerEndpoint`].

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use keytide_issuer::{
    Endpoint, Env, FileWatch, IssuerClient, IssuerClientBuilder, SmallFile, header_text,
};
use zeroize::Zeroizing;

use crate::codes::METADATA;
use crate::document::Document;
use crate::failure::{AMZ_RETRY_AFTER, Failure, answered, patience};
use crate::keys::Keys;
use crate::marks::SessionOf;
use crate::tls_client::{Limits, TlsClient};

/// Asks the endpoint that a container platform names by environment variables: an ECS task role, EKS Pod Identity,
/// Greengrass, Lambda SnapStart.
///
/// ```
/// use keytide_aws::ContainerEndpoint;
///
/// let provider = ContainerEndpoint::new();
/// ```
///
/// | variable | says |
/// |---|---|
/// | `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` | a path at `http://169.254.170.2`; goes first |
/// | `AWS_CONTAINER_CREDENTIALS_FULL_URI` | a URL: `https` to any host; `http` to a loopback address, `localhost`, 169.254.170.2, 169.254.170.23 or `fd00:ec2::23` alone |
/// | `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` | a file whose content is sent as `Authorization`, read anew at each call; goes first |
/// | `AWS_CONTAINER_AUTHORIZATION_TOKEN` | what is sent as `Authorization` |
///
/// Where the URL may lead is judged before a byte is sent, and no name but `localhost` is taken for a local one: a name can
/// be made to lead elsewhere. What stands around the token in its file is trimmed off; a line break in it is refused: it would split
/// the header.
///
/// # Errors
/// | what happens | kind |
/// |---|---|
/// | none of these variables is set | [`NotConfigured`](keytide_core::ErrorKind::NotConfigured) |
/// | a token is set and neither URI; a variable that is not UTF-8; a URL that leads where it must not; a token with a line break; a token file that is none ([what that is](keytide_issuer::SmallFile)) | [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) |
/// | the token file is not there, no answer, 5xx, what is no credential | [`Unavailable`](keytide_core::ErrorKind::Unavailable) |
/// | a known code ([the table](crate#errors)) | by the code |
///
/// # Revocation
/// Nothing takes the keys back before they end; ECS gives them for up to 6 h. An operator can end them by a deny policy on
/// the role.
#[derive(Clone)]
pub struct ContainerEndpoint {
    env: Env,
    client: TlsClient,
    watch: FileWatch,
}

impl ContainerEndpoint {
    /// The endpoint that the environment names.
    #[must_use]
    pub fn new() -> Self {
        Self {
            env: Env::process(),
            client: TlsClient::default(),
            watch: FileWatch::new(),
        }
    }

    /// The environment variables that are looked at. Defaults to those of the process.
    #[must_use]
    pub fn env(mut self, env: Env) -> Self {
        self.env = env;
        self
    }

    /// The client that asks. Defaults to [`IssuerClient::quick`], with 5 s for an answer; where the endpoint is asked over TLS and
    /// `AWS_CA_BUNDLE` names a file, to one that trusts the certificates in it too.
    #[must_use]
    pub fn client(mut self, client: IssuerClient) -> Self {
        self.client = client.into();
        self
    }

    pub(crate) fn is_configured(&self) -> bool {
        [RELATIVE, FULL].iter().any(|name| self.env.has(name))
    }

    pub(crate) async fn keys(&self, request: &Request) -> Result<Keys, Error> {
        let endpoint = self.endpoint()?;
        self.ask(&endpoint, request).await.map_err(answered)
    }

    async fn ask(&self, endpoint: &Endpoint, request: &Request) -> Result<Keys, Error> {
        let client = self.client.client(&self.env, endpoint, Near).await?;
        let mut ask = client.get(endpoint).header("accept", "application/json");
        if let Some(token) = self.token().await? {
            ask = ask.secret_header("authorization", token.as_bytes());
        }
        let reply = ask.send(request).await?;
        let status = reply.status();
        if !status.is_success() {
            let failure = Failure {
                origin: "the container's endpoint",
                status,
                code: reply.code(&METADATA),
                retry_after: patience(reply.header(AMZ_RETRY_AFTER), reply.retry_after()),
            };
            return Err(failure.error_with(match status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if failure.code.is_none() => {
                    ": check the token in AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
                }
                _ => "",
            }));
        }
        let answer = reply.accept(&METADATA)?.judged(&METADATA)?;
        Document::read("the answer of the container's endpoint", answer.body())?
            .session_keys(SessionOf::Role)
    }

    /// Where the endpoint is, judged.
    fn endpoint(&self) -> Result<Endpoint, Error> {
        if let Some(path) = self.env.get(RELATIVE)? {
            return Endpoint::parse("http://169.254.170.2")?
                .at_path(&path)
                .map_err(|_| {
                    Error::misconfigured(format!(
                        "{RELATIVE} is no path that begins with one slash"
                    ))
                });
        }
        let Some(endpoint) = self.env.endpoint(FULL)? else {
            let neither = format!("neither {RELATIVE} nor {FULL} is set");
            return Err(match self.left_over() {
                Some(name) => Error::misconfigured(format!("{name} is set, and {neither}")),
                None => Error::not_configured(neither),
            });
        };
        // The guard knows metadata services that are none of containers.
        let address = endpoint.host().trim_matches(['[', ']']).parse::<IpAddr>();
        let of_containers = |address: IpAddr| {
            address.is_loopback() || OF_CONTAINERS.contains(&address.to_string().as_str())
        };
        match address {
            Ok(address) if !endpoint.as_str().starts_with("https:") && !of_containers(address) => {
                Err(Error::misconfigured(format!(
                    "{FULL} leads to {}, which is no address of a container's endpoint",
                    endpoint.origin()
                )))
            }
            _ => Ok(endpoint),
        }
    }

    /// What is set for the endpoint where no URI is: half of what somebody meant to set.
    fn left_over(&self) -> Option<&'static str> {
        [TOKEN_FILE, TOKEN]
            .into_iter()
            .find(|name| self.env.has(name))
    }

    /// What goes into the header as it is.
    async fn token(&self) -> Result<Option<Zeroizing<String>>, Error> {
        let (named, token) = if let Some(path) = self.env.get(TOKEN_FILE)? {
            let file = SmallFile::new(path, "the token of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
            (file.named(), file.read().await?)
        } else if let Some(token) = self.env.get(TOKEN)? {
            let token = Zeroizing::new(token.into_bytes());
            (format!("the token of {TOKEN}"), Arc::new(token))
        } else {
            return Ok(None);
        };
        let token = header_text(&token).map_err(|fault| fault.explain(&named))?;
        Ok(Some(Zeroizing::new(token.to_owned())))
    }
}

impl Default for ContainerEndpoint {
    fn default() -> Self {
        Self::new()
    }
}

impl ProvideCredential for ContainerEndpoint {
    fn profile(&self) -> Profile {
        let profile = Profile::signing_key("container_endpoint");
        match self.endpoint() {
            Ok(endpoint) => profile.issuer(endpoint.origin()),
            Err(_) => profile,
        }
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let keys = self.watch.attempt(request, self.keys(request));
        Ok(keys.await?.issued())
    }
}

impl fmt::Debug for ContainerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerEndpoint")
            .field("env", &self.env)
            .finish_non_exhaustive()
    }
}

/// For what is on the machine or one hop away.
struct Near;

impl Limits for Near {
    fn default(&self) -> Result<IssuerClient, Error> {
        IssuerClient::quick(ANSWER)
    }

    fn builder(&self) -> IssuerClientBuilder {
        IssuerClient::builder()
            .connect_timeout(CONNECTION)
            .answer_timeout(ANSWER)
    }
}

const CONNECTION: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(5);
const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
/// ECS, and EKS Pod Identity by either version of IP.
const OF_CONTAINERS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint<const N: usize>(variables: [(&str, &str); N]) -> Result<String, Error> {
        let provider = ContainerEndpoint::new().env(Env::of(variables));
        provider
            .endpoint()
            .map(|endpoint| endpoint.as_str().to_owned())
    }

    #[test]
    fn a_relative_uri_goes_first_and_stays_at_its_host() {
        assert_eq!(
            endpoint([
                (RELATIVE, "/v2/credentials/id?a=b"),
                (FULL, "http://127.0.0.1/")
            ])
            .unwrap(),
            "http://169.254.170.2/v2/credentials/id?a=b"
        );
        for bad in [
            "//evil.example/x",
            "http://evil.example/",
            "credentials",
            "/\\evil.example",
            "@evil.example",
        ] {
            let error = endpoint([(RELATIVE, bad)]).unwrap_err();
            assert_eq!(
                error.kind(),
                keytide_core::ErrorKind::Misconfigured,
                "{bad}"
            );
            assert!(!error.to_string().contains("evil"), "{error}");
        }
    }

    #[test]
    fn a_full_uri_leads_to_containers_endpoints_or_over_tls() {
        for good in [
            "http://127.0.0.1:8080/get-credentials",
            "http://127.8.9.10/",
            "http://[::1]:8080/x",
            "http://localhost:8080/credentials",
            "http://169.254.170.2:8080/get-credentials",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
            "https://amazon.example/x",
            "https://192.168.10.120/x",
        ] {
            assert_eq!(endpoint([(FULL, good)]).unwrap(), good);
        }
        for bad in [
            "http://amazon.example/x",
            "http://192.168.10.120/creds",
            "http://169.254.171.23/creds",
            "http://169.254.169.254/latest/",
            "http://[fd00:ec2::2]/creds",
            "http://[fd00:ec2::254]/creds",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://[::ffff:192.168.0.1]/",
            "http://127.0.0.1@evil.example/",
            "http://0.0.0.0/",
            "file:///etc/passwd",
            "ftp://127.0.0.1/",
            "not a url",
        ] {
            let error = endpoint([(FULL, bad)]).unwrap_err();
            assert_eq!(
                error.kind(),
                keytide_core::ErrorKind::Misconfigured,
                "{bad}"
            );
            assert!(error.to_string().contains(FULL), "{error}");
        }
    }
}
