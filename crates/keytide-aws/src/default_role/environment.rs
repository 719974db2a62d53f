//! Keys in environment variables: [`EnvironmentKeys`].

use keytide_core::{Error, Request};
use keytide_issuer::Env;

use crate::keys::{Keys, instant};
use crate::lambda_environment::LambdaEnvironment;

/// A Lambda function's keys; others are found and refused.
#[derive(Debug, Clone)]
pub(super) struct EnvironmentKeys {
    env: Env,
    lambda: LambdaEnvironment,
    allow_static: bool,
}

impl EnvironmentKeys {
    pub(super) fn new(env: Env, allow_static: bool) -> Self {
        Self {
            lambda: LambdaEnvironment::new().env(env.clone()),
            env,
            allow_static,
        }
    }

    pub(super) async fn keys(&self, request: &Request) -> Result<Keys, Error> {
        if self.lambda.is_configured()? {
            return self.lambda.keys(request).await;
        }
        let Some(mut keys) = Keys::of_variables(&self.env)? else {
            return Err(Error::not_configured(
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set",
            ));
        };
        if !self.allow_static {
            let what = if keys.session_token.is_some() {
                "hold the keys of a session that nobody renews"
            } else {
                "hold keys that never expire"
            };
            return Err(Error::misconfigured(format!(
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY {what}: take them out of the environment, so that the role of this \
                 workload is found, or allow them by danger_allow_static_keys"
            )));
        }
        let expires = self.env.get("AWS_CREDENTIAL_EXPIRATION")?;
        keys.expires_at = expires.as_deref().map(instant).transpose().map_err(|_| {
            Error::misconfigured("AWS_CREDENTIAL_EXPIRATION is no instant with an offset, such as 2026-11-24T10:00:00Z")
        })?;
        keys.checked()
    }
}
