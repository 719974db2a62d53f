//! Tokens that look like those of Entra, and that nobody has signed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// An assertion as a cluster or another issuer would give a workload: a JWT that nobody has signed, valid from an hour
/// ago on.
#[must_use]
pub fn assertion(issuer: &str, subject: &str, audience: &str, expires_at: SystemTime) -> String {
    let end = seconds(expires_at);
    jwt(&json!({
        "iss": issuer,
        "sub": subject,
        "aud": [audience],
        "iat": end.saturating_sub(3600),
        "exp": end,
    }))
}

/// What a token of Entra says.
pub(super) struct Told<'a> {
    pub(super) tenant: &'a str,
    pub(super) client_id: &'a str,
    pub(super) audience: &'a str,
    pub(super) number: u64,
    pub(super) from: SystemTime,
    pub(super) until: SystemTime,
    pub(super) capable: bool,
}

impl Told<'_> {
    pub(super) fn token(&self) -> String {
        let mut claims = json!({
            "aud": self.audience,
            "iss": format!("https://sts.windows.net/{}/", self.tenant),
            "iat": seconds(self.from),
            "nbf": seconds(self.from),
            "exp": seconds(self.until),
            "appid": self.client_id,
            "appidacr": "2",
            "idtyp": "app",
            "oid": self.client_id,
            "sub": self.client_id,
            "tid": self.tenant,
            "uti": format!("token-{}", self.number),
            "ver": "1.0",
        });
        if self.capable {
            claims["xms_cc"] = json!(["cp1"]);
        }
        jwt(&claims)
    }
}

/// What a JWT says, unverified.
pub(super) fn claims(jwt: &str) -> Option<Value> {
    let mut parts = jwt.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

pub(super) fn seconds(instant: SystemTime) -> u64 {
    let since = instant.duration_since(UNIX_EPOCH);
    since.as_ref().map_or(0, Duration::as_secs)
}

fn jwt(claims: &Value) -> String {
    let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": "fake" });
    let signature = URL_SAFE_NO_PAD.encode("signed by nobody");
    format!("{}.{}.{signature}", part(&header), part(claims))
}
