//! A session of a role, got with a token of another issuer: [`WebIdentity`].

mod builder;
mod token;

use std::fmt;
use std::path::PathBuf;

use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityInput;
use keytide_aws_policy::RoleArn;
use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use keytide_issuer::{Env, FileWatch};
use zeroize::Zeroizing;

pub use self::builder::WebIdentityBuilder;
pub use self::token::WebIdentityToken;
use crate::keys::Keys;
use crate::marks::{Marks, SessionOf};
use crate::session::{Granted, RoleSessions, SessionRequest, role_session};
use crate::sts::{Call, StsEndpoint, unwritten};

/// Asks STS for a session of a role by a token of an OpenID Connect issuer that the account trusts
/// (`AssumeRoleWithWebIdentity`): IAM roles for service accounts (IRSA), a CI system, any issuer of JSON web tokens.
///
/// The token comes from a file, which is opened anew for each call, or from any cache of bearer tokens:
///
/// ```
/// use keytide_aws::{WebIdentity, WebIdentityToken};
///
/// # fn main() -> Result<(), keytide_core::Error> {
/// // What EKS sets for the pod of a service account that has a role.
/// let provider = WebIdentity::new();
///
/// // A role and a file by name.
/// let provider = WebIdentity::builder(
///     "arn:aws:iam::123456789012:role/invoices",
///     WebIdentityToken::file("/var/run/secrets/tokens/aws"),
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
/// [`Unavailable`](keytide_core::ErrorKind::Unavailable), as [`SmallFile`](keytide_issuer::SmallFile) says. A cache of tokens whose provider is not
/// configured is [`Misconfigured`](keytide_core::ErrorKind::Misconfigured).
///
/// # Revocation
/// As for [`AssumeRole`](crate::AssumeRole#revocation).
pub struct WebIdentity {
    claim: Claim,
    session: SessionRequest,
    watch: FileWatch,
}

/// Which role is asked for, and by what.
#[derive(Debug)]
pub(crate) enum Claim {
    /// The environment names the role and the file.
    Environment,
    Given(RoleArn, WebIdentityToken),
}

impl WebIdentity {
    /// The role in `AWS_ROLE_ARN` by the token in the file that `AWS_WEB_IDENTITY_TOKEN_FILE` names, both read at each
    /// call. It is not configured where neither is set; where only one is, it is configured wrongly.
    #[must_use]
    pub fn new() -> Self {
        Self::of_environment(StsEndpoint::default())
    }

    /// Starts a provider of sessions of this role, by this token.
    pub fn builder(role_arn: impl Into<String>, token: WebIdentityToken) -> WebIdentityBuilder {
        WebIdentityBuilder::new(role_arn.into(), token)
    }

    /// The environment variables that are looked at. Defaults to those of the process.
    #[must_use]
    pub fn env(mut self, env: Env) -> Self {
        self.session.sts.env = env;
        self
    }

    /// Lets the configuration (`AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`) have STS asked at this origin too: see
    /// [`WebIdentityBuilder::danger_allow_endpoint`].
    #[must_use]
    pub fn danger_allow_endpoint(mut self, origin: impl Into<String>) -> Self {
        self.session.sts.allowed.allow(origin.into());
        self
    }

    /// What STS says of the sessions that it gives.
    #[must_use]
    pub fn sessions(&self) -> RoleSessions {
        self.session.sessions.clone()
    }

    pub(crate) fn of_environment(sts: StsEndpoint) -> Self {
        Self {
            claim: Claim::Environment,
            session: SessionRequest::new(sts),
            watch: FileWatch::new(),
        }
    }

    pub(crate) fn of_profile(role: RoleArn, path: PathBuf, sts: StsEndpoint) -> Self {
        Self {
            claim: Claim::Given(role, WebIdentityToken::file(path)),
            session: SessionRequest::new(sts),
            watch: FileWatch::new(),
        }
    }

    pub(crate) async fn keys(&self, request: &Request) -> Result<Keys, Error> {
        let configured;
        let (role, token) = match &self.claim {
            Claim::Environment => {
                configured = self.configured()?;
                (&configured.0, &configured.1)
            }
            Claim::Given(role, token) => (role, token),
        };
        let text = token.text(role, request).await?;
        self.send(role, text, request).await
    }

    /// The role and the file that the environment names.
    fn configured(&self) -> Result<(RoleArn, WebIdentityToken), Error> {
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
        Ok((role, WebIdentityToken::file(path)))
    }

    async fn send(
        &self,
        role: &RoleArn,
        mut token: Zeroizing<String>,
        request: &Request,
    ) -> Result<Keys, Error> {
        let input = AssumeRoleWithWebIdentityInput::builder()
            .role_arn(role.as_str())
            .role_session_name(SessionRequest::name(request))
            .web_identity_token(std::mem::take(&mut *token))
            .set_duration_seconds(self.session.seconds(false))
            .set_policy(self.session.policy())
            .set_policy_arns(self.session.policy_arns())
            .build()
            .map_err(unwritten)?;
        let call = Call::new(&self.session.sts, None, request).await?;
        let denied = || {
            format!(
                "; the trust policy of {} needs the action sts:AssumeRoleWithWebIdentity for the token's issuer, and conditions \
                 that its claims sub and aud meet; a role that does not exist is denied in the same way",
                role.as_str()
            )
        };
        let output = call.send(input, denied).await?;
        self.session.granted(Granted {
            role,
            session: role_session!(output),
            credentials: output.credentials,
            marks: Marks::of_session(SessionOf::Role),
            chained: false,
        })
    }
}

impl Default for WebIdentity {
    fn default() -> Self {
        Self::new()
    }
}

impl ProvideCredential for WebIdentity {
    fn profile(&self) -> Profile {
        self.session.profile("web_identity", false)
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let keys = self.watch.attempt(request, self.keys(request));
        Ok(keys.await?.issued())
    }
}

impl fmt::Debug for WebIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebIdentity")
            .field("claim", &self.claim)
            .field("session", &self.session)
            .finish()
    }
}

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE_ARN: &str = "AWS_ROLE_ARN";
