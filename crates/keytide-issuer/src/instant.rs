//! Instants as people and platforms write them: [`instant`], and [`instant_of_seconds`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The instant that a text names, with its offset from UTC: RFC 3339, and what else the SDKs of the clouds take for one.
///
/// | part | forms |
/// |---|---|
/// | date | `2026-11-27`, `20261127`; `11/27/2026` as App Service wrote it (Azure SDKs, `MSIToken`) |
/// | between | `T`, `t` or one blank |
/// | time | `17:40:10`, `174010`, `17:40`; with a fraction behind `.` or `,`; with ` AM` or ` PM`; the leap second 60 |
/// | offset | `Z`, `z`, `UTC`, `GMT`, `+01:00`, `+0100`, `+01`, perhaps behind a blank |
///
/// `None` for what names no day, has no offset (whose noon it is would be a guess), or lies before 1970 or after 9999.
///
/// ```
/// use keytide_issuer::instant;
///
/// let written = ["2026-11-27T17:40:10Z", "2026-11-27 18:40:10+01:00", "20261127T174010Z"];
/// assert!(written.iter().all(|text| instant(text) == instant("2026-11-27T17:40:10Z")));
/// assert!(instant(written[0]).is_some());
/// assert_eq!(instant("2026-11-27T17:40:10"), None);
/// assert_eq!(instant("2026-02-29T00:00:00Z"), None);
/// ```
#[must_use]
pub fn instant(text: &str) -> Option<SystemTime> {
    let mut rest = Rest(text.trim_matches(|character: char| character.is_ascii_whitespace()));
    let days = rest.day()?;
    if !(rest.takes("T") || rest.takes("t")) {
        rest.takes(" ").then_some(())?;
    }
    let (seconds, nanos) = rest.time()?;
    rest.takes(" ");
    let offset = rest.offset()?;
    if !rest.0.is_empty() {
        return None;
    }
    let since_1970 = days * DAY + seconds - offset;
    let since_1970 = u64::try_from(since_1970).ok()?;
    UNIX_EPOCH.checked_add(Duration::new(since_1970, nanos))
}

/// The instant that a number names: seconds since 1970, or milliseconds where seconds cannot be meant.
///
/// | the number | is |
/// |---|---|
/// | under 100,000,000,000 | seconds, up to the year 5138 |
/// | 1,000,000,000,000 to 99,999,999,999,999 | milliseconds, from 2001 to the year 5138 |
/// | any other | none that anybody means: `None` |
///
/// No number is both: what is taken for milliseconds would be the year 33,658 or later in seconds.
#[must_use]
pub fn instant_of_seconds(number: Duration) -> Option<SystemTime> {
    let since_1970 = match number.as_secs() {
        ..100_000_000_000 => number,
        milliseconds @ 1_000_000_000_000..100_000_000_000_000 => {
            Duration::from_millis(milliseconds)
        }
        _ => return None,
    };
    UNIX_EPOCH.checked_add(since_1970)
}

/// What is still to be read.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn takes(&mut self, text: &str) -> bool {
        let rest = self.0.strip_prefix(text);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A number of just so many digits.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let number = self.0.get(..digits)?;
        let is_one = number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse().ok().filter(|_| is_one)?;
        self.0 = self.0.get(digits..)?;
        Some(number)
    }

    fn digits(&self) -> usize {
        self.0.bytes().take_while(u8::is_ascii_digit).count()
    }

    /// As days since 1970.
    fn day(&mut self) -> Option<i64> {
        let (year, month, day) = match self.digits() {
            4 => {
                let year = self.number(4)?;
                self.takes("-").then_some(())?;
                let month = self.number(2)?;
                self.takes("-").then_some(())?;
                (year, month, self.number(2)?)
            }
            8 => (self.number(4)?, self.number(2)?, self.number(2)?),
            digits @ (1 | 2) => {
                let month = self.number(digits)?;
                self.takes("/").then_some(())?;
                let day = self.number(self.digits().min(2))?;
                self.takes("/").then_some(())?;
                (self.number(4)?, month, day)
            }
            _ => return None,
        };
        let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let longest = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            _ => return None,
        };
        ((1..=longest).contains(&day) && year >= 1970).then(|| days(year, month, day))
    }

    /// As seconds of the day, and nanoseconds of the second.
    fn time(&mut self) -> Option<(i64, u32)> {
        let with_colons = self.digits() <= 2;
        let hour = self.number(self.digits().min(2))?;
        let minute = if with_colons {
            self.takes(":").then_some(())?;
            self.number(2)?
        } else {
            self.number(2)?
        };
        let has_seconds = if with_colons {
            self.takes(":")
        } else {
            self.digits() > 0
        };
        let second = if has_seconds { self.number(2)? } else { 0 };
        let mut nanos = 0;
        if has_seconds && (self.takes(".") || self.takes(",")) {
            let digits = self.digits();
            let fraction = self.0.get(..digits).filter(|_| digits > 0)?;
            let known: String = fraction
                .chars()
                .chain("000000000".chars())
                .take(9)
                .collect();
            nanos = known.parse().ok()?;
            self.0 = self.0.get(digits..)?;
        }
        let hour = match (self.takes(" AM"), self.takes(" PM"), hour) {
            (false, false, 0..=23) => hour,
            // App Service wrote `00:00:00 PM` too.
            (true, _, 0..=12) => hour % 12,
            (_, true, 0..=12) => hour % 12 + 12,
            _ => return None,
        };
        if minute > 59 || second > 60 {
            return None;
        }
        Some((hour * 3600 + minute * 60 + second, nanos))
    }

    /// As seconds east of UTC.
    fn offset(&mut self) -> Option<i64> {
        if ["Z", "z", "UTC", "GMT"]
            .into_iter()
            .any(|utc| self.takes(utc))
        {
            return Some(0);
        }
        let east = if self.takes("+") {
            1
        } else {
            self.takes("-").then_some(-1)?
        };
        let hours = self.number(2)?;
        let minutes = if self.takes(":") || self.digits() > 0 {
            self.number(2)?
        } else {
            0
        };
        (hours <= 23 && minutes <= 59).then_some(east * (hours * 3600 + minutes * 60))
    }
}

/// Days since 1970 of a day of the Gregorian calendar, by years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month < 3 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - TO_1970
}

/// In seconds.
const DAY: i64 = 24 * 3600;
/// Days from 1 March of the year 0 to 1970.
const TO_1970: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Option<SystemTime> {
        Some(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    #[test]
    fn an_instant_is_read_as_it_is_written() {
        let expected = at(1_795_801_210);
        for text in [
            "2026-11-27T17:40:10Z",
            "2026-11-27t17:40:10z",
            "2026-11-27 17:40:10+00:00",
            "2026-11-27 17:40:10 +00:00",
            "2026-11-27 17:40:10 UTC",
            "2026-11-27T18:40:10+0100",
            "2026-11-27T18:40:10+01",
            "2026-11-27T07:10:10-10:30",
            "2026-11-28T01:40:10+08:00",
            "20261127T174010Z",
            "20261127T184010+0100",
            "11/27/2026 17:40:10 +00:00",
            "11/27/2026 5:40:10 PM +00:00",
            " 2026-11-27T17:40:10Z\r\n",
        ] {
            assert_eq!(instant(text), expected, "{text}");
        }
        for (text, seconds, nanos) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2000-02-29T12:00Z", 951_825_600, 0),
            ("2016-12-31T23:59:60Z", 1_483_228_800, 0),
            ("9999-12-31T23:59:59Z", 253_402_300_799, 0),
            ("2026-11-27T17:40:10.5Z", 1_795_801_210, 500_000_000),
            ("2026-11-27T17:40:10,25+00:00", 1_795_801_210, 250_000_000),
            ("20261127T174010.123Z", 1_795_801_210, 123_000_000),
            (
                "2026-11-27T17:40:10.1234567891Z",
                1_795_801_210,
                123_456_789,
            ),
            ("9/14/2017 12:00:00 AM +00:00", 1_505_347_200, 0),
            ("09/14/2017 00:00:00 PM +00:00", 1_505_390_400, 0),
        ] {
            let expected = UNIX_EPOCH + Duration::new(seconds, nanos);
            assert_eq!(instant(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_names_no_instant_is_none() {
        for text in [
            "",
            "soon",
            "1795801210",
            "2026-11-27",
            "2026-11-27T17:40:10",
            "2026-11-27  17:40:10Z",
            "2026-11-27T17:40:10Zx",
            "2026-11-27T17:40:10 Z x",
            "2026-11-27T24:00:00Z",
            "2026-11-27T17:60:00Z",
            "2026-11-27T17:40:61Z",
            "2026-11-27T17:40:10.Z",
            "2026-11-27T17:40:10+1:00",
            "2026-11-27T17:40:10+24:00",
            "2026-11-27T17:40:10+01:60",
            "2026-11-27T13:00:00 PM Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2026-11-00T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "12026-11-27T17:40:10Z",
            "26-11-27T17:40:10Z",
            "２０２６-11-27T17:40:10Z",
            "+026-11-27T17:40:10Z",
            "é",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_is_one_day_after_the_one_before() {
        let mut expected = 0;
        for year in 1970..=2101 {
            for month in 1..=12 {
                for day in 1..=31 {
                    let text = format!("{year}-{month:02}-{day:02}T00:00:00Z");
                    if let Some(found) = instant(&text) {
                        assert_eq!(Some(found), at(expected), "{text}");
                        expected += 86_400;
                    }
                }
            }
        }
        // 2102-01-01.
        assert_eq!(expected, 4_165_516_800);
    }

    #[test]
    fn a_number_is_milliseconds_only_where_it_cannot_be_seconds() {
        let of = |number| instant_of_seconds(Duration::from_secs(number));
        assert_eq!(of(0), at(0));
        assert_eq!(of(1_795_801_210), at(1_795_801_210));
        assert_eq!(of(99_999_999_999), at(99_999_999_999));
        assert_eq!(of(100_000_000_000), None);
        assert_eq!(of(999_999_999_999), None);
        assert_eq!(of(1_000_000_000_000), at(1_000_000_000));
        assert_eq!(of(1_795_801_210_000), at(1_795_801_210));
        assert_eq!(of(99_999_999_999_000), at(99_999_999_999));
        assert_eq!(of(100_000_000_000_000), None);
        assert_eq!(of(1_795_801_210_000_000), None);
        assert_eq!(of(u64::MAX), None);
        let half = Duration::from_millis(1_500);
        assert_eq!(instant_of_seconds(half), Some(UNIX_EPOCH + half));
    }
}
