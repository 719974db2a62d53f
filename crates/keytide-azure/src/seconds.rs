//! Seconds as Azure writes them: [`Seconds`].

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// What a field of seconds says. Managed identities write numbers as text, Entra as numbers, `refresh_in` as either.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) enum Seconds {
    #[default]
    Unsaid,
    Of(Duration),
    Nonsense,
}

impl Seconds {
    /// As a lifetime.
    pub(crate) fn span(self) -> Option<Duration> {
        match self {
            Self::Of(span) => Some(span),
            _ => None,
        }
    }

    /// As seconds since 1970.
    pub(crate) fn instant(self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(self.span()?)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

/// Takes a number, a number in a string, a fraction and `null`; what else stands there is nonsense, not a broken answer.
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
    fn seconds_are_read_as_azure_writes_them_and_never_guessed() {
        let of = |seconds| Seconds::Of(Duration::from_secs(seconds));
        for (json, expected) in [
            ("3599", of(3599)),
            ("\"1795514520\"", of(1_795_514_520)),
            ("0", of(0)),
            ("1.5", Seconds::Of(Duration::from_millis(1500))),
            ("null", Seconds::Unsaid),
            ("18446744073709551615", of(u64::MAX)),
            ("99999999999999999999999", Seconds::Nonsense),
            ("-1", Seconds::Nonsense),
            ("\"-1\"", Seconds::Nonsense),
            ("\"+1\"", Seconds::Nonsense),
            ("\"\"", Seconds::Nonsense),
            ("\"1e3\"", Seconds::Nonsense),
            ("\"11/24/2026 10:00:00 AM +00:00\"", Seconds::Nonsense),
            ("true", Seconds::Nonsense),
        ] {
            assert_eq!(
                serde_json::from_str::<Seconds>(json).unwrap(),
                expected,
                "{json}"
            );
        }
        assert_eq!(of(u64::MAX).instant(), None);
        assert_eq!(of(60).instant(), Some(UNIX_EPOCH + Duration::from_secs(60)));
    }
}
