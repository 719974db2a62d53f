//! Seconds as issuers write them: [`Seconds`].

use std::fmt;
use std::time::{Duration, SystemTime};

use keytide_core::Error;
use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::instant::{instant, instant_of_seconds};

/// What a field of seconds says: a lifetime, or an instant since 1970.
///
/// Issuers write a number, a number in a string, a fraction or `null`; for an instant also a date. What else stands there is
/// nonsense, and told from a field that is not there; it does not make the whole answer unreadable, so that the error can
/// name the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Seconds {
    /// There is no such field, or it is `null`.
    #[default]
    Unsaid,
    /// So many seconds.
    Of(Duration),
    /// A date, which is no number of seconds: see [`instant`](crate::instant()).
    Date(SystemTime),
    /// Something else: below zero, no number, too large.
    Nonsense,
}

impl Seconds {
    /// As a lifetime, if there is one. `field` is its name.
    ///
    /// # Errors
    /// [`Unavailable`](keytide_core::ErrorKind::Unavailable), naming the field, for nonsense and for a date.
    pub fn told(self, field: &str) -> Result<Option<Duration>, Error> {
        match self {
            Self::Unsaid => Ok(None),
            Self::Of(span) => Ok(Some(span)),
            Self::Date(_) | Self::Nonsense => Err(Error::unavailable(format!(
                "the {field} of the answer is no number of seconds from 0 on"
            ))),
        }
    }

    /// As a lifetime.
    #[must_use]
    pub fn span(self) -> Option<Duration> {
        match self {
            Self::Of(span) => Some(span),
            Self::Unsaid | Self::Date(_) | Self::Nonsense => None,
        }
    }

    /// As an instant: a date, seconds since 1970, or milliseconds where seconds cannot be meant
    /// ([`instant_of_seconds`](crate::instant_of_seconds)). `None` where none can be meant.
    #[must_use]
    pub fn instant(self) -> Option<SystemTime> {
        match self {
            Self::Date(instant) => Some(instant),
            Self::Of(number) => instant_of_seconds(number),
            Self::Unsaid | Self::Nonsense => None,
        }
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
        let text = text.trim_ascii();
        let number = written(text).map(Seconds::Of);
        let date = || instant(text).map(Seconds::Date);
        Ok(number.or_else(date).unwrap_or(Seconds::Nonsense))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Seconds, E> {
        Ok(Seconds::Unsaid)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Seconds, E> {
        Ok(Seconds::Nonsense)
    }
}

/// A number in decimal digits, perhaps with a fraction.
fn written(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let nanos: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    Some(Duration::new(whole.parse().ok()?, nanos.parse().ok()?))
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
            ("\"1.5\"", Seconds::Of(Duration::from_millis(1_500))),
            ("\"3600.0\"", of(3600)),
            ("\" 3600 \"", of(3600)),
            ("\"3600.\"", Seconds::Nonsense),
            ("\".5\"", Seconds::Nonsense),
            ("\"1.5.0\"", Seconds::Nonsense),
            ("\"+3600\"", Seconds::Nonsense),
            ("true", Seconds::Nonsense),
        ] {
            let read = serde_json::from_str::<Seconds>(json).unwrap();
            assert_eq!(read, expected, "{json}");
            assert_eq!(
                read.instant().is_some(),
                read.span().is_some() && json.len() < 19,
                "{json}"
            );
            assert_eq!(read.told("x").is_err(), read == Seconds::Nonsense, "{json}");
        }
        for (json, seconds) in [
            ("1795801210", 1_795_801_210),
            ("\"1795801210\"", 1_795_801_210),
            ("1795801210000", 1_795_801_210),
            ("\"1795801210000\"", 1_795_801_210),
            ("\"2026-11-27T18:40:10+01:00\"", 1_795_801_210),
            ("\"11/27/2026 5:40:10 PM +00:00\"", 1_795_801_210),
        ] {
            let read = serde_json::from_str::<Seconds>(json).unwrap();
            let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(read.instant(), Some(expected), "{json}");
        }
        let date = serde_json::from_str::<Seconds>("\"2026-11-27T17:40:10Z\"").unwrap();
        assert!(date.told("expires_in").is_err() && date.span().is_none());
        for json in ["[3600]", "{}"] {
            assert!(serde_json::from_str::<Seconds>(json).is_err(), "{json}");
        }
    }
}
