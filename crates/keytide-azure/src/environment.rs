//! How providers read the environment: [`Variables`], the one way to it.

use std::fmt;
use std::sync::Arc;

/// The environment, or what stands in for it. Read at each call, so that nothing is held that the platform has replaced.
#[derive(Clone)]
pub(crate) struct Variables(Arc<Read>);

type Read = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Variables {
    /// The environment of this process.
    pub(crate) fn of_process() -> Self {
        Self::new(variable)
    }

    pub(crate) fn new(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// A variable, if it is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables").finish_non_exhaustive()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the capability that reads the environment; a test gives another"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
