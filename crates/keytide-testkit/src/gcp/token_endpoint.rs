//! The token endpoint: assertions of service accounts, and refresh tokens of users.

use serde_json::json;

use super::state::claims;
use super::{Google, oauth_error};
use crate::server::{Received, Reply};

impl Google {
    pub(super) fn token_endpoint(&self, asked: &Received) -> Reply {
        let form = asked.form();
        let field = |name: &str| {
            let found = form.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        match field("grant_type") {
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
                self.asserted(asked, field("assertion"))
            }
            "refresh_token" => {
                let given = ["client_id", "client_secret", "refresh_token"];
                if given.iter().any(|name| field(name).is_empty()) {
                    return oauth_error(400, "invalid_request", "a field is missing");
                }
                self.token(asked, "user")
            }
            _ => oauth_error(400, "unsupported_grant_type", "grant_type"),
        }
    }

    fn asserted(&self, asked: &Received, assertion: &str) -> Reply {
        let Some(claims) = claims(assertion) else {
            return oauth_error(400, "invalid_grant", "no assertion");
        };
        let number = |name: &str| claims[name].as_u64().unwrap_or_default();
        let (made, ends) = (number("iat"), number("exp"));
        let now = super::state::seconds((self.time)());
        // Google forgives clocks that differ by minutes.
        let apart = made > now + 300 || ends + 300 < now;
        if (apart && !self.forgives_clocks) || ends <= made || ends - made > 3600 {
            return oauth_error(400, "invalid_grant", "iat and exp");
        }
        if claims["aud"] != "https://oauth2.googleapis.com/token" {
            return oauth_error(400, "invalid_grant", "aud");
        }
        if let Some(audience) = claims["target_audience"].as_str() {
            let email = claims["iss"].as_str().unwrap_or_default();
            return Reply::json(200, &json!({ "id_token": self.identity(audience, email) }));
        }
        match claims["scope"].as_str() {
            Some(scope) if !scope.is_empty() => self.token(asked, "account"),
            _ => oauth_error(400, "invalid_scope", "scope"),
        }
    }

    fn token(&self, asked: &Received, kind: &str) -> Reply {
        let body = json!({
            "access_token": self.mint(kind, asked),
            "expires_in": self.lifetime.as_secs(),
            "token_type": "Bearer",
        });
        Reply::json(200, &body)
    }
}
