//! What a token says of itself: [`Claims`].

use std::time::SystemTime;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::date::NumericDate;
use super::fault::JwtFault;

/// The claims that RFC 7519, section 4.1, registers, as far as providers need them.
///
/// Only `exp` is judged. What is unusable beside it is passed over, as if it were not there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Claims {
    #[serde(default)]
    exp: NumericDate,
    #[serde(default)]
    iat: NumericDate,
    #[serde(default, deserialize_with = "name")]
    sub: Option<String>,
    #[serde(default, deserialize_with = "names")]
    aud: Vec<String>,
}

impl Claims {
    /// When the token ends (`exp`).
    ///
    /// # Errors
    /// [`JwtFault::Unusable`], when it does not say, or writes no number of seconds since 1970 before the year 5138: a
    /// later one is rather one of milliseconds.
    pub fn expires_at(&self) -> Result<SystemTime, JwtFault> {
        self.exp.of_exp()
    }

    /// When it was made (`iat`), where that is an instant.
    #[must_use]
    pub fn issued_at(&self) -> Option<SystemTime> {
        self.iat.instant()
    }

    /// Whose it is (`sub`), where that is text and not empty.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.sub.as_deref()
    }

    /// Whom it is for (`aud`): the one, or those of a list that are text and not empty.
    #[must_use]
    pub fn audiences(&self) -> &[String] {
        &self.aud
    }
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Value::deserialize(deserializer).map(text)
}

fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(list) => list.into_iter().filter_map(text).collect(),
        one => text(one).into_iter().collect(),
    })
}

fn text(claim: Value) -> Option<String> {
    match claim {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}
