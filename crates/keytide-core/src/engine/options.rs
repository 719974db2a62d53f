//! What a cache was told at building: [`Options`], shared by all caches that were told the same.

use std::sync::Arc;
use std::time::Duration;

use super::windows;
use crate::credential::Held;

/// What to do with a credential that lives longer than the policy accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum LongLived {
    /// Do not serve it.
    #[default]
    Refuse,
    /// Serve it, and tell observers.
    Flag,
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) advisory_window: Option<Duration>,
    pub(crate) mandatory_window: Option<Duration>,
    pub(crate) idle_after: Option<Duration>,
    /// The shortest time between two calls, where the user set it.
    pub(crate) min_interval: Option<Duration>,
    pub(crate) flight_limit: Duration,
    pub(crate) static_stability: Option<Duration>,
    pub(crate) longest_lifetime: Duration,
    pub(crate) long_lived: LongLived,
    pub(crate) allow_static: bool,
    pub(crate) principals: Vec<Arc<str>>,
    pub(crate) issuer_limit: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            advisory_window: None,
            mandatory_window: None,
            idle_after: None,
            min_interval: None,
            flight_limit: Duration::from_secs(30),
            static_stability: None,
            longest_lifetime: Duration::from_secs(12 * 3600),
            long_lived: LongLived::Refuse,
            allow_static: false,
            principals: Vec::new(),
            issuer_limit: 10,
        }
    }
}

impl Options {
    /// The shortest time between two calls.
    pub(crate) fn min_interval(&self) -> Duration {
        self.min_interval.unwrap_or(MIN_INTERVAL)
    }

    /// How much life is left of a credential when its refresh becomes urgent.
    pub(crate) fn urgent_margin(&self, held: &Held) -> Duration {
        windows::mandatory(self.mandatory_window, held.lifetime())
    }

    /// The first pause after a failure that leaves readers without a credential, where nobody set a longer one.
    pub(crate) fn first_pause(&self) -> Option<Duration> {
        self.min_interval.is_none().then_some(FIRST_PAUSE)
    }
}

const MIN_INTERVAL: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
