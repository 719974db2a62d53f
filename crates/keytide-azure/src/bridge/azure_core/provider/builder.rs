//! What a provider over the Azure SDK is built from: [`SdkProviderBuilder`].

use std::fmt;
use std::time::Duration;

use keytide_core::Error;

use super::{Make, SdkProvider};
use crate::resource::Resource;

/// Builds an [`SdkProvider`]: [`SdkProvider::builder`].
#[must_use]
pub struct SdkProviderBuilder {
    resource: String,
    make: Box<Make>,
    time_limit: Duration,
}

impl SdkProviderBuilder {
    pub(super) fn new(resource: String, make: Box<Make>) -> Self {
        Self {
            resource,
            make,
            time_limit: DEFAULT_LIMIT,
        }
    }

    /// How long one call may take, 100 ms to 10 min, both inclusive. Defaults to 20 s: `az` takes seconds to start and to
    /// ask, other SDKs of Azure give it 10 to 13 s, and below the 30 s that a cache gives a call the error says what hung.
    /// Credentials that retry by themselves go on for up to 72 s where they are let.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// The provider. Asks nobody and starts nothing.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), when the resource is none or the limit is outside its
    /// bounds.
    pub fn build(self) -> Result<SdkProvider, Error> {
        if !(SHORTEST_LIMIT..=LONGEST_LIMIT).contains(&self.time_limit) {
            return Err(Error::misconfigured(format!(
                "the time limit must be {SHORTEST_LIMIT:?} to {LONGEST_LIMIT:?}, not {:?}",
                self.time_limit
            )));
        }
        Ok(SdkProvider {
            resource: Resource::parse(&self.resource)?,
            make: self.make,
            time_limit: self.time_limit,
        })
    }
}

impl fmt::Debug for SdkProviderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SdkProviderBuilder")
            .field("resource", &self.resource)
            .field("time_limit", &self.time_limit)
            .finish_non_exhaustive()
    }
}

const DEFAULT_LIMIT: Duration = Duration::from_secs(20);
const SHORTEST_LIMIT: Duration = Duration::from_millis(100);
const LONGEST_LIMIT: Duration = Duration::from_secs(600);
