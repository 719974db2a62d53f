//! The role of an EC2 instance: [`Imds`].

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use keytide_aws_policy::is_legal_in_name;
use keytide_core::{Error, ErrorKind, Issued, Profile, ProvideCredential, Request};
use keytide_issuer::{Ask, Endpoint, Env, IssuerClient, Reply};
use zeroize::Zeroizing;

use crate::codes::{self, METADATA};
use crate::document::Document;
use crate::failure::{AMZ_RETRY_AFTER, Failure, patience};
use crate::keys::Keys;
use crate::marks::SessionOf;

/// Asks the instance metadata service for the keys of the instance's role. Version 2 alone: a session token first, and
/// never a request without one.
///
/// ```
/// use keytide_aws::Imds;
///
/// let provider = Imds::new();
/// ```
///
/// | variable | says |
/// |---|---|
/// | `AWS_EC2_METADATA_DISABLED` | `true`: not configured |
/// | `AWS_EC2_METADATA_SERVICE_ENDPOINT` | another address, such as `http://[fd00:ec2::254]` |
/// | `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE` | `IPv4` or `IPv6` |
///
/// The principal is the role's name. Where the instance is given another role while it runs, the cache does not serve that
/// one's keys before they are [adopted](keytide_core::Cache::adopt_principal).
///
/// The service gives new keys at least 5 min before the old ones end; asked earlier it gives the same again. What it gives
/// past its end is no success: nothing here lengthens a life.
///
/// # In a container
/// The answer to the request for a session token may cross as many hops as the instance's options say, one by default. A
/// container on a bridged network is one further away: the request is then not refused, **it times out**. The error says so;
/// mend it by `--http-put-response-hop-limit 2`, or better by giving the task or the pod a role of its own.
///
/// # Errors
/// | what the service does | kind |
/// |---|---|
/// | no role is attached (404), it is turned off | [`NotConfigured`](keytide_core::ErrorKind::NotConfigured) |
/// | the role that the provider [names](Self::role) is not attached (404); a variable that is not UTF-8, or no address of the service | [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) |
/// | 403; a failure by code with status 200, such as `AssumeRoleUnauthorizedAccess` | [`Refused`](keytide_core::ErrorKind::Refused) |
/// | throttling codes, 429 | [`Throttled`](keytide_core::ErrorKind::Throttled) |
/// | no answer, 401, 404 for a role that the service has just named, 5xx, what is no credential | [`Unavailable`](keytide_core::ErrorKind::Unavailable) |
///
/// # Revocation
/// Nothing takes the keys back before they end. An operator can end them by a deny policy on the role, which befalls all
/// its instances.
#[derive(Clone)]
pub struct Imds {
    role: Option<String>,
    endpoint: Option<String>,
    env: Env,
    client: Option<IssuerClient>,
}

impl Imds {
    /// The role of this instance.
    #[must_use]
    pub fn new() -> Self {
        Self {
            role: None,
            endpoint: None,
            env: Env::process(),
            client: None,
        }
    }

    /// The role's name, which saves a request. Defaults to asking for it.
    #[must_use]
    pub fn role(mut self, name: impl Into<String>) -> Self {
        self.role = Some(name.into());
        self
    }

    /// Where the service is: a documented metadata address, or loopback for a test. Defaults to what the environment says,
    /// else `http://169.254.169.254`.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// The environment variables that are looked at. Defaults to those of the process.
    #[must_use]
    pub fn env(mut self, env: Env) -> Self {
        self.env = env;
        self
    }

    /// The client that asks. Defaults to [`IssuerClient::quick`], with 2 s for an answer.
    #[must_use]
    pub fn client(mut self, client: IssuerClient) -> Self {
        self.client = Some(client);
        self
    }

    pub(crate) async fn keys(&self, request: &Request) -> Result<Keys, Error> {
        let endpoint = self.service()?;
        let answer = self.ask(&endpoint, request).await;
        answer.map_err(|error| match (&self.role, error.kind()) {
            (Some(role), ErrorKind::NotConfigured) => Error::misconfigured(format!(
                "the provider names the role {role} of this instance (Imds::role), and {error}"
            )),
            _ => error,
        })
    }

    async fn ask(&self, endpoint: &Endpoint, request: &Request) -> Result<Keys, Error> {
        let client = self
            .client
            .clone()
            .map_or_else(|| IssuerClient::quick(ANSWER), Ok)?;
        let ask = client
            .put(&endpoint.at_path(TOKEN_PATH)?)
            .header(TOKEN_LIFETIME_HEADER, TOKEN_LIFETIME);
        let reply = ask.send(request).await.map_err(|error| silent(&error))?;
        let token = Self::accept(reply, Step::Token)?;
        let get = |path: &str| {
            let ask = client.get(&endpoint.at_path(path)?);
            Ok::<Ask, Error>(ask.secret_header(TOKEN_HEADER, token.trim_ascii()))
        };

        let attached = async || {
            let reply = get(ROLES_PATH)?.send(request).await?;
            let body = Self::accept(reply, Step::Role)?;
            let text = std::str::from_utf8(&body).unwrap_or_default();
            Ok::<_, Error>(text.lines().next().unwrap_or_default().trim().to_owned())
        };
        let role = match &self.role {
            Some(role) => role.clone(),
            None => attached().await?,
        };
        if !is_role(&role) {
            if self.role.is_some() {
                return Err(Error::misconfigured(
                    "the name of the instance's role is none that a role can have",
                ));
            }
            return Err(Error::unavailable(
                "the metadata service names no role where its name should stand: check that it is the service that answers",
            ));
        }

        let reply = get(&format!("{ROLES_PATH}{role}"))?.send(request).await?;
        let listed = self.role.is_none();
        let is_named = !listed && reply.status() == StatusCode::NOT_FOUND;
        if is_named && reply.code(&METADATA).is_none() {
            // Which one is attached decides what is to be mended.
            let other = attached().await?;
            return Err(if is_role(&other) && other != role {
                Error::not_configured(format!(
                    "it has the role {other}: name that one, or leave it to the service to say"
                ))
            } else {
                Error::unavailable(
                    "the metadata service has no keys for the role that it lists: it is being replaced or taken away",
                )
            });
        }
        let body = Self::accept(reply, Step::Keys { listed })?;
        let document = Document::read("the answer of the metadata service", &body)?;
        if let Some(code) = document.code.as_deref().filter(|code| *code != "Success") {
            let failure = Failure {
                origin: "the metadata service",
                status: StatusCode::OK,
                code: codes::known(code),
                retry_after: None,
            };
            return Err(failure.error());
        }
        let mut keys = document.session_keys(SessionOf::Instance)?;
        keys.principal.get_or_insert(role);
        Ok(keys)
    }

    /// The address, by the environment.
    fn service(&self) -> Result<Endpoint, Error> {
        if self.env.is_true("AWS_EC2_METADATA_DISABLED")? {
            return Err(Error::not_configured(
                "AWS_EC2_METADATA_DISABLED turns the metadata service off",
            ));
        }
        if let Some(url) = &self.endpoint {
            return Endpoint::parse(url);
        }
        if let Some(endpoint) = self.env.endpoint("AWS_EC2_METADATA_SERVICE_ENDPOINT")? {
            return Ok(endpoint);
        }
        let mode = self.env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")?;
        match mode.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("ipv4") => Endpoint::parse("http://169.254.169.254"),
            Some("ipv6") => Endpoint::parse("http://[fd00:ec2::254]"),
            Some(_) => Err(Error::misconfigured(
                "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is neither IPv4 nor IPv6",
            )),
        }
    }

    fn accept(reply: Reply, step: Step) -> Result<Zeroizing<Vec<u8>>, Error> {
        let status = reply.status();
        if !status.is_success() {
            let failure = Failure {
                origin: "the metadata service",
                status,
                code: reply.code(&METADATA),
                retry_after: patience(reply.header(AMZ_RETRY_AFTER), reply.retry_after()),
            };
            return Err(match failure.code {
                Some(_) => failure.error(),
                None => step.failed(status).unwrap_or_else(|| failure.error()),
            });
        }
        let answer = reply.accept(&METADATA)?;
        if step == Step::Token && !is_token(answer.body()) {
            return Err(Error::unavailable(
                "the metadata service gives no session token where one should stand: check that it is the service that answers",
            ));
        }
        Ok(Zeroizing::new(answer.body().to_vec()))
    }
}

impl Default for Imds {
    fn default() -> Self {
        Self::new()
    }
}

impl ProvideCredential for Imds {
    fn profile(&self) -> Profile {
        Profile::signing_key("imds").issuer("http://169.254.169.254")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        Ok(self.keys(request).await?.issued())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Token,
    Role,
    /// `listed`: the service itself named the role a moment ago.
    Keys {
        listed: bool,
    },
}

impl Step {
    /// What a status means where no code explains it.
    fn failed(self, status: StatusCode) -> Option<Error> {
        let answered =
            |what: &str| format!("the metadata service answers {} {what}", status.as_u16());
        match (status, self) {
            (StatusCode::NOT_FOUND, Self::Keys { listed: true }) => Some(Error::unavailable(
                answered("for the role that it has just named: it is being replaced or taken away"),
            )),
            (StatusCode::NOT_FOUND, Self::Role | Self::Keys { .. }) => Some(Error::not_configured(
                answered("to the question for the role: none is attached to this instance"),
            )),
            (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, Self::Token) => {
                Some(Error::unavailable(answered(
                    "to the request for a session token: it has no version 2, and version 1 is never asked",
                )))
            }
            (StatusCode::FORBIDDEN, _) => Some(Error::refused(answered(
                "to this process: it is turned off for the instance, or a rule of the machine forbids it",
            ))),
            (StatusCode::UNAUTHORIZED, _) => Some(Error::unavailable(answered(
                "to its own session token, which may have been lost meanwhile",
            ))),
            _ => None,
        }
    }
}

/// Whether a role can have this name.
fn is_role(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.chars().all(is_legal_in_name)
}

/// A session token of the service is text of one line.
fn is_token(body: &[u8]) -> bool {
    let token = body.trim_ascii();
    !token.is_empty() && token.len() <= 4096 && token.iter().all(u8::is_ascii_graphic)
}

/// Nothing came back: on an instance that is how a hop limit shows.
fn silent(error: &Error) -> Error {
    if error.kind() != ErrorKind::Unavailable {
        return error.clone();
    }
    Error::unavailable(
        "no session token from the metadata service: on an EC2 instance, a container that is one network hop too far away \
         sees just this time-out (raise the hop limit by `aws ec2 modify-instance-metadata-options \
         --http-put-response-hop-limit 2`, or give the task or pod a role of its own); elsewhere there is no such service",
    )
    .caused_by(error.clone())
}

impl fmt::Debug for Imds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imds")
            .field("role", &self.role)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// The service answers at once or not at all.
const ANSWER: Duration = Duration::from_secs(2);
const TOKEN_PATH: &str = "/latest/api/token";
const ROLES_PATH: &str = "/latest/meta-data/iam/security-credentials/";
const TOKEN_LIFETIME_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";
/// Seconds: as long as a call could take.
const TOKEN_LIFETIME: &str = "60";
