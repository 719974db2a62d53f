//! The answer of a token endpoint: [`Token`], RFC 6749, section 5.1.

use std::time::Duration;

use keytide_core::Error;
use keytide_issuer::{Seconds, SecretText, read_object};
use serde::Deserialize;

/// What a token endpoint gives.
pub(crate) struct Token {
    pub(crate) text: SecretText,
    /// How long it lasts, where that was said.
    pub(crate) lifetime: Option<Duration>,
}

/// The fields of the answer. One that stands twice is an error; those that are not read here are passed over.
#[derive(Deserialize)]
struct Fields {
    access_token: Option<SecretText>,
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Seconds,
}

impl Token {
    /// Reads an answer.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Error> {
        let fields: Fields = read_object("the answer", body)?;
        let text = SecretText::bearable(fields.access_token, "access_token")?;
        // Some issuers leave the type out. It matters only where it says that the token alone is not enough.
        let bearer = fields
            .token_type
            .is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
        if !bearer {
            return Err(Error::misconfigured(
                "the answer's token_type is not Bearer: have the issuer give this client bearer tokens",
            ));
        }
        let lifetime = fields.expires_in.told("expires_in")?;
        Ok(Self { text, lifetime })
    }
}

#[cfg(test)]
mod tests {
    use keytide_core::ErrorKind;

    use super::*;

    fn with_lifetime(json: &str) -> Result<Option<Duration>, ErrorKind> {
        let body = format!(r#"{{"access_token":"t","token_type":"Bearer","expires_in":{json}}}"#);
        Token::read(body.as_bytes())
            .map(|token| token.lifetime)
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
            let error = Token::read(body.as_bytes()).err().unwrap();

            assert_eq!(error.kind(), kind, "{body}");
            assert!(!format!("{error} {error:?}").contains("canar"), "{error:?}");
        }
        let deep = format!("{{\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(Token::read(deep.as_bytes()).is_err());
        let long = format!(r#"{{"access_token":"{}"}}"#, "x".repeat((64 << 10) + 1));
        assert!(Token::read(long.as_bytes()).is_err());
    }

    #[test]
    fn a_token_is_read_whatever_stands_beside_it() {
        let body = br#"{"scope":"a b","ext":{"expires_in":"x"},"access_token":"a.b-c_~+/=","token_type":"bEARER","refresh_token":"r"}"#;

        let token = Token::read(body).unwrap();

        assert_eq!(token.text.as_str(), "a.b-c_~+/=");
        assert_eq!(token.lifetime, None);
    }
}
