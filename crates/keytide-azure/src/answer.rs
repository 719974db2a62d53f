//! The answer of whoever gives tokens: [`Token`].

use std::time::{Duration, SystemTime};

use keytide_core::{Error, Issued, Request};
use keytide_issuer::{Seconds, TokenAnswer, read_object};
use serde::Deserialize;

/// What a token endpoint or a managed identity gives.
pub(crate) struct Token {
    answer: TokenAnswer,
    own: Own,
}

/// What Azure adds to the answer. `ext_expires_in` is none of it: nothing is served past its expiry.
#[derive(Deserialize)]
struct Own {
    #[serde(default)]
    expires_on: Seconds,
    #[serde(default)]
    not_before: Seconds,
    #[serde(default)]
    refresh_in: Seconds,
    #[serde(default)]
    client_id: Option<String>,
}

impl Token {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Error> {
        Ok(Self {
            answer: TokenAnswer::read(body)?,
            own: read_object("the answer", body)?,
        })
    }

    /// A token of Entra, whose life is told as a span.
    pub(crate) fn of_entra(self, client_id: &str) -> Result<Issued, Error> {
        let lifetime = self.answer.stated_lifetime()?;
        Ok(self.issued().expires_in(lifetime).principal(client_id))
    }

    /// A token of a managed identity, whose life is told as an instant. `expires_in` is never looked at: the answer comes
    /// from a cache, and it may count from when the token was made.
    pub(crate) fn of_managed_identity(self, request: &Request) -> Result<Issued, Error> {
        let expires_at = self.own.expires_on.instant().ok_or_else(|| {
            Error::unavailable(
                "the answer does not say in expires_on, as an instant that can be meant (seconds since 1970, or a date with an \
                 offset), when the token expires",
            )
        })?;
        let made = self.made(expires_at, request)?;
        let client_id = self.own.client_id.clone().filter(|id| is_name(id));
        let mut issued = self.issued().expires_at(expires_at);
        if let Some(made) = made {
            issued = issued.issued_at(made);
        }
        if let Some(client_id) = client_id {
            issued = issued.principal(client_id);
        }
        Ok(issued)
    }

    /// When the token was made, if it says since when it is valid.
    ///
    /// One that is not valid yet was made by a clock that is ahead of ours: the request is told, so that what is left of
    /// the life is not reckoned too long.
    fn made(&self, expires_at: SystemTime, request: &Request) -> Result<Option<SystemTime>, Error> {
        if self.own.not_before == Seconds::Unsaid {
            return Ok(None);
        }
        let valid_from = self
            .own
            .not_before
            .instant()
            .filter(|from| *from < expires_at);
        let Some(valid_from) = valid_from else {
            return Err(Error::unavailable(
                "the not_before of the answer is no instant before its expires_on",
            ));
        };
        if let Ok(ahead) = valid_from.duration_since(request.now()) {
            if ahead > FARTHEST_AHEAD {
                return Err(Error::unavailable(format!(
                    "the token is valid only from {ahead:?} from now on: check the clock of this machine"
                )));
            }
            if !ahead.is_zero() {
                request.saw_issuer_clock(valid_from);
            }
        }
        let made = valid_from.checked_add(BACKDATED).unwrap_or(valid_from);
        Ok(Some(made.min(expires_at)))
    }

    fn issued(self) -> Issued {
        let hint = self.own.refresh_in.span();
        let issued = Issued::bearer(self.answer.into_token().into_string());
        match hint {
            Some(after) => issued.refresh_in(after),
            None => issued,
        }
    }
}

/// Whether it can stand in an event: ids of Azure are GUIDs.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// By how much Entra dates `not_before` back: expires_on, expires_in and not_before of the sample answer in "How to use
/// managed identities for Azure resources on an Azure VM to acquire an access token", Microsoft Entra documentation.
const BACKDATED: Duration = Duration::from_secs(300);
/// A clock that differs by more is not corrected by anybody.
const FARTHEST_AHEAD: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use keytide_core::ErrorKind;

    use super::*;

    #[test]
    fn what_is_no_token_is_an_error_that_quotes_nothing() {
        for (body, kind) in [
            ("", ErrorKind::Unavailable),
            ("<html>canary</html>", ErrorKind::Unavailable),
            ("[\"canary\"]", ErrorKind::Unavailable),
            ("{}", ErrorKind::Unavailable),
            (r#"{"access_token":""}"#, ErrorKind::Unavailable),
            (r#"{"access_token":7}"#, ErrorKind::Unavailable),
            (
                r#"{"access_token":"canary","access_token":"b"}"#,
                ErrorKind::Unavailable,
            ),
            (
                r#"{"access_token":"canary\r\nx: y"}"#,
                ErrorKind::Unavailable,
            ),
            (r#"{"access_token":"canäry"}"#, ErrorKind::Unavailable),
            (
                r#"{"access_token":"canary","token_type":"mac"}"#,
                ErrorKind::Misconfigured,
            ),
        ] {
            let error = Token::read(body.as_bytes()).err().unwrap();

            assert_eq!(error.kind(), kind, "{body}");
            assert!(
                !format!("{error} {error:?}").contains("canary"),
                "{error:?}"
            );
        }
    }

    #[test]
    fn entra_says_how_long_and_nothing_else_counts() {
        let read = |json: &str| Token::read(json.as_bytes()).unwrap().of_entra("client");
        assert!(read(r#"{"access_token":"t","expires_in":3599,"ext_expires_in":99999}"#).is_ok());
        assert!(read(r#"{"access_token":"t","expires_in":"3599"}"#).is_ok());
        for json in [
            r#"{"access_token":"t"}"#,
            r#"{"access_token":"t","expires_in":"soon"}"#,
            r#"{"access_token":"t","expires_in":-1}"#,
            r#"{"access_token":"t","ext_expires_in":3599}"#,
        ] {
            assert_eq!(
                read(json).err().unwrap().kind(),
                ErrorKind::Unavailable,
                "{json}"
            );
        }
    }
}
