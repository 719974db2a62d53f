//! What kubelet says in a token beside the registered claims: [`warn_after`].

use std::time::SystemTime;

use keytide_issuer::{Jwt, NumericDate};
use serde::Deserialize;

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "kubernetes.io")]
    kubernetes: Kubernetes,
}

#[derive(Deserialize)]
struct Kubernetes {
    #[serde(default)]
    warnafter: NumericDate,
}

/// When kubelet should have replaced the token (`kubernetes.io.warnafter`), where that is an instant.
pub(crate) fn warn_after(token: &Jwt<'_>) -> Option<SystemTime> {
    let payload: Payload = token.read().ok()?;
    payload.kubernetes.warnafter.instant()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn the_claims_of_a_kubelet_token_are_read() {
        let token = |payload: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload));
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let whole = token(
            r#"{
            "aud": ["https://api.example.com", "second"],
            "exp": 1790000000,
            "iat": 1789996400,
            "nbf": 1789996400,
            "iss": "https://kubernetes.default.svc",
            "kubernetes.io": {"namespace": "billing", "warnafter": 1790000007},
            "sub": "system:serviceaccount:billing:reader"
        }"#,
        );

        let jwt = Jwt::parse(whole.as_bytes()).unwrap();
        let claims = jwt.claims().unwrap();

        assert_eq!(claims.expires_at(), Ok(at(1_790_000_000)));
        assert_eq!(claims.issued_at(), Some(at(1_789_996_400)));
        assert_eq!(warn_after(&jwt), Some(at(1_790_000_007)));
        assert_eq!(
            claims.subject(),
            Some("system:serviceaccount:billing:reader")
        );
        assert_eq!(claims.audiences(), ["https://api.example.com", "second"]);
        for without in [
            "{}",
            r#"{"kubernetes.io":7}"#,
            r#"{"kubernetes.io":{}}"#,
            r#"{"kubernetes.io":{"warnafter":[]}}"#,
        ] {
            let token = token(without);
            let jwt = Jwt::parse(token.as_bytes()).unwrap();
            assert_eq!(warn_after(&jwt), None, "{without}");
        }
    }
}
