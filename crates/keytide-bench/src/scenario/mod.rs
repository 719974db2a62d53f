//! What is done to the subjects: [`Scenario`].

mod cancel;
mod crowd;
mod herd;
pub(crate) mod hit;
pub(crate) mod http;
mod recover;
pub(crate) mod refresh;
mod scale;
mod scopes;
mod trials;

pub use self::hit::with_hits;
pub(crate) use self::refresh::outage;
use crate::bench::Bench;
use crate::report::Case;

/// A scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scenario {
    /// Reads of a credential that is at hand.
    Hit,
    /// Reads while a refresh runs, hangs, fails, and past the end.
    Refresh,
    /// Many callers at once.
    Herd,
    /// Callers that give up.
    Cancel,
    /// How soon a cache serves again once its issuer does.
    Recover,
    /// Many credentials in one process.
    Scale,
    /// A warm credential beside a cold one.
    Scopes,
    /// What attaching adds to a request.
    Http,
}

impl Scenario {
    /// All, in the order in which they are measured.
    pub const ALL: [Self; 8] = [
        Self::Hit,
        Self::Refresh,
        Self::Herd,
        Self::Cancel,
        Self::Recover,
        Self::Scale,
        Self::Scopes,
        Self::Http,
    ];

    /// What the command calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Refresh => "refresh",
            Self::Herd => "herd",
            Self::Cancel => "cancel",
            Self::Recover => "recover",
            Self::Scale => "scale",
            Self::Scopes => "scopes",
            Self::Http => "http",
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
                "reads while a refresh is healthy, hangs or fails, and past the credential's end"
            }
            Self::Herd => {
                "thousands of callers at once: cold, at a refresh, on an issuer that fails"
            }
            Self::Cancel => {
                "the first caller is dropped; all callers are less patient than the issuer is quick"
            }
            Self::Recover => {
                "how soon reads are served again after an outage, a refusal, an expiry"
            }
            Self::Scale => "10,000 and 100,000 credentials: heap, first load, idle CPU",
            Self::Scopes => {
                "reads of a warm credential while another of the same client is fetched"
            }
            Self::Http => "what attaching a credential adds to a GET over a kept-alive connection",
        }
    }

    pub(crate) fn planned(self, bench: &Bench<'_>) -> f64 {
        match self {
            Self::Hit => hit::planned(bench),
            Self::Refresh => refresh::planned(bench),
            Self::Herd => herd::planned(bench),
            Self::Cancel => cancel::planned(bench),
            Self::Recover => recover::planned(bench),
            Self::Scale => scale::planned(bench),
            Self::Scopes => scopes::planned(bench),
            Self::Http => http::planned(bench),
        }
    }

    pub(crate) fn measure(self, bench: &Bench<'_>) -> Vec<Case> {
        match self {
            Self::Hit => hit::measure(bench),
            Self::Refresh => refresh::measure(bench),
            Self::Herd => herd::measure(bench),
            Self::Cancel => cancel::measure(bench),
            Self::Recover => recover::measure(bench),
            Self::Scale => scale::measure(bench),
            Self::Scopes => scopes::measure(bench),
            Self::Http => http::measure(bench),
        }
    }
}
