//! The answers that hold a token: read strictly, and wiped.

use std::time::SystemTime;

use keytide_core::Error;
use keytide_issuer::{SecretText, instant, read_object, token_text};
use serde::Deserialize;

/// The answer of `generateAccessToken`.
pub(crate) struct Generated {
    pub(crate) text: SecretText,
    pub(crate) expires_at: SystemTime,
}

impl Generated {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct GenerateAccessTokenResponse {
            access_token: Option<SecretText>,
            expire_time: Option<String>,
        }
        let response: GenerateAccessTokenResponse = read_object("the answer", body)?;
        let text = SecretText::bearable(response.access_token, "accessToken")?;
        let instant = response.expire_time.and_then(|time| instant(&time));
        let expires_at = instant.ok_or_else(|| {
            Error::unavailable("the expireTime of the answer is no time of RFC 3339")
        })?;
        Ok(Self { text, expires_at })
    }
}

/// The field of a JSON answer that holds an identity token.
pub(crate) fn identity_token(body: &[u8], field: &'static str) -> Result<SecretText, Error> {
    #[derive(Deserialize)]
    struct IdentityTokenResponse {
        token: Option<SecretText>,
        id_token: Option<SecretText>,
    }
    let response: IdentityTokenResponse = read_object("the answer", body)?;
    let token = if field == "token" {
        response.token
    } else {
        response.id_token
    };
    SecretText::bearable(token, field)
}

/// A token that is the whole body, but for a line break at its end.
pub(crate) fn whole(body: &[u8]) -> Result<SecretText, Error> {
    let text = token_text(body).map_err(|fault| {
        Error::unavailable(format!(
            "the answer is no token, it {fault}: something answers in the issuer's place"
        ))
    })?;
    SecretText::bearable(Some(text.to_owned().into()), "token")
}

#[cfg(test)]
mod tests;
