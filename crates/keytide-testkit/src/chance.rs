//! Chance that a seed decides: [`TestChance`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keytide_core::Draw;

/// Numbers that a seed decides, for runs that are to be had again. Clones draw from the same row of numbers.
///
/// ```
/// use keytide_core::Draw;
/// use keytide_testkit::TestChance;
///
/// let (one, other) = (TestChance::seeded(7), TestChance::seeded(7));
/// assert_eq!(one.draw(), other.draw());
/// assert_ne!(one.draw(), one.draw());
/// ```
#[derive(Debug, Clone)]
pub struct TestChance(Arc<AtomicU64>);

impl TestChance {
    /// The numbers of this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(mixed(seed))))
    }

    /// The next 64 bits.
    #[must_use]
    pub fn next_u64(&self) -> u64 {
        mixed(
            self.0
                .fetch_add(STRIDE, Ordering::Relaxed)
                .wrapping_add(STRIDE),
        )
    }
}

impl Draw for TestChance {
    fn draw(&self) -> u128 {
        u128::from(self.next_u64()) << 64 | u128::from(self.next_u64())
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The golden ratio, as 64 bits after the point: odd, so that all numbers come once before one comes again.
const STRIDE: u64 = 0x9E37_79B9_7F4A_7C15;
