//! The token endpoint of a tenant: [`Entra`].

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::token::{Told, claims, seconds};
use super::{Time, parameter};
use crate::server::{FaultServer, Field, Good, Received, Reply, TestCa};

/// A tenant of Entra with its applications, over TLS: the authority is the server's
/// [`origin`](FaultServer::origin), the root certificate that of the [`TestCa`].
///
/// It takes `client_credentials` with a federated assertion, whose issuer, subject, audience and end it compares as the
/// real one does, or with a client secret. Its refusals have the numbers of the real one. It also answers the discovery
/// that Microsoft's libraries begin with.
#[derive(Debug, Clone)]
pub struct Entra {
    tenant: String,
    federated: Vec<Federated>,
    secrets: Vec<(String, String)>,
    lifetime: Duration,
    refresh_in: Option<Value>,
    time: Time,
}

/// A federated credential of an application.
#[derive(Debug, Clone)]
struct Federated {
    client_id: String,
    issuer: String,
    subject: String,
    audience: String,
}

impl Entra {
    /// A tenant without applications, whose tokens live for an hour.
    #[must_use]
    pub fn new(tenant: impl Into<String>) -> Self {
        Self {
            tenant: tenant.into(),
            federated: Vec::new(),
            secrets: Vec::new(),
            lifetime: Duration::from_secs(3600),
            refresh_in: None,
            time: Time::default(),
        }
    }

    /// This application has a federated credential for this issuer and subject, and the audience
    /// `api://AzureADTokenExchange`.
    #[must_use]
    pub fn federated(
        mut self,
        client_id: impl Into<String>,
        issuer: impl Into<String>,
        subject: impl Into<String>,
    ) -> Self {
        self.federated.push(Federated {
            client_id: client_id.into(),
            issuer: issuer.into(),
            subject: subject.into(),
            audience: "api://AzureADTokenExchange".to_owned(),
        });
        self
    }

    /// This application has a client secret.
    #[must_use]
    pub fn secret(mut self, client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.secrets.push((client_id.into(), secret.into()));
        self
    }

    /// How long its tokens live.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// It says when to ask again: a number, or a number in a string.
    #[must_use]
    pub fn refresh_in(mut self, seconds: impl Into<Value>) -> Self {
        self.refresh_in = Some(seconds.into());
        self
    }

    /// The clock that it judges assertions by. Defaults to the machine's.
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
            .field(Field::Lifetime, "/expires_in")
            .field(Field::TokenType, "/token_type")
    }

    /// Serves it over TLS on a free port of 127.0.0.1.
    #[must_use]
    pub fn start(self, ca: &TestCa) -> FaultServer {
        let time = self.time.clone();
        let server = FaultServer::start_tls(self.good(), ca);
        server.time_from(move || time.now());
        server
    }

    fn answer(&self, asked: &Received) -> Reply {
        let authority = format!("https://{}", asked.header("host").unwrap_or_default());
        let of_tenant = format!("{authority}/{}", self.tenant);
        match (asked.method(), asked.path()) {
            ("GET", "/common/discovery/instance") => Reply::json(
                200,
                &json!({ "tenant_discovery_endpoint": format!("{of_tenant}/v2.0/.well-known/openid-configuration") }),
            ),
            ("GET", path)
                if path == format!("/{}/v2.0/.well-known/openid-configuration", self.tenant) =>
            {
                Reply::json(
                    200,
                    &json!({
                        "issuer": format!("{of_tenant}/v2.0"),
                        "authorization_endpoint": format!("{of_tenant}/oauth2/v2.0/authorize"),
                        "token_endpoint": format!("{of_tenant}/oauth2/v2.0/token"),
                        "jwks_uri": format!("{of_tenant}/discovery/v2.0/keys"),
                    }),
                )
            }
            ("POST", path) => match path.strip_suffix("/oauth2/v2.0/token") {
                Some(tenant) if tenant == format!("/{}", self.tenant) => self.exchange(asked),
                Some(_) => no(400, "invalid_request", 90002, "Tenant not found."),
                None => Reply::new(404),
            },
            _ => Reply::new(404),
        }
    }

    fn exchange(&self, asked: &Received) -> Reply {
        let form = asked.form();
        let field = |name| parameter(&form, name).unwrap_or_default();
        if field("grant_type") != "client_credentials" {
            return no(
                400,
                "unsupported_grant_type",
                70003,
                "The grant is not supported.",
            );
        }
        let client_id = field("client_id");
        if let Err(no) = self.prove(&client_id, &form) {
            return no;
        }
        let scope = field("scope");
        let Some(audience) = scope.strip_suffix("/.default") else {
            let what = "The provided value for scope is not valid: it must end in /.default.";
            return no(400, "invalid_scope", 1_002_012, what);
        };
        let demanded = parameter(&form, "claims").unwrap_or_default();
        let Ok(demanded) =
            serde_json::from_str::<Value>(if demanded.is_empty() { "{}" } else { &demanded })
        else {
            return no(400, "invalid_request", 90_014, "The claims are not JSON.");
        };
        let capable = demanded["access_token"]["xms_cc"]["values"] == json!(["cp1"]);
        let now = self.time.now();
        let told = Told {
            tenant: &self.tenant,
            client_id: &client_id,
            audience,
            number: asked.number(),
            from: now - Duration::from_secs(300),
            until: now + self.lifetime,
            capable,
        };
        let mut body = json!({
            "token_type": "Bearer",
            "expires_in": self.lifetime.as_secs(),
            "ext_expires_in": self.lifetime.as_secs() * 24,
            "access_token": told.token(),
        });
        if let Some(hint) = &self.refresh_in {
            body["refresh_in"] = hint.clone();
        }
        Reply::json(200, &body)
    }

    /// Whether the client has shown who it is.
    fn prove(&self, client_id: &str, form: &[(String, String)]) -> Result<(), Reply> {
        let federated: Vec<_> = self
            .federated
            .iter()
            .filter(|known| known.client_id == client_id)
            .collect();
        let secret = self.secrets.iter().find(|(known, _)| known == client_id);
        if federated.is_empty() && secret.is_none() {
            let what = "Application was not found in the directory.";
            return Err(no(400, "unauthorized_client", 700_016, what));
        }
        if let Some(presented) = parameter(form, "client_secret") {
            return match secret {
                Some((_, known)) if *known == presented => Ok(()),
                _ => Err(no(
                    401,
                    "invalid_client",
                    7_000_215,
                    "Invalid client secret provided.",
                )),
            };
        }
        let kind = parameter(form, "client_assertion_type");
        let assertion = parameter(form, "client_assertion");
        let (Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), Some(assertion)) =
            (kind.as_deref(), assertion)
        else {
            let what = "The request body must contain client_assertion or client_secret.";
            return Err(no(401, "invalid_client", 7_000_218, what));
        };
        let Some(claims) = claims(&assertion) else {
            return Err(no(
                401,
                "invalid_client",
                50_027,
                "JWT token is invalid or malformed.",
            ));
        };
        let now = seconds(self.time.now());
        if claims["exp"].as_u64().is_none_or(|end| end <= now) {
            let what = "Client assertion is not within its valid time range.";
            return Err(no(401, "invalid_client", 700_024, what));
        }
        matched(&federated, &claims)
    }
}

/// Whether one of the federated credentials is for this assertion: letter by letter.
fn matched(federated: &[&Federated], claims: &Value) -> Result<(), Reply> {
    let of_issuer = |known: &&&Federated| claims["iss"] == known.issuer;
    let issuer: Vec<_> = federated.iter().filter(of_issuer).collect();
    if issuer.is_empty() {
        let what = "No matching federated identity record found for presented assertion issuer.";
        return Err(no(401, "invalid_client", 700_211, what));
    }
    let subject: Vec<_> = issuer
        .iter()
        .filter(|known| claims["sub"] == known.subject)
        .collect();
    if subject.is_empty() {
        let what = "No matching federated identity record found for presented assertion subject.";
        return Err(no(401, "invalid_client", 700_213, what));
    }
    let for_us = |known: &Federated| match &claims["aud"] {
        Value::Array(audiences) => audiences.iter().any(|audience| *audience == known.audience),
        audience => *audience == known.audience,
    };
    if subject.iter().any(|known| for_us(known)) {
        Ok(())
    } else {
        let what = "No matching federated identity record found for presented assertion audience.";
        Err(no(401, "invalid_client", 700_212, what))
    }
}

/// A refusal as Entra writes it.
fn no(status: u16, error: &str, number: u32, description: &str) -> Reply {
    let body = json!({
        "error": error,
        "error_description": format!("AADSTS{number}: {description} Trace ID: 0000 Correlation ID: 0000"),
        "error_codes": [number],
        "timestamp": "2026-11-24 10:00:00Z",
        "trace_id": "00000000-0000-4000-8000-000000000000",
        "correlation_id": "00000000-0000-4000-8000-000000000001",
        "error_uri": format!("https://login.microsoftonline.com/error?code={number}"),
    });
    Reply::json(status, &body)
}
