//! What a run is told beside its seed: [`Settings`].

use std::fmt;
use std::time::Duration;

/// How long a world lives, how many caches it has, and what does not happen in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Simulated hours.
    pub hours: u64,
    /// Caches at the start.
    pub caches: usize,
    /// What is left out.
    pub without: Without,
}

/// Kinds of trouble that are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Without(u32);

/// A kind of trouble that a world can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trouble {
    /// Steps of the wall clock.
    Steps,
    /// Suspends of the machine.
    Suspends,
    /// Issuers that are not to be had.
    Outages,
    /// Issuers that do not answer.
    Hangs,
    /// Issuers that ask for patience.
    Throttles,
    /// Issuers that say no.
    Refusals,
    /// Issuers that give the same again.
    Repeats,
    /// Issuers that take very long.
    Late,
    /// Issuers that answer for somebody else.
    Principals,
    /// Answers that have expired already.
    Expired,
    /// Providers that panic.
    Panics,
    /// Providers that invalidate what their cache holds, while they answer.
    Callbacks,
    /// Demands of origins that go with their refusals.
    Claims,
    /// Origins that refuse.
    Rejections,
    /// Invalidations.
    Invalidations,
    /// Refreshes by name.
    Names,
    /// Inputs that change.
    Changes,
    /// Readers that give up before they are answered.
    Drops,
    /// Caches that are revoked, dropped and built anew.
    Rebuilds,
    /// Agents that are shut down or terminated.
    Ends,
}

impl Settings {
    /// The length of a world.
    #[must_use]
    pub fn span(&self) -> Duration {
        Duration::from_secs(self.hours * 3600)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hours: 24,
            caches: 20,
            without: Without::default(),
        }
    }
}

impl Without {
    /// All happens.
    pub const NOTHING: Self = Self(0);

    /// This and one more.
    #[must_use]
    pub fn and(self, trouble: Trouble) -> Self {
        Self(self.0 | 1 << trouble as u32)
    }

    /// Whether that is left out.
    #[must_use]
    pub fn leaves_out(self, trouble: Trouble) -> bool {
        self.0 & (1 << trouble as u32) != 0
    }

    /// Reads names that stand with commas between them.
    ///
    /// # Errors
    /// The name that is none.
    pub fn parse(names: &str) -> Result<Self, String> {
        let mut without = Self::default();
        for name in names.split(',').filter(|name| !name.is_empty()) {
            let known = Trouble::ALL.iter().find(|trouble| trouble.name() == name);
            without = without.and(*known.ok_or_else(|| name.to_owned())?);
        }
        Ok(without)
    }
}

impl Trouble {
    /// All kinds.
    pub const ALL: [Self; 20] = [
        Self::Steps,
        Self::Suspends,
        Self::Outages,
        Self::Hangs,
        Self::Throttles,
        Self::Refusals,
        Self::Repeats,
        Self::Late,
        Self::Principals,
        Self::Expired,
        Self::Panics,
        Self::Callbacks,
        Self::Claims,
        Self::Rejections,
        Self::Invalidations,
        Self::Names,
        Self::Changes,
        Self::Drops,
        Self::Rebuilds,
        Self::Ends,
    ];

    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

impl fmt::Display for Without {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left_out = Trouble::ALL.iter().filter(|kind| self.leaves_out(**kind));
        let names: Vec<_> = left_out.map(|kind| kind.name()).collect();
        f.write_str(&names.join(","))
    }
}
