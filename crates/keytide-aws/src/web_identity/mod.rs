//! A session of a role, got with a token of another issuer: [`WebIdentity`].

mod builder;

use std::fmt;
use std::path::PathBuf;

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request, Subject};
use keytide_issuer::{Env, SmallFile};
use zeroize::Zeroizing;

pub use self::builder::WebIdentityBuilder;
use crate::arn::RoleArn;
use crate::duration::SessionDuration;
use crate::failure::beneath_role;
use crate::keys::Keys;
use crate::naming::session_name;
use crate::policy::SessionPolicies;
use crate::session::{RoleSession, RoleSessions};
use crate::sts::{Call, Place, keys_of};

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
/// ([`session_name`](crate::session_name)): STS takes no tags and no source identity beside a token. They come from the
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
    token: Token,
    ask: Ask,
}

/// Where the token comes from.
#[derive(Debug)]
pub(crate) enum Token {
    /// The environment names the file and the role.
    Environment,
    File(PathBuf),
    Subject(Subject),
}

/// What is asked of STS, but for the token.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// `None`: the environment names it.
    role: Option<RoleArn>,
    place: Place,
    policies: SessionPolicies,
    duration: SessionDuration,
    sessions: RoleSessions,
}

impl WebIdentity {
    /// The role in `AWS_ROLE_ARN` by the token in the file that `AWS_WEB_IDENTITY_TOKEN_FILE` names, both read at each
    /// call. It is not configured where neither is set; where only one is, it is configured wrongly.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::of_environment(Place::default())
    }

    /// The environment variables that are looked at. Defaults to those of the process.
    #[must_use]
    pub fn env(mut self, env: Env) -> Self {
        self.ask.place.env = env;
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
        self.ask.sessions.clone()
    }

    pub(crate) fn of_environment(place: Place) -> Self {
        Self {
            token: Token::Environment,
            ask: Ask::new(None, place),
        }
    }

    pub(crate) fn of_profile(role: RoleArn, path: PathBuf, place: Place) -> Self {
        Self {
            token: Token::File(path),
            ask: Ask::new(Some(role), place),
        }
    }

    pub(crate) async fn keys(&self, request: &Request) -> Result<Keys, Error> {
        let (role, token) = match &self.token {
            Token::Environment => {
                let (role, path) = self.told()?;
                (role, of_file(path).await?)
            }
            Token::File(path) => (self.role()?, of_file(path.clone()).await?),
            Token::Subject(subject) => {
                let role = self.role()?;
                let credential = subject
                    .obtain(request)
                    .await
                    .map_err(|error| beneath_role(role.as_str(), error))?;
                let token = credential.expose_bearer("web identity token")?;
                (role, text_of(NAMED, token)?)
            }
        };
        self.ask.send(&role, token, request).await
    }

    /// The role and the file that the environment names.
    fn told(&self) -> Result<(RoleArn, PathBuf), Error> {
        let env = &self.ask.place.env;
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
        self.ask
            .role
            .clone()
            .ok_or_else(|| Error::misconfigured("the provider has no role"))
    }
}

impl Ask {
    pub(crate) fn new(role: Option<RoleArn>, place: Place) -> Self {
        Self {
            role,
            place,
            policies: SessionPolicies::default(),
            duration: SessionDuration::default(),
            sessions: RoleSessions::default(),
        }
    }

    async fn send(
        &self,
        role: &RoleArn,
        mut token: Zeroizing<String>,
        request: &Request,
    ) -> Result<Keys, Error> {
        let call = Call::new(&self.place, None, request)?;
        let asked = call
            .client
            .assume_role_with_web_identity()
            .role_arn(role.as_str())
            .role_session_name(session_name(request.identity(), request.instance()))
            .web_identity_token(std::mem::take(&mut *token))
            .set_duration_seconds(self.duration.seconds(false))
            .set_policy(self.policies.inline.clone())
            .set_policy_arns(self.policies.managed_for_sdk())
            .send();
        let denied = || {
            format!(
                "; the trust policy of {} needs the action sts:AssumeRoleWithWebIdentity for the token's issuer, and conditions \
                 that its claims sub and aud meet; a role that does not exist is denied in the same way",
                role.as_str()
            )
        };
        let output = call.send(asked, denied).await?;
        let session = session_of(&output);
        let principal = session.as_ref().map(|session| session.arn.clone());
        let keys = keys_of(output.credentials, principal)?;
        if let Some(session) = session {
            self.sessions.tell(session);
        }
        Ok(keys)
    }
}

#[expect(
    deprecated,
    reason = "partitions and servers that do not say session_token_utilization yet say this"
)]
fn session_of(
    output: &aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityOutput,
) -> Option<RoleSession> {
    let user = output.assumed_role_user.as_ref()?;
    let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
    Some(RoleSession {
        arn: user.arn.clone(),
        assumed_role_id: user.assumed_role_id.clone(),
        source_identity: output.source_identity.clone(),
        packed_policy_percent: number(output.packed_policy_size),
        session_token_bytes: number(output.session_token_size),
        session_token_percent: number(output.session_token_utilization),
    })
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
        let profile = Profile::signing_key("web_identity").issuer(self.ask.place.issuer());
        match self.ask.duration.longest(false) {
            Some(longest) => profile.longest_lifetime(longest),
            None => profile,
        }
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        Ok(self.keys(request).await?.issued())
    }
}

impl fmt::Debug for WebIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebIdentity")
            .field("token", &self.token)
            .field("ask", &self.ask)
            .finish()
    }
}

const NAMED: &str = "the web identity token";
const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE_ARN: &str = "AWS_ROLE_ARN";
