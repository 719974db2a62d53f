//! Instants in tokens: [`NumericDate`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::fault::JwtFault;

/// A `NumericDate` (RFC 7519, section 2): seconds since 1970, perhaps with a fraction.
///
/// Whatever stands in its place is taken for none and does not make the rest unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NumericDate(Written);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Written {
    /// There is no such claim, or it is `null`.
    #[default]
    Nothing,
    At(SystemTime),
    /// Something that is no instant: what an error about `exp` says of it.
    Wrong(&'static str),
}

impl NumericDate {
    /// The instant, if there is one.
    #[must_use]
    pub fn instant(&self) -> Option<SystemTime> {
        match self.0 {
            Written::At(instant) => Some(instant),
            Written::Nothing | Written::Wrong(_) => None,
        }
    }

    /// The instant, as the claim `exp`.
    pub(super) fn of_exp(self) -> Result<SystemTime, JwtFault> {
        match self.0 {
            Written::At(instant) => Ok(instant),
            Written::Wrong(what) => Err(JwtFault::Unusable(what)),
            Written::Nothing => Err(JwtFault::Unusable(
                "has no exp claim: use a token that says when it expires",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = match Value::deserialize(deserializer)? {
            Value::Null => Written::Nothing,
            claim => instant(&claim).map_or_else(Written::Wrong, Written::At),
        };
        Ok(Self(written))
    }
}

fn instant(claim: &Value) -> Result<SystemTime, &'static str> {
    let seconds = match claim {
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(_) => {
            return Err(
                "has a string for its exp claim: it must be a number of seconds since 1970",
            );
        }
        _ => return Err("has an exp claim that is no number: it must be seconds since 1970"),
    };
    if seconds > END_OF_9999 {
        return Err(
            "has an exp claim beyond the year 9999, which looks like milliseconds: it must be seconds since 1970",
        );
    }
    if seconds >= MILLISECONDS {
        return Err("has an exp claim that looks like milliseconds: it must be seconds since 1970");
    }
    if seconds < 0.0 {
        return Err("has a negative exp claim: it must be seconds since 1970");
    }
    Duration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|since| UNIX_EPOCH.checked_add(since))
        .ok_or("has an exp claim that is no instant: it must be seconds since 1970")
}

/// From here on a number of seconds since 1970 lies in the year 5138 or later, and is rather one of milliseconds.
const MILLISECONDS: f64 = 1e11;
/// 9999-12-31T23:59:59Z.
const END_OF_9999: f64 = 253_402_300_799.0;
