//! Tokens that say which they are and when they end: [`Stamp`].

use std::time::Duration;

use crate::time::{instant_at, micros};

/// What is written at the end of each token of the fake issuer, so that whoever reads one can be held to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// How many calls the issuer had got before the one that it answered with this token.
    pub number: u64,
    /// When the issuer stops accepting it, in microseconds since the process began to measure.
    pub ends: u64,
}

impl Stamp {
    /// That of a token that is issued now and lasts this long.
    #[must_use]
    pub fn lasting(number: u64, lifetime: Duration) -> Self {
        let life = u64::try_from(lifetime.as_micros()).unwrap_or(u64::MAX);
        Self {
            number,
            ends: micros().saturating_add(life),
        }
    }

    /// The token: 1,024 bytes.
    #[must_use]
    pub fn text(self) -> String {
        // Cheap, because the first load of a cache pays for it.
        let mut text = String::with_capacity(LENGTH);
        text.push_str(FILLER);
        push(&mut text, self.number);
        push(&mut text, self.ends);
        text
    }

    /// That of a token of the fake issuer, with or without `Bearer ` before it; `None` for any other text.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let text = text.strip_prefix("Bearer ").unwrap_or(text);
        let stamp = text
            .strip_prefix(FILLER)
            .filter(|stamp| stamp.len() == 32)?;
        Some(Self {
            number: pull(stamp.get(..16)?)?,
            ends: pull(stamp.get(16..)?)?,
        })
    }

    /// For how long the issuer has not accepted it any more.
    #[must_use]
    pub fn past(self) -> Duration {
        crate::time::now().saturating_duration_since(instant_at(self.ends))
    }
}

fn push(text: &mut String, number: u64) {
    for digit in (0..16).rev() {
        text.push(char::from(b'a' + (number >> (4 * digit) & 15) as u8));
    }
}

fn pull(text: &str) -> Option<u64> {
    text.bytes().try_fold(0_u64, |number, letter| {
        let digit = letter.checked_sub(b'a').filter(|digit| *digit < 16)?;
        Some(number << 4 | u64::from(digit))
    })
}

const LENGTH: usize = 1024;
const FILLER: &str = match str::from_utf8(&[b'x'; LENGTH - 32]) {
    Ok(filler) => filler,
    Err(_) => "",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_1024_bytes_and_is_read_back() {
        for number in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            let stamp = Stamp {
                number,
                ends: !number,
            };
            assert_eq!(stamp.text().len(), LENGTH);
            assert_eq!(Stamp::of(&stamp.text()), Some(stamp));
            assert_eq!(Stamp::of(&format!("Bearer {}", stamp.text())), Some(stamp));
        }
    }

    #[test]
    fn another_text_has_no_stamp() {
        assert_eq!(Stamp::of(""), None);
        assert_eq!(Stamp::of("Bearer abc"), None);
        assert_eq!(Stamp::of(&"x".repeat(LENGTH)), None);
        assert_eq!(Stamp::of(&"é".repeat(LENGTH / 2)), None);
    }

    #[test]
    fn a_token_is_past_once_its_life_is_over() {
        assert_eq!(
            Stamp::lasting(1, Duration::from_secs(60)).past(),
            Duration::ZERO
        );
        let over = Stamp { number: 1, ends: 0 };
        std::thread::sleep(Duration::from_millis(2));
        assert!(over.past() > Duration::ZERO);
    }
}
