//! The endpoint that containers are given: [`Container`].

use std::time::Duration;

use serde_json::json;

use super::document;
use crate::server::{Field, Good, Received, Reply};

/// The endpoint by which ECS tasks and EKS pods are given the keys of their role: any path, by `GET`, with the
/// `Authorization` that the platform wrote into the container's token file.
#[derive(Debug, Clone)]
pub struct Container {
    prefix: String,
    authorization: Option<String>,
    role_arn: Option<String>,
    lifetime: Duration,
}

impl Container {
    /// A container whose keys have secrets of this prefix and the request's number, for six hours.
    #[must_use]
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            authorization: None,
            role_arn: None,
            lifetime: Duration::from_secs(6 * 3600),
        }
    }

    /// What `Authorization` must be. Defaults to whatever it is.
    #[must_use]
    pub fn authorization(mut self, value: impl Into<String>) -> Self {
        self.authorization = Some(value.into());
        self
    }

    /// The ARN of the role, which ECS says. Defaults to none.
    #[must_use]
    pub fn role_arn(mut self, arn: impl Into<String>) -> Self {
        self.role_arn = Some(arn.into());
        self
    }

    /// How long keys last. Defaults to 6 h.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    fn answer(&self, asked: &Received) -> Reply {
        if asked.method() != "GET" {
            return Reply::new(405);
        }
        let wanted = self.authorization.as_deref();
        if wanted.is_some_and(|wanted| asked.header("authorization") != Some(wanted)) {
            let body = json!({ "code": "InvalidTokenException", "message": "no such token" });
            return Reply::json(401, &body);
        }
        let mut body = document(&self.prefix, asked.number(), self.lifetime);
        if let Some(members) = body.as_object_mut() {
            members.remove("Code");
            members.remove("Type");
            if let Some(arn) = &self.role_arn {
                members.insert("RoleArn".to_owned(), json!(arn));
            }
        }
        Reply::json(200, &body)
    }
}

impl From<Container> for Good {
    fn from(container: Container) -> Self {
        Self::new(move |asked| container.answer(asked)).field(Field::Token, "/SecretAccessKey")
    }
}
