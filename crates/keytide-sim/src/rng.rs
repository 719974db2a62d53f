//! Numbers that a seed decides: [`Rng`].

use std::time::Duration;

use keytide_testkit::TestChance;

/// A row of numbers. Each part of a world draws from a row of its own, so that leaving one part out changes no other.
#[derive(Debug)]
pub(crate) struct Rng(TestChance);

impl Rng {
    /// The row of one part of a seed's world.
    pub(crate) fn of(seed: u64, part: Part, index: u64) -> Self {
        let mixed = TestChance::seeded(seed ^ (part as u64) << 56);
        let first = mixed.next_u64();
        Self(TestChance::seeded(
            first ^ index.wrapping_mul(0x2545_F491_4F6C_DD1D),
        ))
    }

    pub(crate) fn next(&self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0 .. end`.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Uniform in `least ..= most`.
    pub(crate) fn within(&self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    pub(crate) fn percent(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Of any order of magnitude between the two, in milliseconds. Whole numbers only: the same on every machine.
    pub(crate) fn magnitude(&self, least: u64, most: u64) -> Duration {
        let least = least.max(1);
        let octaves = (most / least).max(1).ilog2();
        let low = least << self.below(u64::from(octaves) + 1);
        Duration::from_millis(self.within(low, low * 2 - 1).min(most.max(least)))
    }

    /// One of these, by their weights.
    pub(crate) fn weighted<T: Copy>(&self, choices: &[(u64, T)]) -> T {
        let mut left = self.below(choices.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in choices {
            if left < *weight {
                return *choice;
            }
            left -= weight;
        }
        choices[0].1
    }
}

/// What draws numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    World = 1,
    Issuer,
    Timeline,
    Cache,
    Reader,
    Call,
    Origin,
    Clock,
    Agent,
}
