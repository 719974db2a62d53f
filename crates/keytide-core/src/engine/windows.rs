//! When a credential is to be replaced: windows by lifetime, clamped, and spread over instances.

use std::hash::{Hash, Hasher};
use std::time::Duration;

/// What the windows depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    /// How long the credential lasts from its receipt on.
    pub(crate) lifetime: Duration,
    /// How long after its receipt the issuer wants to be asked again, if it said so.
    pub(crate) hint: Option<Duration>,
    /// The advisory window that was configured, or that the provider states.
    pub(crate) advisory: Option<Duration>,
    /// The mandatory window that was configured.
    pub(crate) mandatory: Option<Duration>,
    /// Where in the spread this instance and cache lie: 0 ..= `u32::MAX`.
    pub(crate) phase: u32,
}

impl Windows {
    /// How much life is left when a refresh becomes due.
    ///
    /// The advisory window (an issuer's hint wins; else configured, or by lifetime, at most half the life), less the
    /// part of its first half that falls to this instance. A window of under 3 s is not spread over all of that half.
    pub(crate) fn refresh_margin(&self) -> Duration {
        if self.lifetime == Duration::MAX {
            return Duration::ZERO;
        }
        if let Some(hint) = self.hint.filter(|hint| *hint < self.lifetime) {
            // One that has passed, or nearly, would have a credential minted at every minimum interval.
            let hint = hint.max((self.lifetime / 10).min(minutes(5)));
            // A hint may lie anywhere in the life. The spread is small beside the time that the issuer gave.
            let window = self.lifetime - hint;
            return window - self.share_of((window / 2).min(hint / 10));
        }
        let window = self
            .advisory
            .unwrap_or_else(|| advisory_by_lifetime(self.lifetime))
            .min(self.lifetime / 2);
        let spread = (window / 2).min(window.saturating_sub(ROUNDING));
        window - self.share_of(spread)
    }

    /// How much life is left when a refresh becomes urgent: at most a tenth of the life.
    pub(crate) fn mandatory(&self) -> Duration {
        mandatory(self.mandatory, self.lifetime)
    }

    fn share_of(&self, spread: Duration) -> Duration {
        let nanos = spread.as_nanos() * u128::from(self.phase) / u128::from(u32::MAX);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// How much life is left when a refresh becomes urgent, of a credential that lasts `lifetime` from its receipt on.
pub(crate) fn mandatory(configured: Option<Duration>, lifetime: Duration) -> Duration {
    configured.unwrap_or(MANDATORY).min(lifetime / 10)
}

/// Where a cache of an instance lies in any spread: a stable hash, so that instances that start together do not
/// refresh together.
pub(crate) fn phase(instance: u128, key: &(impl Hash + ?Sized)) -> u32 {
    let mut mixer = Mixer(SEED);
    instance.hash(&mut mixer);
    key.hash(&mut mixer);
    (mixer.finish() >> 32) as u32
}

/// Spreads evenly, and no more: nobody gains by a refresh at another instant.
struct Mixer(u64);

impl Mixer {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(ODD);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.mix(u64::from_le_bytes(last) ^ rest.len() as u64);
        }
    }

    fn finish(&self) -> u64 {
        let mut last = Self(self.0);
        last.mix(SEED);
        last.0
    }
}

/// The numbers that the AWS SDKs share in 2026.
fn advisory_by_lifetime(lifetime: Duration) -> Duration {
    if lifetime <= minutes(20) {
        minutes(5)
    } else if lifetime <= minutes(90) {
        minutes(15)
    } else {
        minutes(60)
    }
}

/// The first bits of π and of the golden ratio.
const SEED: u64 = 0x243f_6a88_85a3_08d3;
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

const MANDATORY: Duration = minutes(1);
/// Issuers count in whole seconds: of a life that is told as 3 s, 2 s may be left when it is issued. Where there is
/// room, a refresh is due before that second, with half a second for the call.
const ROUNDING: Duration = Duration::from_millis(1500);

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(lifetime: Duration, phase: u32) -> Windows {
        Windows {
            lifetime,
            hint: None,
            advisory: None,
            mandatory: None,
            phase,
        }
    }

    #[test]
    fn windows_default_by_lifetime() {
        for (lifetime, advisory) in [
            (20, 5),
            (21, 15),
            (60, 15),
            (90, 15),
            (91, 60),
            (240, 60),
            (720, 60),
        ] {
            let margin = windows(minutes(lifetime), 0).refresh_margin();
            assert_eq!(
                margin,
                minutes(advisory).min(minutes(lifetime) / 2),
                "{lifetime} min"
            );
        }
        assert_eq!(windows(minutes(60), 0).mandatory(), minutes(1));
    }

    #[test]
    fn windows_are_clamped_for_short_lifetimes() {
        for seconds in [0, 1, 2, 6, 60, 300, 600] {
            let life = Duration::from_secs(seconds);
            let wide = Windows {
                advisory: Some(minutes(600)),
                mandatory: Some(minutes(600)),
                ..windows(life, 0)
            };

            assert!(wide.refresh_margin() <= life / 2, "{seconds} s");
            assert!(wide.mandatory() <= life / 10, "{seconds} s");
        }
    }

    #[test]
    fn the_spread_is_the_first_half_of_the_window() {
        let life = minutes(60);

        assert_eq!(windows(life, 0).refresh_margin(), minutes(15));
        assert_eq!(windows(life, u32::MAX).refresh_margin(), minutes(15) / 2);
    }

    #[test]
    fn a_life_of_seconds_is_refreshed_before_the_second_that_its_issuer_may_have_cut_off() {
        for phase in [0, u32::MAX / 2, u32::MAX] {
            for (millis, least) in [(3000, 1500), (4000, 1500), (6000, 1500), (2000, 1000)] {
                let life = Duration::from_millis(millis);
                let margin = windows(life, phase).refresh_margin();
                assert!(
                    margin >= Duration::from_millis(least),
                    "{millis}: {margin:?}"
                );
                assert!(margin <= life / 2, "{millis}: {margin:?}");
            }
        }
    }

    #[test]
    fn an_issuers_hint_wins() {
        let year = minutes(365 * 24 * 60);
        let hinted = |phase| Windows {
            hint: Some(minutes(60)),
            ..windows(year, phase)
        };

        assert_eq!(hinted(0).refresh_margin(), year - minutes(60));
        assert_eq!(hinted(u32::MAX).refresh_margin(), year - minutes(66));
        assert_eq!(
            Windows {
                hint: Some(minutes(61)),
                ..windows(minutes(60), 0)
            }
            .refresh_margin(),
            minutes(15),
            "a hint past the end is none"
        );
        let passed = Windows {
            hint: Some(Duration::ZERO),
            ..windows(minutes(60), 0)
        };
        assert_eq!(
            passed.refresh_margin(),
            minutes(55),
            "some of the life is used at the least"
        );
    }

    /// Kolmogorov–Smirnov against the uniform distribution, at the 0.1 % level.
    #[test]
    fn ten_thousand_instances_refresh_uniformly_over_the_spread() {
        let count = 10_000_u32;
        let mut instants: Vec<f64> = (0..count)
            .map(|_| {
                let phase = phase(crate::sys::random_u128(), "projected_token");
                let margin = windows(minutes(60), phase).refresh_margin();
                (minutes(15) - margin).as_secs_f64() / (minutes(15) / 2).as_secs_f64()
            })
            .collect();
        instants.sort_by(f64::total_cmp);

        let distance = instants
            .iter()
            .enumerate()
            .fold(0.0_f64, |worst, (index, instant)| {
                let (below, above) = (
                    index as f64 / f64::from(count),
                    (index as f64 + 1.0) / f64::from(count),
                );
                worst.max(instant - below).max(above - instant)
            });
        assert!(
            distance < 1.95 / f64::from(count).sqrt(),
            "distance {distance}"
        );

        let first: Vec<u32> = (0..100).map(|n| phase(n, "a")).collect();
        assert_eq!(
            first,
            (0..100).map(|n| phase(n, "a")).collect::<Vec<_>>(),
            "stable"
        );
        assert_ne!(phase(1, "a"), phase(1, "b"));
    }
}
