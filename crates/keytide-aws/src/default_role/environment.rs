//! Keys in environment variables: [`EnvironmentKeys`].

use keytide_core::{Error, ErrorKind, Request};
use zeroize::Zeroizing;

use crate::keys::{Keys, instant};
use crate::lambda_environment::LambdaEnvironment;
use crate::variables::Variables;

/// A Lambda function's keys; others are found and refused.
#[derive(Debug, Clone)]
pub(super) struct EnvironmentKeys {
    variables: Variables,
    lambda: LambdaEnvironment,
    allow_static: bool,
}

impl EnvironmentKeys {
    pub(super) fn new(variables: Variables, allow_static: bool) -> Self {
        Self {
            lambda: LambdaEnvironment::new().variables(variables.clone()),
            variables,
            allow_static,
        }
    }

    pub(super) async fn keys(&self, request: &Request) -> Result<Keys, Error> {
        match self.lambda.keys(request).await {
            Err(error) if error.kind() == ErrorKind::NotConfigured => {}
            answer => return answer,
        }
        let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        let [Some(access_key_id), Some(secret)] = names.map(|name| self.variables.get(name)) else {
            return Err(Error::not_configured(
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set",
            ));
        };
        let token = self.variables.get("AWS_SESSION_TOKEN");
        if !self.allow_static {
            let what = if token.is_some() {
                "hold the keys of a session that nobody renews"
            } else {
                "hold keys that never expire"
            };
            return Err(Error::misconfigured(format!(
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY {what}: take them out of the environment, so that the role of this \
                 workload is found, or allow them by danger_allow_static_keys"
            )));
        }
        let expires = self.variables.get("AWS_CREDENTIAL_EXPIRATION");
        let expires_at = expires.as_deref().map(instant).transpose().map_err(|_| {
            Error::misconfigured("AWS_CREDENTIAL_EXPIRATION is no instant in RFC 3339")
        })?;
        let keys = Keys {
            access_key_id,
            secret_access_key: Zeroizing::new(secret),
            session_token: token.map(Zeroizing::new),
            expires_at,
            principal: None,
        };
        keys.checked()
    }
}
