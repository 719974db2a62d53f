//! The metadata server.

use serde_json::json;

use super::Google;
use crate::server::{Received, Reply};

impl Google {
    pub(super) fn metadata(&self, asked: &Received, path: &str) -> Reply {
        if asked.header("metadata-flavor") != Some("Google") {
            return flavored(403).body("Missing Metadata-Flavor:Google header.");
        }
        if asked.header("x-forwarded-for").is_some() {
            return flavored(403).body("X-Forwarded-For is not allowed.");
        }
        match path {
            "project/project-id" => return text(&self.project),
            "project/numeric-project-id" => return text("1"),
            "universe/universe-domain" | "universe/universe_domain" => {
                return text("googleapis.com");
            }
            _ => {}
        }
        let Some((account, wanted)) = path
            .strip_prefix("instance/service-accounts/")
            .and_then(|rest| rest.split_once('/'))
        else {
            return flavored(404).body("not found");
        };
        if account != "default" && account.replace("%40", "@") != self.account {
            return flavored(404).body("no such service account");
        }
        match wanted {
            "token" => self.metadata_token(asked),
            "identity" => match asked.query("audience") {
                Some(audience) if !audience.is_empty() => flavored(200)
                    .header("content-type", "text/html")
                    .body(self.identity(&audience, &self.account)),
                _ => flavored(400).body("non-empty audience parameter required"),
            },
            "email" => text(&self.account),
            "" => {
                let body = json!({
                    "aliases": ["default"],
                    "email": self.account,
                    "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
                });
                flavored(200)
                    .header("content-type", "application/json")
                    .body(body.to_string())
            }
            _ => flavored(404).body("not found"),
        }
    }

    fn metadata_token(&self, asked: &Received) -> Reply {
        // What is bound to a certificate is asked for by POST, and new each time.
        if asked.method() == "POST" {
            let body: serde_json::Value = serde_json::from_slice(asked.body()).unwrap_or_default();
            let chain = body["certificate_chain"].as_str().unwrap_or_default();
            if !chain.starts_with("-----BEGIN CERTIFICATE-----") {
                return flavored(400).body("no certificate_chain");
            }
            return self.metadata_answer(&self.mint("bound", asked), self.lifetime);
        }
        let now = (self.time)();
        let repeated = self
            .repeats_until
            .and_then(|until| self.with_state(|state| state.repeated(asked.target(), now, until)));
        let (token, left) = repeated.unwrap_or_else(|| {
            let token = self.mint("metadata", asked);
            let end = now + self.lifetime;
            self.with_state(|state| state.repeat(asked.target(), token.clone(), end));
            (token, self.lifetime)
        });
        self.metadata_answer(&token, left)
    }

    fn metadata_answer(&self, token: &str, left: std::time::Duration) -> Reply {
        let body = json!({
            "access_token": token,
            "expires_in": left.as_secs(),
            "token_type": "Bearer",
        });
        flavored(200)
            .header("content-type", "application/json")
            .body(body.to_string())
    }
}

/// A text, which the official libraries take only with a type.
fn text(text: &str) -> Reply {
    flavored(200)
        .header("content-type", "application/text")
        .body(text)
}

/// What shows that it is the metadata server that answers.
pub(super) fn flavored(status: u16) -> Reply {
    Reply::new(status)
        .header("metadata-flavor", "Google")
        .header("server", "Metadata Server for VM")
}
