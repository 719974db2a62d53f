//! A session of a role, got with a token of another issuer: [`WebIdentity`].

mod builder;

use std::fmt;
use std::path::PathBuf;

use keytide_aws_policy::RoleArn;
use keytide_core::{Error, Issued, Profile, ProvideCredential, Request, Subject};
use keytide_issuer::{Env, SmallFile};
use zeroize::Zeroizing;

pub use self::builder::WebIdentityBuilder;
use crate::failure::starting_from_cache;
use crate::keys::Keys;
use crate::session::{RoleSessions, SessionRequest, role_session};
use crate::sts::{Call, StsEndpoint};

/// Asks STS for a session of a role by a token of an OpenID Connect issuer that the account trusts
/// (`AssumeRoleWithWebIdentity`): IAM roles for service accounts (IRSA), a CI system, any issuer of JSON web tokens.
///
/// The token comes from a file, which is opened anew for each call, or from any cache of bearer tokens:
///
/// ```
/// use keytide_aws::WebIdentity;
///
/// # fn main() -> Result<(), keytide_core::Error> {
/// // What EKS sets for the pod of a service account that has a role.
/// let provider = WebIdentity::from_environment();
///
/// // A role and a file by name.
/// let provider = WebIdentity::file(
///     "arn:aws:iam::123456789012:role/invoices",
///     "/var/run/secrets/tokens/aws",
/// )
/// .region("eu-west-1")
/// .build()?;
/// # Ok(())
/// # }
/// ```
///
/// The call is not signed, and **it carries the agent's identity in the session name alone**
/// ([`session_name`](keytide_aws_policy::session_name)): STS takes no tags and no source identity beside a token. They come from the
/// token's claims `https://aws.amazon.com/tags` and `https://aws.amazon.com/source_identity`, so it is its issuer that can
/// add them. `AWS_ROLE_SESSION_NAME` is not looked at: the name of a session says who acts.
///
/// # Errors
/// By the code of STS: [the table](crate#errors). `ExpiredTokenException` and `IDPCommunicationError` are tried again with
/// the token as it is then; `InvalidIdentityToken` and `IDPRejectedClaim` are refusals. A file that is not there is
/// [`Unavailable`](keytide_core::ErrorKind::Unavailable), as [`SmallFile`] says. A cache of tokens whose provider is not
/// configured is [`Misconfigured`](keytide_core::ErrorKind::Misconfigured).
///
/// # Revocation
/// As for [`AssumeRole`](crate::AssumeRole#revocation).
pub struct WebIdentity {
    /// `None`: the environment names it.
    role: Option<RoleArn>,
    token: Token,
    session: SessionRequest,
}

/// Where the token comes from.
#[derive(Debug)]
pub(crate) enum Token {
    /// The environment names the file and the role.
    Environment,
    File(PathBuf),
    Subject(Subject),
}

impl WebIdentity {
    /// The role in `AWS_ROLE_ARN` by the token in the file that `AWS_WEB_IDENTITY_TOKEN_FILE` names, both read at each
    /// call. It is not configured where neither is set; where only one is, it is configured wrongly.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::of_environment(StsEndpoint::default())
    }

    /// The environment variables that are looked at. Defaults to those of the process.
    #[must_use]
    pub fn env(mut self, env: Env) -> Self {
        self.session.sts.env = env;
        self
    }

    /// Starts a provider of sessions of this role, by the token in this file.
    pub fn file(role_arn: impl Into<String>, path: impl Into<PathBuf>) -> WebIdentityBuilder {
        WebIdentityBuilder::new(role_arn.into(), Token::File(path.into()))
    }

    /// Starts a provider of sessions of this role, by the token that another cache keeps fresh.
    ///
    /// A forced refresh asks that cache again first.
    pub fn token(role_arn: impl Into<String>, token: Subject) -> WebIdentityBuilder {
        WebIdentityBuilder::new(role_arn.into(), Token::Subject(token))
    }

    /// What STS says of the sessions that it gives.
    #[must_use]
    pub fn sessions(&self) -> RoleSessions {
        self.session.sessions.clone()
    }

    pub(crate) fn of_environment(sts: StsEndpoint) -> Self {
        Self {
            role: None,
            token: Token::Environment,
            session: SessionRequest::new(sts),
        }
    }

    pub(crate) fn of_profile(role: RoleArn, path: PathBuf, sts: StsEndpoint) -> Self {
        Self {
            role: Some(role),
            token: Token::File(path),
            session: SessionRequest::new(sts),
        }
    }

    pub(crate) async fn keys(&self, request: &Request) -> Result<Keys, Error> {
        let (role, token) = match &self.token {
            Token::Environment => {
                let (role, path) = self.configured()?;
                (role, of_file(path).await?)
            }
            Token::File(path) => (self.role()?, of_file(path.clone()).await?),
            Token::Subject(subject) => {
                let role = self.role()?;
                let credential = subject.obtain(request).await.map_err(|error| {
                    let what = format!("the role {} is asked for by a token of", role.as_str());
                    starting_from_cache(what, error)
                })?;
                let token = credential.expose_bearer("web identity token")?;
                (role, text_of(NAMED, token)?)
            }
        };
        self.send(&role, token, request).await
    }

    /// The role and the file that the environment names.
    fn configured(&self) -> Result<(RoleArn, PathBuf), Error> {
        let env = &self.session.sts.env;
        let half = |set: &str, missing: &str| {
            Error::misconfigured(format!(
                "{set} is set and {missing} is not: set both, or neither"
            ))
        };
        let (path, arn) = match (env.get(TOKEN_FILE)?, env.get(ROLE_ARN)?) {
            (Some(path), Some(arn)) => (path, arn),
            (Some(_), None) => return Err(half(TOKEN_FILE, ROLE_ARN)),
            (None, Some(_)) => return Err(half(ROLE_ARN, TOKEN_FILE)),
            (None, None) => {
                return Err(Error::not_configured(format!(
                    "{TOKEN_FILE} and {ROLE_ARN} are not set"
                )));
            }
        };
        let role = RoleArn::parse(&arn).map_err(|error| {
            Error::misconfigured(format!("{ROLE_ARN} is refused")).caused_by(error)
        })?;
        Ok((role, path.into()))
    }

    fn role(&self) -> Result<RoleArn, Error> {
        self.role
            .clone()
            .ok_or_else(|| Error::misconfigured("the provider has no role"))
    }
}

impl WebIdentity {
    async fn send(
        &self,
        role: &RoleArn,
        mut token: Zeroizing<String>,
        request: &Request,
    ) -> Result<Keys, Error> {
        let call = Call::new(&self.session.sts, None, request)?;
        let asked = call
            .client
            .assume_role_with_web_identity()
            .role_arn(role.as_str())
            .role_session_name(SessionRequest::name(request))
            .web_identity_token(std::mem::take(&mut *token))
            .set_duration_seconds(self.session.seconds(false))
            .set_policy(self.session.policy())
            .set_policy_arns(self.session.policy_arns())
            .send();
        let denied = || {
            format!(
                "; the trust policy of {} needs the action sts:AssumeRoleWithWebIdentity for the token's issuer, and conditions \
                 that its claims sub and aud meet; a role that does not exist is denied in the same way",
                role.as_str()
            )
        };
        let output = call.send(asked, denied).await?;
        self.session
            .granted(role_session!(output), output.credentials)
    }
}

async fn of_file(path: PathBuf) -> Result<Zeroizing<String>, Error> {
    let file = SmallFile::new(path, NAMED);
    let content = file.read().await?;
    text_of(&format!("{NAMED} in {}", file.path().display()), &content)
}

/// A token is one line of text. One that is being written may be empty for a moment.
fn text_of(named: &str, content: &[u8]) -> Result<Zeroizing<String>, Error> {
    let token = content.trim_ascii();
    let text = std::str::from_utf8(token)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()));
    match text {
        Some("") => Err(Error::unavailable(format!("{named} is empty"))),
        Some(text) => Ok(Zeroizing::new(text.to_owned())),
        None => Err(Error::unavailable(format!(
            "{named} is no token: it is not one line of text"
        ))),
    }
}

impl ProvideCredential for WebIdentity {
    fn profile(&self) -> Profile {
        self.session.profile("web_identity", false)
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        Ok(self.keys(request).await?.issued())
    }
}

impl fmt::Debug for WebIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebIdentity")
            .field("token", &self.token)
            .field("role", &self.role)
            .field("session", &self.session)
            .finish()
    }
}

const NAMED: &str = "the web identity token";
const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE_ARN: &str = "AWS_ROLE_ARN";
