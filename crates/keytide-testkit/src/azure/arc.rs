//! The agent of a server that is enabled for Arc: [`Arc`].

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::token::{Told, seconds};
use super::{SYSTEM_CLIENT_ID, TENANT, Time, parameter, refused};
use crate::server::{FaultServer, Field, Good, Received, Reply};

/// The agent of a server that is enabled for Arc: `IDENTITY_ENDPOINT` is its [`url`](FaultServer::url) of
/// `/metadata/identity/oauth2/token`.
///
/// It answers each request without a key with a challenge that names a new file in its directory, and takes the content
/// of that file once.
#[derive(Debug)]
pub struct Arc {
    directory: PathBuf,
    named: Option<String>,
    /// The content of the files that were named and not shown yet. Held to look and to set.
    keys: Mutex<HashSet<String>>,
    lifetime: Duration,
    expires_at: Option<SystemTime>,
    time: Time,
}

impl Arc {
    /// An agent that keeps its keys in this directory, which is there.
    #[must_use]
    pub fn new(directory: impl AsRef<Path>) -> Self {
        Self {
            directory: directory.as_ref().to_owned(),
            named: None,
            keys: Mutex::default(),
            lifetime: Duration::from_secs(24 * 3600),
            expires_at: None,
            time: Time::default(),
        }
    }

    /// Names this file in its challenges, whatever it is, as somebody would who wants to have it.
    #[must_use]
    pub fn naming(mut self, path: impl Into<String>) -> Self {
        self.named = Some(path.into());
        self
    }

    /// How long its tokens live from when they are made: now.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Its tokens end at this instant, whenever they are asked for.
    #[must_use]
    pub fn expires_at(mut self, instant: SystemTime) -> Self {
        self.expires_at = Some(instant);
        self
    }

    /// What it answers, for a server that is made elsewhere.
    #[must_use]
    pub fn good(self) -> Good {
        Good::new(move |asked| self.answer(asked))
            .field(Field::Token, "/access_token")
            .field(Field::Lifetime, "/expires_on")
            .field(Field::TokenType, "/token_type")
    }

    /// Serves it on a free port of 127.0.0.1.
    #[must_use]
    pub fn start(self) -> FaultServer {
        FaultServer::start(self.good())
    }

    fn answer(&self, asked: &Received) -> Reply {
        let query = asked.parameters();
        if asked.header("metadata") != Some("true") {
            return refused(
                400,
                "bad_request_102",
                "Required metadata header not specified",
            );
        }
        let (Some(_), Some(resource)) = (
            parameter(&query, "api-version"),
            parameter(&query, "resource"),
        ) else {
            return refused(
                400,
                "invalid_request",
                "api-version and resource are required",
            );
        };
        let Some(authorization) = asked.header("authorization") else {
            return self.challenge(asked.number());
        };
        let key = authorization.strip_prefix("Basic ").unwrap_or_default();
        if !self.keys().remove(key) {
            return refused(403, "forbidden", "The key is wrong, or was used before");
        }
        let until = self
            .expires_at
            .unwrap_or_else(|| self.time.now() + self.lifetime);
        let from = until - self.lifetime - Duration::from_secs(300);
        let told = Told {
            tenant: TENANT,
            client_id: SYSTEM_CLIENT_ID,
            audience: &resource,
            number: asked.number(),
            from,
            until,
            capable: false,
        };
        let body = json!({
            "access_token": told.token(),
            "client_id": SYSTEM_CLIENT_ID,
            "expires_in": self.lifetime.as_secs().to_string(),
            "expires_on": seconds(until).to_string(),
            "not_before": seconds(from).to_string(),
            "resource": resource,
            "token_type": "Bearer",
        });
        Reply::json(200, &body)
    }

    fn keys(&self) -> MutexGuard<'_, HashSet<String>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn challenge(&self, number: u64) -> Reply {
        let key = format!("arc-key-{number}-of-the-fake-agent");
        let path = self.directory.join(format!("{number}.key"));
        if std::fs::write(&path, &key).is_err() {
            return Reply::new(500);
        }
        self.keys().insert(key);
        let named = self
            .named
            .clone()
            .unwrap_or_else(|| path.display().to_string());
        Reply::new(401).header("www-authenticate", format!("Basic realm={named}"))
    }
}
