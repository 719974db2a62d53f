//! The answers that hold a token: read strictly, and wiped.

use std::fmt;
use std::time::{Duration, SystemTime};

use chrono::DateTime;
use keytide_core::Error;
use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use zeroize::Zeroizing;

/// Text that is wiped.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Plain(Zeroizing<String>);

impl Plain {
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_text(mut self) -> String {
        std::mem::take(&mut *self.0)
    }
}

/// An access token and how long it lasts, where that was said.
pub(crate) struct Token {
    pub(crate) text: Plain,
    pub(crate) lifetime: Option<Duration>,
}

impl Token {
    /// Reads what OAuth endpoints and the metadata server answer: RFC 6749, section 5.1.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Told {
            access_token: Option<Plain>,
            token_type: Option<String>,
            #[serde(default)]
            expires_in: Lifetime,
        }
        let told: Told = json(body)?;
        let text = bearable(told.access_token, "access_token")?;
        if let Some(kind) = told.token_type
            && !kind.eq_ignore_ascii_case("bearer")
        {
            return Err(Error::unavailable("the answer's token_type is not Bearer"));
        }
        let lifetime = match told.expires_in {
            Lifetime::Unsaid => None,
            Lifetime::Of(lifetime) => Some(lifetime),
            Lifetime::Nonsense => {
                return Err(Error::unavailable(
                    "the expires_in of the answer is no number of seconds from 0 on",
                ));
            }
        };
        Ok(Self { text, lifetime })
    }

    /// How long it lasts, where that must be said.
    pub(crate) fn lifetime(&self) -> Result<Duration, Error> {
        self.lifetime.ok_or_else(|| {
            Error::unavailable("the answer does not say how long the token lives (expires_in)")
        })
    }
}

/// The answer of `generateAccessToken`.
pub(crate) struct Generated {
    pub(crate) text: Plain,
    pub(crate) expires_at: SystemTime,
}

impl Generated {
    pub(crate) fn read(body: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Told {
            access_token: Option<Plain>,
            expire_time: Option<String>,
        }
        let told: Told = json(body)?;
        let text = bearable(told.access_token, "accessToken")?;
        let instant = told.expire_time.and_then(|time| instant(&time));
        let expires_at = instant.ok_or_else(|| {
            Error::unavailable("the expireTime of the answer is no time of RFC 3339")
        })?;
        Ok(Self { text, expires_at })
    }
}

/// The field of a JSON answer that holds an identity token.
pub(crate) fn identity_token(body: &[u8], field: &'static str) -> Result<Plain, Error> {
    #[derive(Deserialize)]
    struct Told {
        token: Option<Plain>,
        id_token: Option<Plain>,
    }
    let told: Told = json(body)?;
    let token = if field == "token" {
        told.token
    } else {
        told.id_token
    };
    bearable(token, field)
}

/// A token that is the whole body, but for a line break at its end.
pub(crate) fn whole(body: &[u8]) -> Result<Plain, Error> {
    let text = std::str::from_utf8(body.trim_ascii()).map_err(|_| {
        Error::unavailable("the answer is no token: something answers in the issuer's place")
    })?;
    bearable(Some(Plain(Zeroizing::new(text.to_owned()))), "token")
}

/// Reads JSON. The parser's own message may quote the body: it is dropped.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|_| {
        let what = match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => "is empty",
            Some(b'<') => "is HTML or XML",
            Some(b'{') => "is broken JSON, or has a field twice or of the wrong type",
            Some(_) => "is not a JSON object",
        };
        Error::unavailable(format!(
            "the answer {what}: check that nothing answers in the issuer's place"
        ))
    })
}

/// A token that a request can carry.
fn bearable(token: Option<Plain>, field: &str) -> Result<Plain, Error> {
    let wrong = |what: &str| {
        Err(Error::unavailable(format!(
            "the {field} of the answer {what}"
        )))
    };
    match token {
        Some(token) if token.text().len() > LONGEST_TOKEN => {
            wrong("is over 64 KiB, more than a request can carry")
        }
        Some(token) if !token.text().bytes().all(|byte| byte.is_ascii_graphic()) => {
            wrong("holds bytes that no request can carry")
        }
        Some(token) if !token.text().is_empty() => Ok(token),
        _ => wrong("is missing or empty"),
    }
}

/// An instant of RFC 3339, within the years that a clock shows.
fn instant(text: &str) -> Option<SystemTime> {
    let instant = DateTime::parse_from_rfc3339(text).ok()?;
    let since_1970 = u64::try_from(instant.timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(
        since_1970,
        // A leap second counts on beyond a billion.
        instant.timestamp_subsec_nanos().min(999_999_999),
    ))
}

/// What `expires_in` says.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Lifetime {
    #[default]
    Unsaid,
    Of(Duration),
    Nonsense,
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Seconds)
    }
}

/// Takes a number, and the number in a string that STS sometimes writes.
struct Seconds;

impl<'de> Visitor<'de> for Seconds {
    type Value = Lifetime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds")
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Lifetime, E> {
        Ok(Lifetime::Of(Duration::from_secs(seconds)))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Lifetime, E> {
        // What is not negative comes as `u64`.
        Ok(Lifetime::Nonsense)
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
mod tests;
