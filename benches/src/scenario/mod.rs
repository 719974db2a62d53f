//! What is done to the subjects: [`Scenario`].

pub(crate) mod hit;
pub(crate) mod refresh;

use crate::report::Case;
use crate::run::Bench;

/// A scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scenario {
    /// Reads of a credential that is at hand.
    Hit,
    /// Reads while a refresh runs, hangs, fails, and past the end.
    Refresh,
}

impl Scenario {
    /// All, in the order in which they are measured.
    pub const ALL: [Self; 2] = [Self::Hit, Self::Refresh];

    /// What the command calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Refresh => "refresh",
        }
    }

    /// What it measures.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Hit => {
                "reads of a credential that is at hand: time, allocations, several threads"
            }
            Self::Refresh => {
                "reads while a refresh is healthy, hangs, fails, and past the end of the credential"
            }
        }
    }

    pub(crate) fn planned(self, bench: &Bench<'_>) -> f64 {
        match self {
            Self::Hit => hit::planned(bench),
            Self::Refresh => refresh::planned(bench),
        }
    }

    pub(crate) fn measure(self, bench: &Bench<'_>) -> Vec<Case> {
        match self {
            Self::Hit => hit::measure(bench),
            Self::Refresh => refresh::measure(bench),
        }
    }
}
