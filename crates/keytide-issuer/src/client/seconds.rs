//! Seconds as issuers write them: [`Seconds`].

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keytide_core::Error;
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// What a field of seconds says: a lifetime, or an instant since 1970.
///
/// Issuers write a number, a number in a string, a fraction or `null`. What else stands there is nonsense, and told from a
/// field that is not there; it does not make the whole answer unreadable, so that the error can name the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Seconds {
    /// There is no such field, or it is `null`.
    #[default]
    Unsaid,
    /// So many seconds.
    Of(Duration),
    /// Something else: below zero, no number, too large.
    Nonsense,
}

impl Seconds {
    /// As a lifetime, if there is one. `field` is its name.
    ///
    /// # Errors
    /// [`Unavailable`](keytide_core::ErrorKind::Unavailable), naming the field, for nonsense.
    pub fn told(self, field: &str) -> Result<Option<Duration>, Error> {
        match self {
            Self::Unsaid => Ok(None),
            Self::Of(span) => Ok(Some(span)),
            Self::Nonsense => Err(Error::unavailable(format!(
                "the {field} of the answer is no number of seconds from 0 on"
            ))),
        }
    }

    /// As a lifetime.
    #[must_use]
    pub fn span(self) -> Option<Duration> {
        match self {
            Self::Of(span) => Some(span),
            Self::Unsaid | Self::Nonsense => None,
        }
    }

    /// As an instant, in seconds since 1970.
    #[must_use]
    pub fn instant(self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(self.span()?)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Seconds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds")
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Seconds, E> {
        Ok(Seconds::Of(Duration::from_secs(seconds)))
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Seconds, E> {
        let seconds = u64::try_from(seconds);
        Ok(seconds.map_or(Seconds::Nonsense, |seconds| {
            Seconds::Of(Duration::from_secs(seconds))
        }))
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Seconds, E> {
        Ok(Duration::try_from_secs_f64(seconds).map_or(Seconds::Nonsense, Seconds::Of))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Seconds, E> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = text.parse().ok().filter(|_| digits);
        Ok(seconds.map_or(Seconds::Nonsense, |seconds| {
            Seconds::Of(Duration::from_secs(seconds))
        }))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Seconds, E> {
        Ok(Seconds::Unsaid)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Seconds, E> {
        Ok(Seconds::Nonsense)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_as_issuers_write_them_and_never_guessed() {
        let of = |seconds| Seconds::Of(Duration::from_secs(seconds));
        for (json, expected) in [
            ("3599", of(3599)),
            ("0", of(0)),
            ("\"1795514520\"", of(1_795_514_520)),
            ("1.0", of(1)),
            ("3599.5", Seconds::Of(Duration::from_millis(3_599_500))),
            ("18446744073709551615", of(u64::MAX)),
            ("null", Seconds::Unsaid),
            ("-1", Seconds::Nonsense),
            ("-0.5", Seconds::Nonsense),
            ("1e300", Seconds::Nonsense),
            ("99999999999999999999999", Seconds::Nonsense),
            ("\"soon\"", Seconds::Nonsense),
            ("\"\"", Seconds::Nonsense),
            ("\"-1\"", Seconds::Nonsense),
            ("\"1e3\"", Seconds::Nonsense),
            ("\"1.5\"", Seconds::Nonsense),
            ("true", Seconds::Nonsense),
        ] {
            let read = serde_json::from_str::<Seconds>(json).unwrap();
            assert_eq!(read, expected, "{json}");
            assert_eq!(
                read.instant().is_some(),
                read.span().is_some() && json.len() < 19,
                "{json}"
            );
        }
        for json in ["[3600]", "{}"] {
            assert!(serde_json::from_str::<Seconds>(json).is_err(), "{json}");
        }
    }
}
