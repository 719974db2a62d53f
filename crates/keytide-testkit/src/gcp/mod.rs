//! Google Cloud's issuers, on a fault server: [`Google`].
//!
//! One server plays them all, for their paths differ: the metadata server, the token endpoint, the security token service
//! and the IAM Credentials API. It checks what the real ones are documented to check, answers failures in their shapes,
//! and takes as base tokens only what it issued itself. It verifies no signature of a subject or an assertion: look at
//! [`FaultServer::requests`] for that. The official Python library and `gcloud` take it for real.
//!
//! ```
//! use std::time::Duration;
//! use keytide_testkit::gcp::Google;
//!
//! // A metadata server that repeats a token until 4 min before its end, as that of Cloud Run does.
//! let google = Google::new().lifetime(Duration::from_secs(3599)).repeats_until(Duration::from_secs(240));
//! let server = google.start();
//! let host = server.address().to_string(); // for GCE_METADATA_HOST
//! let sts = server.url("/v1/token");
//! # let _ = (host, sts);
//! ```

mod essence;
mod exchange;
mod iam;
mod metadata;
mod state;
mod token_endpoint;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

pub use self::essence::essence;
use self::state::State;
use crate::server::{FaultServer, Field, Good, Received, Reply, real_time};

/// What the issuers are like. Clones share the tokens that were issued.
#[derive(Clone)]
pub struct Google {
    account: String,
    project: String,
    lifetime: Duration,
    repeats_until: Option<Duration>,
    tells_downscoped: bool,
    forgives_clocks: bool,
    time: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    state: Arc<Mutex<State>>,
}

impl Google {
    /// Issuers of tokens that last 3,599 s, a new one for each request.
    #[must_use]
    pub fn new() -> Self {
        Self {
            account: "agent@project-1.iam.gserviceaccount.com".to_owned(),
            project: "project-1".to_owned(),
            lifetime: Duration::from_secs(3599),
            repeats_until: None,
            tells_downscoped: false,
            forgives_clocks: false,
            time: Arc::new(real_time),
            state: Arc::default(),
        }
    }

    /// How long access tokens last, in whole seconds.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Has the metadata server give the same access token, with what is left of it, until so much is left. Defaults to a
    /// new one for each request.
    #[must_use]
    pub fn repeats_until(mut self, left: Duration) -> Self {
        self.repeats_until = Some(left);
        self
    }

    /// Has STS say how long a downscoped token lives. Defaults to leaving it out: the token then ends with its base.
    #[must_use]
    pub fn tells_downscoped(mut self) -> Self {
        self.tells_downscoped = true;
        self
    }

    /// Takes assertions of any date. Defaults to those of five minutes around now.
    #[must_use]
    pub fn forgives_clocks(mut self) -> Self {
        self.forgives_clocks = true;
        self
    }

    /// The service account that is attached. Defaults to `agent@project-1.iam.gserviceaccount.com`.
    #[must_use]
    pub fn account(mut self, email: impl Into<String>) -> Self {
        self.account = email.into();
        self
    }

    /// The clock that tokens are dated by. Defaults to the machine's.
    #[must_use]
    pub fn time_from(mut self, time: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.time = Arc::new(time);
        self
    }

    /// Serves them all, with the fields of OAuth answers for faults to change.
    ///
    /// # Panics
    /// Those of [`FaultServer::start`].
    #[must_use]
    pub fn start(&self) -> FaultServer {
        FaultServer::start(self.good())
    }

    /// What they answer: the fields are those of the metadata server, the token endpoint and STS.
    #[must_use]
    pub fn good(&self) -> Good {
        self.answers()
            .field(Field::Token, "/access_token")
            .field(Field::Lifetime, "/expires_in")
            .field(Field::TokenType, "/token_type")
    }

    /// What they answer: the field is that of `generateAccessToken`.
    #[must_use]
    pub fn good_iam(&self) -> Good {
        self.answers().field(Field::Token, "/accessToken")
    }

    /// Whether this access token was issued here.
    #[must_use]
    pub fn issued(&self, token: &str) -> bool {
        self.with_state(|state| state.knows(token))
    }

    /// Whether this access token was issued here and has not ended: what an API asks.
    #[must_use]
    pub fn accepts(&self, token: &str) -> bool {
        let now = (self.time)();
        self.with_state(|state| state.accepts(token, now))
    }

    /// The access tokens that were issued here, oldest first.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        self.with_state(|state| state.tokens())
    }

    fn answers(&self) -> Good {
        let google = self.clone();
        Good::new(move |asked| google.answer(asked))
    }

    fn answer(&self, asked: &Received) -> Reply {
        let path = asked.path();
        if path == "/" {
            return metadata::flavored(200).body("computeMetadata/\n");
        }
        if let Some(path) = path.strip_prefix("/computeMetadata/v1/") {
            return self.metadata(asked, path);
        }
        if let Some(call) = path.strip_prefix("/v1/projects/-/serviceAccounts/") {
            return self.iam(asked, call);
        }
        match path {
            "/v1/token" => self.exchange(asked),
            "/v1/introspect" => Reply::json(200, &json!({ "active": true, "username": PRINCIPAL })),
            "/token" => self.token_endpoint(asked),
            _ => Reply::new(404)
                .header("content-type", "text/html; charset=UTF-8")
                .body("<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>"),
        }
    }

    fn with_state<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A new access token of this kind.
    fn mint(&self, kind: &str, asked: &Received) -> String {
        let token = format!("ya29.{kind}-{}", asked.number());
        let end = (self.time)() + self.lifetime;
        self.with_state(|state| state.remember(token.clone(), end));
        token
    }

    /// An identity token, whose signature is none.
    fn identity(&self, audience: &str, email: &str) -> String {
        let now = (self.time)();
        state::unsigned(&json!({
            "iss": "https://accounts.google.com",
            "aud": audience,
            "sub": "110000000000000000001",
            "azp": "110000000000000000001",
            "email": email,
            "email_verified": true,
            "iat": state::seconds(now),
            "exp": state::seconds(now) + 3600,
        }))
    }
}

impl Default for Google {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Google {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Google")
            .field("account", &self.account)
            .field("lifetime", &self.lifetime)
            .field("repeats_until", &self.repeats_until)
            .finish_non_exhaustive()
    }
}

/// A failure as OAuth endpoints tell it.
fn oauth_error(status: u16, code: &str, description: &str) -> Reply {
    let body = json!({ "error": code, "error_description": description });
    Reply::json(status, &body)
}

/// A failure as Google's other APIs tell it.
fn api_error(code: u16, status: &str, message: &str, reason: Option<&str>) -> Reply {
    let details: Vec<Value> = reason
        .into_iter()
        .map(|reason| {
            json!({
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reason,
                "domain": "iam.googleapis.com",
            })
        })
        .collect();
    let body = json!({ "error": { "code": code, "message": message, "status": status, "details": details } });
    Reply::json(code, &body)
}

const PRINCIPAL: &str = "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/subject/agent";
