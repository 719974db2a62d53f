//! The answer of a token endpoint: [`TokenAnswer`], and its no: [`error_code`].

use std::fmt;
use std::time::Duration;

use keytide_core::{Error, Issued, Secret};
use serde::Deserialize;

use super::object::read_object;
use super::seconds::Seconds;
use super::text::SecretText;

/// What a token endpoint gives: RFC 6749, section 5.1.
///
/// A field that stands twice is an error; those that are not read here are passed over. Whoever needs others reads the
/// same body again, with [`read_object`] and a struct of its own.
///
/// ```
/// use std::time::Duration;
/// use keytide_issuer::TokenAnswer;
///
/// # fn main() -> Result<(), keytide_core::Error> {
/// let answer = TokenAnswer::read(br#"{"access_token":"a.b.c","token_type":"Bearer","expires_in":900}"#)?;
/// assert_eq!(answer.lifetime()?, Some(Duration::from_secs(900)));
/// let issued = answer.issued()?.principal("reader");
/// # let _ = issued;
///
/// let other = TokenAnswer::read(br#"{"access_token":"a.b.c","token_type":"DPoP"}"#);
/// assert!(other.unwrap_err().to_string().contains("token_type"));
/// # Ok(())
/// # }
/// ```
pub struct TokenAnswer {
    token: SecretText,
    expires_in: Seconds,
}

impl TokenAnswer {
    /// Reads the body of a success.
    ///
    /// # Errors
    /// [`Unavailable`](keytide_core::ErrorKind::Unavailable), when it is no answer, or its `access_token` cannot be borne:
    /// perhaps something else answers, and the next answer is the issuer's.
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), when it is whole and its `token_type` is not `Bearer`:
    /// then the token must not be used (RFC 6749, section 7.1), and the next one is of that type too until somebody
    /// changes what the issuer gives this client. Without a type it is taken, for some issuers leave it out.
    pub fn read(body: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Fields {
            access_token: Option<SecretText>,
            token_type: Option<String>,
            #[serde(default)]
            expires_in: Seconds,
        }
        let fields: Fields = read_object("the answer", body)?;
        let token = SecretText::bearable(fields.access_token, "access_token")?;
        let bearer = fields
            .token_type
            .is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
        if !bearer {
            return Err(Error::misconfigured(
                "the answer's token_type is not Bearer, and the token alone would not be enough: have the issuer give \
                 this client bearer tokens, and check who answers",
            ));
        }
        Ok(Self {
            token,
            expires_in: fields.expires_in,
        })
    }

    /// How long it lasts (`expires_in`), where that was said.
    ///
    /// # Errors
    /// [`Unavailable`](keytide_core::ErrorKind::Unavailable), when what was said is no number of seconds.
    pub fn lifetime(&self) -> Result<Option<Duration>, Error> {
        self.expires_in.told("expires_in")
    }

    /// How long it lasts, where that must be said.
    ///
    /// # Errors
    /// [`Unavailable`](keytide_core::ErrorKind::Unavailable), when nothing was said, or what was is no number of seconds.
    pub fn stated_lifetime(&self) -> Result<Duration, Error> {
        self.lifetime()?.ok_or_else(|| {
            Error::unavailable("the answer does not say how long the token lives (expires_in)")
        })
    }

    /// The credential that it is: a bearer token that lasts as long as the answer says, which it must.
    ///
    /// # Errors
    /// Those of [`stated_lifetime`](Self::stated_lifetime).
    pub fn issued(self) -> Result<Issued, Error> {
        let lifetime = self.stated_lifetime()?;
        let token = Secret::from(self.token.into_string());
        Ok(Issued::bearer(token).expires_in(lifetime))
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &SecretText {
        &self.token
    }

    /// The token, for who needs no more.
    #[must_use]
    pub fn into_token(self) -> SecretText {
        self.token
    }
}

impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenAnswer")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// The `error` of a token endpoint's no: RFC 6749, section 5.2. For a [`Dialect`](crate::Dialect).
#[must_use]
pub fn error_code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Failure {
        error: String,
    }
    let failure = read_object("the answer", body);
    failure.map(|failure: Failure| failure.error).ok()
}

#[cfg(test)]
mod tests {
    use keytide_core::ErrorKind;

    use super::*;

    fn with_lifetime(json: &str) -> Result<Option<Duration>, ErrorKind> {
        let body = format!(r#"{{"access_token":"t","token_type":"Bearer","expires_in":{json}}}"#);
        TokenAnswer::read(body.as_bytes())
            .and_then(|answer| answer.lifetime())
            .map_err(|error| error.kind())
    }

    #[test]
    fn a_lifetime_is_read_as_issuers_write_it_and_never_guessed() {
        let of = |seconds| Ok(Some(Duration::from_secs(seconds)));
        for (json, expected) in [
            ("3600", of(3600)),
            ("0", of(0)),
            ("\"3600\"", of(3600)),
            ("1.0", of(1)),
            ("3599.5", Ok(Some(Duration::from_millis(3_599_500)))),
            ("18446744073709551615", of(u64::MAX)),
            ("null", Ok(None)),
            ("-1", Err(ErrorKind::Unavailable)),
            ("-0.5", Err(ErrorKind::Unavailable)),
            ("1e300", Err(ErrorKind::Unavailable)),
            ("1e999", Err(ErrorKind::Unavailable)),
            ("99999999999999999999999999", Err(ErrorKind::Unavailable)),
            ("\"soon\"", Err(ErrorKind::Unavailable)),
            ("\"\"", Err(ErrorKind::Unavailable)),
            ("\"-1\"", Err(ErrorKind::Unavailable)),
            ("\"1e3\"", Err(ErrorKind::Unavailable)),
            ("true", Err(ErrorKind::Unavailable)),
            ("[3600]", Err(ErrorKind::Unavailable)),
            ("{}", Err(ErrorKind::Unavailable)),
        ] {
            assert_eq!(with_lifetime(json), expected, "{json}");
        }
    }

    #[test]
    fn what_is_no_token_is_an_error_that_quotes_nothing() {
        for (body, kind) in [
            ("", ErrorKind::Unavailable),
            ("   ", ErrorKind::Unavailable),
            ("<html>canary</html>", ErrorKind::Unavailable),
            ("canary", ErrorKind::Unavailable),
            ("[\"canary\"]", ErrorKind::Unavailable),
            ("{}", ErrorKind::Unavailable),
            (r#"{"access_token":""}"#, ErrorKind::Unavailable),
            (r#"{"access_token":null}"#, ErrorKind::Unavailable),
            (r#"{"access_token":7}"#, ErrorKind::Unavailable),
            (r#"{"access_token":"canary""#, ErrorKind::Unavailable),
            (
                r#"{"access_token":"canary","access_token":"other"}"#,
                ErrorKind::Unavailable,
            ),
            (
                r#"{"access_token":"t","expires_in":1,"expires_in":9}"#,
                ErrorKind::Unavailable,
            ),
            (
                "{\"access_token\":\"canary\\r\\nx: y\"}",
                ErrorKind::Unavailable,
            ),
            (
                "{\"access_token\":\"canary \\u0000\"}",
                ErrorKind::Unavailable,
            ),
            (r#"{"access_token":"canäry"}"#, ErrorKind::Unavailable),
            (
                r#"{"access_token":"canary","token_type":"mac"}"#,
                ErrorKind::Misconfigured,
            ),
        ] {
            let error = TokenAnswer::read(body.as_bytes()).err().unwrap();

            assert_eq!(error.kind(), kind, "{body}");
            assert!(!format!("{error} {error:?}").contains("canar"), "{error:?}");
        }
        let deep = format!("{{\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(TokenAnswer::read(deep.as_bytes()).is_err());
        let long = format!(r#"{{"access_token":"{}"}}"#, "x".repeat((64 << 10) + 1));
        assert!(TokenAnswer::read(long.as_bytes()).is_err());
    }

    #[test]
    fn a_token_is_read_whatever_stands_beside_it() {
        let body = br#"{"scope":"a b","ext":{"expires_in":"x"},"access_token":"a.b-c_~+/=","token_type":"bEARER","refresh_token":"r"}"#;

        let token = TokenAnswer::read(body).unwrap();

        assert_eq!(token.lifetime().unwrap(), None);
        assert!(token.stated_lifetime().is_err());
        assert_eq!(token.into_token().as_str(), "a.b-c_~+/=");
    }

    #[test]
    fn a_code_is_a_field_of_an_object_and_nothing_else() {
        assert_eq!(
            error_code(br#"{"error":"invalid_client","x":1}"#).as_deref(),
            Some("invalid_client")
        );
        for body in [
            "[\"invalid_client\"]",
            "\"invalid_client\"",
            "invalid_client",
            "{}",
            "",
        ] {
            assert_eq!(error_code(body.as_bytes()), None, "{body}");
        }
    }
}
