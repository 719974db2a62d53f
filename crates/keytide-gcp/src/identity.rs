//! What an identity token says of itself: [`issued`].

use keytide_core::{Error, Issued, Secret};
use keytide_issuer::{Jwt, JwtFault, SecretText};
use serde::Deserialize;

/// Google's own claim.
#[derive(Deserialize)]
struct Account {
    email: Option<String>,
}

/// The credential that an identity token is. Its signature is for those who are shown it: it came from its issuer over a
/// guarded connection.
pub(crate) fn issued(token: SecretText, audience: &str) -> Result<Issued, Error> {
    let jwt = Jwt::parse(token.as_str().as_bytes()).map_err(no_token)?;
    let claims = jwt.claims().map_err(no_token)?;
    let account: Account = jwt.read().map_err(no_token)?;
    let audiences = claims.audiences();
    if !audiences.is_empty() && audiences.iter().all(|known| known != audience) {
        return Err(Error::unavailable(
            "the identity token of the answer is for another audience than was asked for",
        ));
    }
    let expires_at = claims.expires_at().map_err(no_token)?;
    let principal = account.email.as_deref().or_else(|| claims.subject());
    let principal = principal.map(ToOwned::to_owned);
    let mut issued = Issued::bearer(Secret::from(token.into_string())).expires_at(expires_at);
    if let Some(made) = claims.issued_at() {
        issued = issued.issued_at(made);
    }
    if let Some(principal) = principal {
        issued = issued.principal(principal);
    }
    Ok(issued)
}

fn no_token(fault: JwtFault) -> Error {
    Error::unavailable(format!(
        "the identity token of the answer {fault}: check that nothing answers in the issuer's place"
    ))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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
