//! The role of a Lambda function: [`LambdaEnvironment`].

use std::fmt;
use std::time::Duration;

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use zeroize::Zeroizing;

use crate::container_endpoint::ContainerEndpoint;
use crate::keys::Keys;
use crate::variables::Variables;

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
/// # Revocation
/// Nothing takes the keys back before they end. An operator can end them by a deny policy on the role.
#[derive(Clone)]
pub struct LambdaEnvironment {
    variables: Variables,
    endpoint: ContainerEndpoint,
    reading_lasts: Duration,
}

impl LambdaEnvironment {
    /// The keys of this function's role.
    #[must_use]
    pub fn new() -> Self {
        Self {
            variables: Variables::of_process(),
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
    pub fn variables(mut self, variables: Variables) -> Self {
        self.endpoint = self.endpoint.variables(variables.clone());
        self.variables = variables;
        self
    }

    pub(crate) async fn keys(&self, request: &Request) -> Result<Keys, Error> {
        let Some(_function) = self.variables.get("AWS_LAMBDA_FUNCTION_NAME") else {
            return Err(Error::not_configured(
                "AWS_LAMBDA_FUNCTION_NAME is not set: this is no Lambda function",
            ));
        };
        if self.endpoint.is_configured() {
            return self.endpoint.keys(request).await;
        }
        let names = [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ];
        let [Some(access_key_id), Some(secret), Some(token)] =
            names.map(|name| self.variables.get(name))
        else {
            return Err(Error::not_configured(
                "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN are not all set, which Lambda does for a function with a role",
            ));
        };
        let keys = Keys {
            access_key_id,
            secret_access_key: Zeroizing::new(secret),
            session_token: Some(Zeroizing::new(token)),
            expires_at: request.now().checked_add(self.reading_lasts),
            principal: None,
        };
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
