//! What an identity provider is built from: [`IdentityProviderBuilder`].

use std::time::Duration;

use keytide_core::Error;

use super::IdentityProvider;
use crate::bridge::SdkProviderBuilder;

/// Builds an [`IdentityProvider`]: [`IdentityProvider::builder`] and its neighbours.
#[derive(Debug)]
#[must_use]
pub struct IdentityProviderBuilder {
    pub(super) name: &'static str,
    pub(super) inner: SdkProviderBuilder,
}

impl IdentityProviderBuilder {
    /// The name of its profile, which stands in events and errors.
    pub(super) fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// How long one call may take: see [`SdkProviderBuilder::time_limit`].
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.inner = self.inner.time_limit(limit);
        self
    }

    /// The provider. Asks nobody and starts nothing.
    ///
    /// # Errors
    /// Those of [`SdkProviderBuilder::build`].
    pub fn build(self) -> Result<IdentityProvider, Error> {
        let inner = self.inner.build()?;
        Ok(IdentityProvider::new(self.name, inner))
    }
}
