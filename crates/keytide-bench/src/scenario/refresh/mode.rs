//! How the issuer behaves, and the pace of its readers.

use std::time::Duration;

use crate::bench::Plan;

/// How the issuer behaves from the first refresh on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Healthy,
    Hanging,
    Failing,
    Expired,
}

impl Mode {
    pub(super) const ALL: [Self; 4] = [Self::Healthy, Self::Hanging, Self::Failing, Self::Expired];
}

/// How long the issuer hangs or fails.
pub(crate) fn outage(plan: &Plan) -> Duration {
    plan.pick(Duration::from_secs(5), Duration::from_millis(1_500))
}

/// One read is due in this time, of each reader.
pub(in crate::scenario) const PACE: Duration = Duration::from_millis(1);
