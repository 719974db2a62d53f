//! What all checks share: [`Suite`].

use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::findings::Findings;
use super::fixture::{Condition, Fixture};
use super::sight::Sight;

/// The fixtures that checks are made with, and what they have found.
pub(super) struct Suite<F> {
    pub(super) make: Box<dyn Fn() -> F + Send + Sync>,
    /// Where calls are polled.
    pub(super) home: Handle,
    pub(super) findings: Findings,
    pub(super) sight: Sight,
}

impl<F: Fixture> Suite<F> {
    pub(super) fn new(make: impl Fn() -> F + Send + Sync + 'static, home: Handle) -> Arc<Self> {
        Arc::new(Self {
            make: Box::new(make),
            home,
            findings: Findings::default(),
            sight: Sight::new(),
        })
    }
}

impl<F> fmt::Debug for Suite<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite").finish_non_exhaustive()
    }
}

/// Whether the issuer can be so; by a fixture of its own.
pub(super) fn can_be<F: Fixture>(suite: &Suite<F>, condition: &Condition) -> Result<(), String> {
    (suite.make)().put(condition)
}
