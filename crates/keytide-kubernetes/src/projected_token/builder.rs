//! What a projected token is built from: [`ProjectedTokenBuilder`].

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use keytide_core::Error;

use super::ProjectedToken;

/// Builds a [`ProjectedToken`]: [`ProjectedToken::builder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct ProjectedTokenBuilder {
    path: Arc<Path>,
    audience: Option<Arc<str>>,
    watch: bool,
    poll_interval: Duration,
}

impl ProjectedTokenBuilder {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: Arc::from(path),
            audience: None,
            watch: true,
            poll_interval: DEFAULT_INTERVAL,
        }
    }

    /// Refuses a token that is not for this audience: `aud` must be it, or list it. Defaults to none: any audience,
    /// for its verifier checks it in any case, and here a wrong mount is told before the first request.
    pub fn audience(mut self, audience: impl Into<Arc<str>>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Does not have the file's directory watched. The timer alone looks at the file: for file systems where watching costs
    /// more than it tells.
    pub fn without_watch(mut self) -> Self {
        self.watch = false;
        self
    }

    /// How often the file is looked at beside what the watch tells: 100 ms to 60 s, both inclusive. Defaults to 30 s
    /// (client-go reads its file anew each minute).
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// The provider. Starts nothing and touches no file.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), when the poll interval is outside its bounds.
    pub fn build(self) -> Result<ProjectedToken, Error> {
        if !(SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&self.poll_interval) {
            return Err(Error::misconfigured(format!(
                "the poll interval must be {SHORTEST_INTERVAL:?} to {LONGEST_INTERVAL:?}, not {:?}",
                self.poll_interval
            )));
        }
        Ok(ProjectedToken {
            path: self.path,
            audience: self.audience,
            watch: self.watch,
            poll_interval: self.poll_interval,
            form: Mutex::default(),
            following: OnceLock::new(),
        })
    }
}

const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);
