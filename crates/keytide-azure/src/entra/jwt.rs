//! What a signed token says of its own end. Nothing is verified: that is the issuer's to do.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use zeroize::Zeroizing;

#[derive(Deserialize)]
struct Claims {
    exp: f64,
}

/// When the token ends; `None` where it is no JWT, or does not say.
pub(super) fn end(token: &[u8]) -> Option<SystemTime> {
    let mut parts = token.split(|byte| *byte == b'.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims = Zeroizing::new(URL_SAFE_NO_PAD.decode(claims).ok()?);
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    let end = Duration::try_from_secs_f64(claims.exp).ok()?;
    UNIX_EPOCH.checked_add(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> Vec<u8> {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims)).into_bytes()
    }

    #[test]
    fn the_end_is_read_and_what_has_none_has_none() {
        let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(
            end(&token(r#"{"exp":1795514520,"sub":"x"}"#)),
            at(1_795_514_520)
        );
        assert_eq!(end(&token(r#"{"exp":0}"#)), at(0));
        for claims in [
            "",
            "{}",
            "[]",
            r#"{"exp":"1"}"#,
            r#"{"exp":-1}"#,
            r#"{"exp":1e300}"#,
            r#"{"exp":null}"#,
        ] {
            assert_eq!(end(&token(claims)), None, "{claims}");
        }
        for text in ["", "a", "a.b", "a.b.c", "..", "e30.!!!.c2ln"] {
            assert_eq!(end(text.as_bytes()), None, "{text}");
        }
    }
}
