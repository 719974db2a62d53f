//! What an identity token says of itself: [`Claims`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keytide_core::{Error, Issued, Secret};
use serde::Deserialize;

use keytide_issuer::SecretText;

/// The claims of an identity token that matter here. Its signature is for those who are shown it: it came from its
/// issuer over a guarded connection.
#[derive(Deserialize)]
struct Claims {
    exp: u64,
    iat: Option<u64>,
    aud: Option<String>,
    sub: Option<String>,
    email: Option<String>,
}

/// The credential that an identity token is.
pub(crate) fn issued(token: SecretText, audience: &str) -> Result<Issued, Error> {
    let claims = Claims::of(token.as_str())?;
    if claims.aud.is_some_and(|known| known != audience) {
        return Err(Error::unavailable(
            "the identity token of the answer is for another audience than was asked for",
        ));
    }
    let expires_at = instant(claims.exp)?;
    let mut issued = Issued::bearer(Secret::from(token.into_string())).expires_at(expires_at);
    if let Some(made) = claims.iat.and_then(|iat| instant(iat).ok()) {
        issued = issued.issued_at(made);
    }
    if let Some(principal) = claims.email.or(claims.sub) {
        issued = issued.principal(principal);
    }
    Ok(issued)
}

impl Claims {
    fn of(token: &str) -> Result<Self, Error> {
        let mut parts = token.split('.');
        let payload = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(_), Some(payload), Some(_), None) => payload,
            _ => return Err(no_token("three parts")),
        };
        let payload = URL_SAFE_NO_PAD
            .decode(payload)
            .map_err(|_| no_token("a readable second part"))?;
        serde_json::from_slice(&payload).map_err(|_| no_token("an exp"))
    }
}

fn no_token(what: &str) -> Error {
    Error::unavailable(format!(
        "the answer is no identity token with {what}: check that nothing answers in the issuer's place"
    ))
}

fn instant(seconds: u64) -> Result<SystemTime, Error> {
    UNIX_EPOCH
        .checked_add(Duration::from_secs(seconds))
        .ok_or_else(|| no_token("an exp that a clock can show"))
}

#[cfg(test)]
mod tests {
    use keytide_core::ErrorKind;

    use super::*;
    use crate::answer::whole;

    fn read(payload: &str) -> Result<Issued, Error> {
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload));
        issued(whole(token.as_bytes()).unwrap(), "https://api.example.com")
    }

    #[test]
    fn an_identity_token_says_when_it_ends_and_for_whom_it_is() {
        let issued = read(
            r#"{"exp":1795514520,"iat":1795510920,"aud":"https://api.example.com","sub":"1","email":"a@b"}"#,
        );

        let text = format!("{:?}", issued.unwrap());
        assert!(
            text.contains("1795514520") && text.contains("a@b"),
            "{text}"
        );
        assert!(read(r#"{"exp":18446744073709551615}"#).is_err());
        for payload in [
            "{}",
            "[]",
            r#"{"exp":"soon"}"#,
            r#"{"exp":-1}"#,
            r#"{"exp":1795514520,"aud":"https://other.example.com"}"#,
        ] {
            let error = read(payload).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{payload}");
        }
    }

    #[test]
    fn what_is_no_identity_token_is_an_error() {
        for text in ["token", "a.b", "a.b.c.d", "a.%.c", "a.e30.c"] {
            assert!(
                issued(whole(text.as_bytes()).unwrap(), "x").is_err(),
                "{text}"
            );
        }
    }
}
