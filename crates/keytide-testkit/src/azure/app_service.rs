//! The token service of App Service, Functions and Container Apps: [`AppService`].

use std::time::{Duration, SystemTime};

use serde_json::json;

use super::token::{Told, seconds};
use super::{Assigned, SYSTEM_CLIENT_ID, TENANT, Time, chosen, parameter};
use crate::server::{FaultServer, Field, Good, Received, Reply};

/// The token service of an app: `IDENTITY_ENDPOINT` is its [`url`](FaultServer::url) of `/msi/token`, and
/// `IDENTITY_HEADER` what it was made with.
///
/// It has other names for ids than IMDS, wants the header, and says nothing of `expires_in`. Its refusals have no code.
#[derive(Debug, Clone)]
pub struct AppService {
    header: String,
    system: bool,
    assigned: Vec<Assigned>,
    lifetime: Duration,
    expires_at: Option<SystemTime>,
    time: Time,
}

impl AppService {
    /// An app with a system-assigned identity, whose platform wants this header.
    #[must_use]
    pub fn new(header: impl Into<String>) -> Self {
        Self {
            header: header.into(),
            system: true,
            assigned: Vec::new(),
            lifetime: Duration::from_secs(24 * 3600),
            expires_at: None,
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
        let query = asked.parameters();
        if asked.header("x-identity-header") != Some(self.header.as_str()) {
            return no(401, "The identity header is missing or wrong");
        }
        if parameter(&query, "api-version").as_deref() != Some("2019-08-01") {
            return no(400, "The api-version is not supported");
        }
        let Some(resource) = parameter(&query, "resource") else {
            return no(400, "The resource is missing");
        };
        let names: [&[&str]; 3] = [
            &["client_id"],
            &["principal_id", "object_id"],
            &["mi_res_id"],
        ];
        let client_id = match chosen(asked, names, &self.assigned) {
            Ok(Some(assigned)) => &assigned.client_id,
            Ok(None) if self.system => SYSTEM_CLIENT_ID,
            Ok(None) => return no(400, "No system-assigned managed identity was found"),
            Err(_) => {
                return no(
                    400,
                    "No user-assigned managed identity was found for the specified id",
                );
            }
        };
        let now = self.time.now();
        let until = self.expires_at.unwrap_or(now + self.lifetime);
        let from = until - self.lifetime - Duration::from_secs(300);
        let told = Told {
            tenant: TENANT,
            client_id,
            audience: &resource,
            number: asked.number(),
            from,
            until,
            capable: false,
        };
        let body = json!({
            "access_token": told.token(),
            "client_id": client_id,
            "expires_on": seconds(until).to_string(),
            "not_before": seconds(from).to_string(),
            "resource": resource,
            "token_type": "Bearer",
        });
        Reply::json(200, &body)
    }
}

fn no(status: u16, message: &str) -> Reply {
    let body = json!({
        "statusCode": status,
        "message": message,
        "correlationId": "00000000-0000-4000-8000-000000000000",
    });
    Reply::json(status, &body)
}
