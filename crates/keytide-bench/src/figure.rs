//! Figures for people: [`figure`].

use std::time::Duration;

/// A value with its unit and as many digits as tell something: `18.2 ns`, `1,024 B`, `0.27 ×`. Nanoseconds grow into
/// microseconds, milliseconds and seconds.
#[must_use]
pub fn figure(value: f64, unit: &str) -> String {
    let (value, unit) = match unit {
        "ns" if value >= 1e9 => (value / 1e9, "s"),
        "ns" if value >= 1e6 => (value / 1e6, "ms"),
        "ns" if value >= 1e3 => (value / 1e3, "µs"),
        "/s" if value >= 1e9 => (value / 1e9, "G/s"),
        "/s" if value >= 1e6 => (value / 1e6, "M/s"),
        "/s" if value >= 1e3 => (value / 1e3, "k/s"),
        _ => (value, unit),
    };
    let digits = if unit.is_empty() && value.fract() == 0.0 {
        grouped(value)
    } else {
        match value.abs() {
            size if size >= 1_000.0 => grouped(value),
            size if size >= 100.0 => format!("{value:.0}"),
            size if size >= 10.0 => format!("{value:.1}"),
            size if size >= 0.1 || size == 0.0 => trimmed(format!("{value:.2}"), unit),
            _ => format!("{value:.4}"),
        }
    };
    if unit.is_empty() {
        digits
    } else {
        format!("{digits} {unit}")
    }
}

/// A span of time with the digits that tell something: `1.5 s`, `200 ms`.
#[must_use]
pub fn span(time: Duration) -> String {
    let text = figure(time.as_nanos() as f64, "ns");
    let (digits, unit) = text.split_once(' ').unwrap_or((&text, ""));
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    };
    format!("{digits} {unit}")
}

/// The day of so many seconds since 1970, in UTC: `2026-11-25`. `None` where nothing was noted.
pub(crate) fn date(seconds: u64) -> Option<String> {
    if seconds == 0 {
        return None;
    }
    let mut days = seconds / 86_400;
    let mut year = 1970;
    let leap = |year: u64| {
        (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
    };
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
        if year > 9999 {
            return None;
        }
    }
    let mut month = 1;
    for length in [
        31,
        28 + u64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    Some(format!("{year}-{month:02}-{:02}", days + 1))
}

/// Zero needs no decimals.
fn trimmed(digits: String, unit: &str) -> String {
    match digits.as_str() {
        "0.00" => "0".to_owned(),
        _ if unit == "B" => digits
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
        _ => digits,
    }
}

/// Whole, in groups of three.
fn grouped(value: f64) -> String {
    let plain = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 {
        format!("-{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_told_from_seconds_across_leap_years() {
        let shown = [
            (1, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_735_689_599, "2024-12-31"),
            (1_764_028_800, "2025-11-25"),
            (4_107_542_400, "2100-03-01"),
        ];
        for (seconds, text) in shown {
            assert_eq!(date(seconds).as_deref(), Some(text));
        }
        assert_eq!(date(0), None);
        assert_eq!(date(u64::MAX), None);
    }

    #[test]
    fn a_span_has_no_zeros_at_its_end() {
        assert_eq!(span(Duration::from_millis(1_500)), "1.5 s");
        assert_eq!(span(Duration::from_millis(200)), "200 ms");
        assert_eq!(span(Duration::from_secs(10)), "10 s");
    }

    #[test]
    fn figures_have_the_digits_that_tell_something() {
        let shown = [
            (18.23, "ns", "18.2 ns"),
            (1_800.0, "ns", "1.80 µs"),
            (5_000_000_000.0, "ns", "5.00 s"),
            (1024.0, "B", "1,024 B"),
            (0.27, "×", "0.27 ×"),
            (0.0, "%", "0 %"),
            (1234567.0, "", "1,234,567"),
            (3.0, "", "3"),
            (0.0012, "%", "0.0012 %"),
            (132e6, "/s", "132 M/s"),
            (1.026e9, "/s", "1.03 G/s"),
        ];
        for (value, unit, text) in shown {
            assert_eq!(figure(value, unit), text);
        }
    }
}
