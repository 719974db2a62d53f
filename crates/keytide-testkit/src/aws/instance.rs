//! The instance metadata service: [`Instance`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::document;
use crate::server::{Field, Good, Received, Reply};

/// The metadata service of an EC2 instance, version 2 alone: whoever asks without a session token that it gave gets 401.
///
/// | request | answer |
/// |---|---|
/// | `PUT /latest/api/token` with a lifetime of 1 to 21600 s | a session token; 400 without a lifetime, 403 with `X-Forwarded-For` |
/// | `GET /latest/meta-data/iam/security-credentials/` | the role's name; 404 without a role |
/// | `GET /latest/meta-data/iam/security-credentials/{role}` | its keys |
#[derive(Debug, Clone)]
pub struct Instance {
    prefix: String,
    role: Option<String>,
    lifetime: Duration,
}

impl Instance {
    /// An instance whose keys have secrets of this prefix and the request's number, for six hours.
    #[must_use]
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            role: Some("instance-role".to_owned()),
            lifetime: Duration::from_secs(6 * 3600),
        }
    }

    /// The role's name, of an instance that has one. Defaults to `instance-role`.
    #[must_use]
    pub fn role(mut self, role: Option<&str>) -> Self {
        self.role = role.map(ToOwned::to_owned);
        self
    }

    /// How long keys last. Defaults to 6 h.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    fn answer(&self, asked: &Received, tokens: &Mutex<Vec<String>>) -> Reply {
        let mut tokens = tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.path() == "/latest/api/token" {
            let lifetime = asked.header("x-aws-ec2-metadata-token-ttl-seconds");
            let good = lifetime
                .and_then(|text| text.parse::<u32>().ok())
                .is_some_and(|seconds| (1..=21_600).contains(&seconds));
            if asked.method() != "PUT" {
                return Reply::new(405);
            }
            if asked.header("x-forwarded-for").is_some() {
                return Reply::new(403);
            }
            if !good {
                return Reply::new(400);
            }
            let token = format!("{}metadata-{}==", self.prefix, asked.number());
            tokens.push(token.clone());
            return Reply::new(200)
                .header("content-type", "text/plain")
                .header(
                    "x-aws-ec2-metadata-token-ttl-seconds",
                    lifetime.unwrap_or_default(),
                )
                .body(token);
        }
        let known = asked
            .header("x-aws-ec2-metadata-token")
            .is_some_and(|token| tokens.iter().any(|known| known == token));
        if !known {
            return Reply::new(401);
        }
        let rest = asked
            .path()
            .strip_prefix("/latest/meta-data/iam/security-credentials/");
        match (rest, &self.role) {
            (Some(""), Some(role)) => Reply::new(200)
                .header("content-type", "text/plain")
                .body(role.as_str()),
            (Some(asked_for), Some(role)) if asked_for == role => {
                Reply::json(200, &document(&self.prefix, asked.number(), self.lifetime))
            }
            _ => Reply::new(404),
        }
    }
}

impl From<Instance> for Good {
    fn from(instance: Instance) -> Self {
        let tokens = Arc::new(Mutex::new(Vec::new()));
        Self::new(move |asked| instance.answer(asked, &tokens))
            .field(Field::Token, "/SecretAccessKey")
    }
}
