//! The IAM Credentials API.

use std::time::Duration;

use serde_json::{Value, json};

use super::state::rfc3339;
use super::{Google, api_error};
use crate::server::{Received, Reply};

impl Google {
    pub(super) fn iam(&self, asked: &Received, call: &str) -> Reply {
        let bearer = asked
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer "));
        if !bearer.is_some_and(|token| self.issued(token)) {
            let reason = Some("ACCESS_TOKEN_EXPIRED");
            return api_error(401, "UNAUTHENTICATED", "no valid base token", reason);
        }
        let refused = |what: &str| api_error(400, "INVALID_ARGUMENT", what, None);
        let Ok(body) = serde_json::from_slice::<Value>(asked.body()) else {
            return refused("body");
        };
        let delegates = body.get("delegates").and_then(Value::as_array);
        let named = |name: &Value| {
            name.as_str()
                .is_some_and(|name| name.starts_with("projects/-/serviceAccounts/"))
        };
        if !delegates.is_none_or(|delegates| delegates.iter().all(named)) {
            return refused("delegates");
        }
        let call = call.replace("%40", "@");
        match call.split_once(':') {
            Some((email, _)) if !email.contains('@') => {
                api_error(404, "NOT_FOUND", "no such service account", None)
            }
            Some((_, "generateAccessToken")) => self.generated(asked, &body),
            Some((email, "generateIdToken")) => match body["audience"].as_str() {
                Some(audience) if !audience.is_empty() => {
                    Reply::json(200, &json!({ "token": self.identity(audience, email) }))
                }
                _ => refused("audience"),
            },
            _ => api_error(404, "NOT_FOUND", "no such method", None),
        }
    }

    fn generated(&self, asked: &Received, body: &Value) -> Reply {
        let refused = |what: &str| api_error(400, "INVALID_ARGUMENT", what, None);
        if body["scope"].as_array().is_none_or(Vec::is_empty) {
            return refused("scope");
        }
        let lifetime = match body.get("lifetime") {
            None => Some(3600),
            Some(told) => told
                .as_str()
                .and_then(|told| told.strip_suffix('s')?.parse::<u64>().ok()),
        };
        let Some(lifetime) = lifetime.filter(|lifetime| (1..=43_200).contains(lifetime)) else {
            return refused("lifetime");
        };
        // Issuers here may hand out shorter lives than are asked for, so that a test can watch them end.
        let lifetime = Duration::from_secs(lifetime).min(self.lifetime.max(Duration::from_secs(1)));
        let body = json!({
            "accessToken": self.mint("impersonated", asked),
            "expireTime": rfc3339((self.time)() + lifetime),
        });
        Reply::json(200, &body)
    }
}
