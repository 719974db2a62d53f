//! The security token service: RFC 8693, as Google has it.

use serde_json::{Value, json};

use super::{Google, oauth_error};
use crate::server::{Received, Reply, decoded};

impl Google {
    pub(super) fn exchange(&self, asked: &Received) -> Reply {
        let form = asked.form();
        let field = |name: &str| {
            let found = form.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let refused = |what: &str| oauth_error(400, "invalid_request", what);
        if asked.method() != "POST" || field("grant_type") != GRANT {
            return oauth_error(400, "unsupported_grant_type", "only token exchange");
        }
        if field("requested_token_type") != ACCESS_TOKEN {
            return refused("requested_token_type");
        }
        let subject = field("subject_token");
        if subject.is_empty() {
            return refused("subject_token");
        }
        let options = match field("options") {
            "" => Value::Null,
            quoted => match serde_json::from_str(&decoded(quoted)) {
                Ok(options) => options,
                Err(_) => return refused("options"),
            },
        };
        let kind = match field("subject_token_type") {
            ACCESS_TOKEN => {
                if !self.issued(subject) {
                    return oauth_error(
                        400,
                        "invalid_grant",
                        "the subject token was not issued here",
                    );
                }
                let rules = options.pointer("/accessBoundary/accessBoundaryRules");
                match rules.and_then(Value::as_array) {
                    Some(rules) if (1..=10).contains(&rules.len()) => "downscoped",
                    _ => return refused("accessBoundaryRules"),
                }
            }
            kind if SUBJECTS.contains(&kind) => {
                if !field("audience").starts_with("//iam.googleapis.com/") {
                    return oauth_error(400, "invalid_target", "audience");
                }
                if field("scope").is_empty() {
                    return oauth_error(400, "invalid_scope", "scope");
                }
                "federated"
            }
            _ => return refused("subject_token_type"),
        };
        let mut body = json!({
            "access_token": self.mint(kind, asked),
            "issued_token_type": ACCESS_TOKEN,
            "token_type": "Bearer",
        });
        // What was downscoped ends with its source, and the answer may leave that out.
        if kind == "federated" || self.tells_downscoped {
            body["expires_in"] = self.lifetime.as_secs().into();
        }
        Reply::json(200, &body)
    }
}

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const SUBJECTS: [&str; 4] = [
    "urn:ietf:params:oauth:token-type:jwt",
    "urn:ietf:params:oauth:token-type:id_token",
    "urn:ietf:params:oauth:token-type:saml2",
    "urn:ietf:params:aws:token-type:aws4_request",
];
