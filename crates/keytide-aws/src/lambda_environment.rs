//! The role of a Lambda function: [`LambdaEnvironment`].

use std::fmt;
use std::time::Duration;

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use keytide_issuer::Env;

use crate::container_endpoint::ContainerEndpoint;
use crate::keys::{ACCESS_KEY_ID, Keys, SESSION_TOKEN};
use crate::marks::SessionOf;

/// The keys of a function's role, which Lambda puts into the environment of the process.
///
/// They are session keys, and count as such only where Lambda runs this process (`AWS_LAMBDA_FUNCTION_NAME`) and there is a
/// session token. Where a container endpoint is configured too (SnapStart), it is asked in place of the environment.
///
/// ```
/// use keytide_aws::LambdaEnvironment;
///
/// let provider = LambdaEnvironment::new();
/// ```
///
/// # Their end
/// Lambda does not say when they end: it replaces the execution environment, and the process with it, before they do. So
/// each reading counts for [`reading_lasts`](Self::reading_lasts), an hour by default, and then the environment is read
/// again. A request that is refused with `ExpiredToken` all the same is not saved by that: nothing in the process can get
/// other keys.
///
/// # Errors
/// | what happens | kind |
/// |---|---|
/// | `AWS_LAMBDA_FUNCTION_NAME` is not set, or neither keys nor an endpoint are | [`NotConfigured`](keytide_core::ErrorKind::NotConfigured) |
/// | some of `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` are set and others are not; one is not UTF-8 | [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) |
/// | the container endpoint fails | [as there](ContainerEndpoint#errors) |
///
/// # Revocation
/// Nothing takes the keys back before they end. An operator can end them by a deny policy on the role.
#[derive(Clone)]
pub struct LambdaEnvironment {
    env: Env,
    endpoint: ContainerEndpoint,
    reading_lasts: Duration,
}

impl LambdaEnvironment {
    /// The keys of this function's role.
    #[must_use]
    pub fn new() -> Self {
        Self {
            env: Env::process(),
            endpoint: ContainerEndpoint::new(),
            reading_lasts: Duration::from_secs(3600),
        }
    }

    /// How long what was read counts before it is read again. Defaults to 1 h. It says nothing of the end of the keys,
    /// which Lambda keeps to itself.
    #[must_use]
    pub fn reading_lasts(mut self, time: Duration) -> Self {
        self.reading_lasts = time;
        self
    }

    /// The environment variables that are looked at. Defaults to those of the process.
    #[must_use]
    pub fn env(mut self, env: Env) -> Self {
        self.endpoint = self.endpoint.env(env.clone());
        self.env = env;
        self
    }

    /// Whether there is a role of a function here: keys without a session token are none of Lambda's.
    pub(crate) fn is_configured(&self) -> Result<bool, Error> {
        let function = self.env.get(FUNCTION)?.is_some();
        Ok(function && (self.endpoint.is_configured() || self.env.has(SESSION_TOKEN)))
    }

    pub(crate) async fn keys(&self, request: &Request) -> Result<Keys, Error> {
        if self.env.get(FUNCTION)?.is_none() {
            return Err(Error::not_configured(format!(
                "{FUNCTION} is not set: this is no Lambda function"
            )));
        }
        if self.endpoint.is_configured() {
            return self.endpoint.keys(request).await;
        }
        let Some(keys) = Keys::of_variables(&self.env)? else {
            return Err(Error::not_configured(
                "the function has no keys in its environment, where Lambda puts those of its role",
            ));
        };
        if keys.session_token.is_none() {
            return Err(Error::misconfigured(format!(
                "{ACCESS_KEY_ID} is set and {SESSION_TOKEN} is not, which Lambda sets beside it: leave all three to Lambda"
            )));
        }
        let mut keys = Keys {
            expires_at: request.now().checked_add(self.reading_lasts),
            ..keys
        };
        keys.marks.session = Some(SessionOf::Role);
        keys.checked()
    }
}

impl Default for LambdaEnvironment {
    fn default() -> Self {
        Self::new()
    }
}

impl ProvideCredential for LambdaEnvironment {
    fn profile(&self) -> Profile {
        Profile::signing_key("lambda_environment")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        Ok(self.keys(request).await?.issued())
    }
}

impl fmt::Debug for LambdaEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LambdaEnvironment")
            .field("reading_lasts", &self.reading_lasts)
            .finish_non_exhaustive()
    }
}

const FUNCTION: &str = "AWS_LAMBDA_FUNCTION_NAME";
