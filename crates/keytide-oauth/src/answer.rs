//! The answer of a token endpoint: [`Token`], RFC 6749, section 5.1.

use std::fmt;
use std::time::Duration;

use keytide_core::Error;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use zeroize::Zeroizing;

/// What a token endpoint gives. Fields that stand twice are an error; those that are not read here are passed over.
#[derive(Deserialize)]
pub(crate) struct Token {
    #[serde(default)]
    access_token: Option<Plain>,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    pub(crate) expires_in: Lifetime,
}

/// Text that is wiped.
#[derive(Deserialize)]
#[serde(transparent)]
struct Plain(Zeroizing<String>);

/// What `expires_in` says.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) enum Lifetime {
    #[default]
    Unsaid,
    Of(Duration),
    Nonsense,
}

impl Token {
    /// Reads an answer.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Error> {
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        let unreadable = |what: &str| {
            Error::unavailable(format!(
                "the answer {what}: check that the URL is the token endpoint, and that nothing answers in its place"
            ))
        };
        match first {
            Some(b'{') => {}
            None => return Err(unreadable("is empty")),
            Some(b'<') => return Err(unreadable("is HTML or XML")),
            // An array of the right values would be taken for the fields in their order.
            Some(_) => return Err(unreadable("is not a JSON object")),
        }
        // The parser's own message may quote the body: it is dropped.
        let token: Self = serde_json::from_slice(body)
            .map_err(|_| unreadable("is broken JSON, or has a field twice or of the wrong type"))?;
        token.check()?;
        Ok(token)
    }

    /// The token's text, which can stand in a header.
    pub(crate) fn text(&self) -> &str {
        self.access_token.as_ref().map_or("", |token| &token.0)
    }

    fn check(&self) -> Result<(), Error> {
        let text = self.text();
        if text.is_empty() {
            return Err(Error::unavailable("the answer holds no access_token"));
        }
        if text.len() > LONGEST_TOKEN {
            return Err(Error::unavailable(
                "the access_token of the answer is over 64 KiB, more than a request can carry",
            ));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::unavailable(
                "the access_token of the answer holds bytes that no request can carry",
            ));
        }
        // Some issuers leave the type out. It matters only where it says that the token alone is not enough.
        let bearer = self
            .token_type
            .as_ref()
            .is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
        if !bearer {
            return Err(Error::misconfigured(
                "the answer's token_type is not Bearer: have the issuer give this client bearer tokens",
            ));
        }
        if self.expires_in == Lifetime::Nonsense {
            return Err(Error::unavailable(
                "the expires_in of the answer is no number of seconds from 0 on",
            ));
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Seconds)
    }
}

/// Takes a number, and what some issuers write in its place: a number in a string, a fraction, `null`.
struct Seconds;

impl<'de> Visitor<'de> for Seconds {
    type Value = Lifetime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds")
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Lifetime, E> {
        Ok(Lifetime::Of(Duration::from_secs(seconds)))
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Lifetime, E> {
        Ok(
            u64::try_from(seconds).map_or(Lifetime::Nonsense, |seconds| {
                Lifetime::Of(Duration::from_secs(seconds))
            }),
        )
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Lifetime, E> {
        Ok(Duration::try_from_secs_f64(seconds).map_or(Lifetime::Nonsense, Lifetime::Of))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Lifetime, E> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = text.parse().ok().filter(|_| digits);
        Ok(seconds.map_or(Lifetime::Nonsense, |seconds| {
            Lifetime::Of(Duration::from_secs(seconds))
        }))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Lifetime, E> {
        Ok(Lifetime::Unsaid)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Lifetime, E> {
        Ok(Lifetime::Nonsense)
    }
}

/// More than any server takes in one header.
const LONGEST_TOKEN: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use keytide_core::ErrorKind;

    use super::*;

    fn with_lifetime(json: &str) -> Result<Lifetime, ErrorKind> {
        let body = format!(r#"{{"access_token":"t","token_type":"Bearer","expires_in":{json}}}"#);
        Token::read(body.as_bytes())
            .map(|token| token.expires_in)
            .map_err(|error| error.kind())
    }

    #[test]
    fn a_lifetime_is_read_as_issuers_write_it_and_never_guessed() {
        let of = |seconds| Ok(Lifetime::Of(Duration::from_secs(seconds)));
        for (json, expected) in [
            ("3600", of(3600)),
            ("0", of(0)),
            ("\"3600\"", of(3600)),
            ("1.0", of(1)),
            ("3599.5", Ok(Lifetime::Of(Duration::from_millis(3_599_500)))),
            ("18446744073709551615", of(u64::MAX)),
            ("null", Ok(Lifetime::Unsaid)),
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
        let long = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(LONGEST_TOKEN + 1));
        assert!(Token::read(long.as_bytes()).is_err());
    }

    #[test]
    fn a_token_is_read_whatever_stands_beside_it() {
        let body = br#"{"scope":"a b","ext":{"expires_in":"x"},"access_token":"a.b-c_~+/=","token_type":"bEARER","refresh_token":"r"}"#;

        let token = Token::read(body).unwrap();

        assert_eq!(token.text(), "a.b-c_~+/=");
        assert_eq!(token.expires_in, Lifetime::Unsaid);
    }
}
