//! What headers say of time: `Date` and `Retry-After`.

use std::time::{Duration, SystemTime};

use keytide_core::RetryAfter;

/// The moment that a `Date` header names (RFC 9110, section 5.6.7: any of the three forms).
pub(super) fn date(value: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(value.trim()).ok()
}

/// How long a `Retry-After` header asks for (RFC 9110, section 10.2.3: seconds or a date).
///
/// A date is the issuer's: where the answer's own `Date` is known it becomes a delay by that, whatever our clock
/// says. What is neither is nothing.
pub(super) fn retry_after(value: &str, date_of_answer: Option<SystemTime>) -> Option<RetryAfter> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than fits is for ever, which the backoff bounds.
        let seconds: u32 = value.parse().unwrap_or(u32::MAX);
        return Some(RetryAfter::Delay(Duration::from_secs(seconds.into())));
    }
    let instant = date(value)?;
    Some(match date_of_answer {
        Some(answered) => {
            RetryAfter::Delay(instant.duration_since(answered).unwrap_or(Duration::ZERO))
        }
        None => RetryAfter::At(instant),
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_retry_after_is_seconds_or_a_date_by_the_issuers_own_clock() {
        let answered = date("Tue, 24 Nov 2026 10:00:00 GMT");
        let seconds = |seconds| Some(RetryAfter::Delay(Duration::from_secs(seconds)));

        assert_eq!(retry_after("120", None), seconds(120));
        assert_eq!(retry_after(" 0 ", answered), seconds(0));
        assert_eq!(
            retry_after("Tue, 24 Nov 2026 10:02:00 GMT", answered),
            seconds(120)
        );
        assert_eq!(
            retry_after("Tue, 24 Nov 2026 09:00:00 GMT", answered),
            seconds(0),
            "a date in the past"
        );
        assert_eq!(
            retry_after("Tue, 24 Nov 2026 10:02:00 GMT", None),
            Some(RetryAfter::At(
                UNIX_EPOCH + Duration::from_secs(1_795_514_520)
            ))
        );
        assert_eq!(
            retry_after("99999999999999999999999", None),
            seconds(u64::from(u32::MAX))
        );
        for garbage in ["", "-1", "1.5", "soon", "+3", "0x10", "24 Nov 2026", "１２"] {
            assert_eq!(retry_after(garbage, answered), None, "{garbage}");
        }
    }

    #[test]
    fn all_three_forms_of_a_date_are_read() {
        let expected = Some(UNIX_EPOCH + Duration::from_secs(784_111_777));

        assert_eq!(date("Sun, 06 Nov 1994 08:49:37 GMT"), expected);
        assert_eq!(date("Sunday, 06-Nov-94 08:49:37 GMT"), expected);
        assert_eq!(date("Sun Nov  6 08:49:37 1994"), expected);
        for garbage in ["", "now", "2026-11-24T10:00:00Z", "784111777"] {
            assert_eq!(date(garbage), None, "{garbage}");
        }
    }
}
