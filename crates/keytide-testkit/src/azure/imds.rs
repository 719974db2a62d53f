//! The instance metadata service of a virtual machine: [`Imds`].

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::token::{Told, seconds};
use super::{Assigned, SYSTEM_CLIENT_ID, TENANT, Time, chosen, parameter, refused};
use crate::server::{FaultServer, Field, Good, Received, Reply};

/// The instance metadata service of a virtual machine, as far as managed identities go.
///
/// It refuses what the real one refuses: a request without `Metadata: true`, one that was forwarded, one without
/// `api-version` or `resource`, one that names two identities or one that is not assigned. Its numbers are strings.
#[derive(Debug, Clone)]
pub struct Imds {
    system: bool,
    assigned: Vec<Assigned>,
    resources: Option<Vec<String>>,
    lifetime: Duration,
    expires_at: Option<SystemTime>,
    refresh_in: Option<Value>,
    numbers: bool,
    time: Time,
}

impl Imds {
    /// A machine with a system-assigned identity, whose tokens live for 24 h.
    #[must_use]
    pub fn new() -> Self {
        Self {
            system: true,
            assigned: Vec::new(),
            resources: None,
            lifetime: Duration::from_secs(24 * 3600),
            expires_at: None,
            refresh_in: None,
            numbers: false,
            time: Time::default(),
        }
    }

    /// It has no system-assigned identity.
    #[must_use]
    pub fn without_system_identity(mut self) -> Self {
        self.system = false;
        self
    }

    /// It has this user-assigned identity too.
    #[must_use]
    pub fn user_assigned(
        mut self,
        client_id: impl Into<String>,
        object_id: impl Into<String>,
        resource_id: impl Into<String>,
    ) -> Self {
        self.assigned.push(Assigned {
            client_id: client_id.into(),
            object_id: object_id.into(),
            resource_id: resource_id.into(),
        });
        self
    }

    /// The tenant knows this resource, and none that is not named so. Defaults to knowing all.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resources.get_or_insert_default().push(resource.into());
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

    /// It says when to ask again: a number, or a number in a string.
    #[must_use]
    pub fn refresh_in(mut self, seconds: impl Into<Value>) -> Self {
        self.refresh_in = Some(seconds.into());
        self
    }

    /// It writes numbers as numbers.
    #[must_use]
    pub fn numbers(mut self) -> Self {
        self.numbers = true;
        self
    }

    /// The clock that its tokens are dated by. Defaults to the machine's.
    #[must_use]
    pub fn time_from(mut self, time: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.time = Time::new(time);
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
        let time = self.time.clone();
        let server = FaultServer::start(self.good());
        server.time_from(move || time.now());
        server
    }

    fn answer(&self, asked: &Received) -> Reply {
        if asked.path() != "/metadata/identity/oauth2/token" {
            return refused(404, "not_found", "The requested resource was not found");
        }
        if asked.method() != "GET" {
            return refused(405, "method_not_allowed", "Only GET is supported");
        }
        if asked.header("x-forwarded-for").is_some() {
            return refused(400, "bad_request_101", "Forwarded requests are not served");
        }
        if !asked
            .header("metadata")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
        {
            let what = "Required metadata header not specified";
            return refused(400, "bad_request_102", what);
        }
        let query = asked.parameters();
        if parameter(&query, "api-version").is_none() {
            let what = "api-version was not specified in the request";
            return refused(400, "invalid_request", what);
        }
        let Some(resource) = parameter(&query, "resource").filter(|resource| !resource.is_empty())
        else {
            let what = "Required query variable 'resource' is missing";
            return refused(400, "invalid_request", what);
        };
        let names: [&[&str]; 3] = [&["client_id"], &["object_id"], &["msi_res_id", "mi_res_id"]];
        let client_id = match chosen(asked, names, &self.assigned) {
            Ok(Some(assigned)) => &assigned.client_id,
            // The only identity of a machine need not be named.
            Ok(None) if !self.system && self.assigned.len() == 1 => &self.assigned[0].client_id,
            Ok(None) if self.system => SYSTEM_CLIENT_ID,
            Ok(None) => return refused(400, "invalid_request", "Identity not found"),
            Err(what) => return refused(400, "invalid_request", what),
        };
        if self
            .resources
            .as_ref()
            .is_some_and(|known| !known.contains(&resource))
        {
            let what = "AADSTS500011: The resource principal was not found in the tenant";
            return refused(400, "invalid_resource", what);
        }
        Reply::json(200, &self.token(asked, client_id, &resource))
    }

    fn token(&self, asked: &Received, client_id: &str, resource: &str) -> Value {
        let now = self.time.now();
        let until = self.expires_at.unwrap_or(now + self.lifetime);
        let from = until - self.lifetime - Duration::from_secs(300);
        let told = Told {
            tenant: TENANT,
            client_id,
            audience: resource,
            number: asked.number(),
            from,
            until,
            capable: false,
        };
        let number = |seconds: u64| {
            if self.numbers {
                json!(seconds)
            } else {
                json!(seconds.to_string())
            }
        };
        let mut body = json!({
            "access_token": told.token(),
            "client_id": client_id,
            // What the real one says here counts from when the token was made.
            "expires_in": number(self.lifetime.as_secs()),
            "expires_on": number(seconds(until)),
            "ext_expires_in": number(self.lifetime.as_secs()),
            "not_before": number(seconds(from)),
            "refresh_token": "",
            "resource": resource,
            "token_type": "Bearer",
        });
        if let Some(hint) = &self.refresh_in {
            body["refresh_in"] = hint.clone();
        }
        body
    }
}

impl Default for Imds {
    fn default() -> Self {
        Self::new()
    }
}
