//! When a signature is made, written as AWS wants it: [`Stamp`].

use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use keytide_http::Error;

/// A time in whole seconds, as `20150830T123600Z`.
pub(crate) struct Stamp {
    text: [u8; 16],
    day: u64,
}

impl Stamp {
    pub(crate) fn of(time: SystemTime) -> Result<Self, Error> {
        let seconds = time
            .duration_since(UNIX_EPOCH)
            .map(|since| since.as_secs())
            .ok()
            .filter(|seconds| *seconds < YEAR_10000)
            .ok_or_else(|| {
                Error::cannot_attach(
                    "the clock shows no year from 1970 to 9999: a signature cannot be dated",
                )
            })?;
        let (day, second) = (seconds / DAY, seconds % DAY);
        let (year, month, of_month) = civil(day);
        let mut text = *b"00000000T000000Z";
        let mut put = |at: usize, width: usize, mut number: u64| {
            for place in text[at..at + width].iter_mut().rev() {
                *place = b'0' + (number % 10) as u8;
                number /= 10;
            }
        };
        put(0, 4, year);
        put(4, 2, month);
        put(6, 2, of_month);
        put(9, 2, second / 3600);
        put(11, 2, second / 60 % 60);
        put(13, 2, second % 60);
        Ok(Self { text, day })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The day alone, as `20150830`.
    pub(crate) fn date(&self) -> &str {
        std::str::from_utf8(&self.text[..8]).unwrap_or_default()
    }

    /// Days since 1 January 1970.
    pub(crate) fn day(&self) -> u64 {
        self.day
    }

    pub(crate) fn header(&self) -> HeaderValue {
        // Digits and two letters are always a value.
        HeaderValue::from_bytes(&self.text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

/// Year, month and day of the month in the Gregorian calendar.
///
/// Years are counted from 1 March, so that the leap day comes last, in eras of 400 years, which all have the same number of
/// days.
fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + DAYS_FROM_MARCH_OF_YEAR_0;
    let (era, of_era) = (day / ERA, day % ERA);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_from_march = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * months_from_march + 2) / 5 + 1;
    let month = if months_from_march < 10 {
        months_from_march + 3
    } else {
        months_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, of_month)
}

const DAY: u64 = 86_400;
const ERA: u64 = 146_097;
const DAYS_FROM_MARCH_OF_YEAR_0: u64 = 719_468;

/// The first second of the year 10000.
const YEAR_10000: u64 = 253_402_300_800;
