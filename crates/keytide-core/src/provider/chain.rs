//! Providers tried in order until one is configured here: [`Chain`].

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, ErrorKind};
use crate::profile::Profile;
use crate::provider::issued::Issued;
use crate::provider::request::Request;
use crate::provider::{ProvideCredential, SharedProvider};

/// Tries providers in order until one is configured here, then stays with it.
///
/// A provider that is not configured is passed over: not one that is, and rests on another that is not. Any other failure ends the attempt: a chain never falls through
/// to another principal because the first issuer was down, throttled, said no or was configured wrongly. The error
/// lists every attempt with its reason.
#[derive(Debug)]
pub struct Chain {
    providers: Vec<SharedProvider>,
    /// The provider that first succeeded, or `NONE`.
    chosen: AtomicUsize,
}

impl Chain {
    /// Starts with the provider that is tried first.
    #[must_use]
    pub fn first(provider: impl ProvideCredential) -> Self {
        Self {
            providers: vec![SharedProvider::new(provider)],
            chosen: AtomicUsize::new(NONE),
        }
    }

    /// Adds the provider that is tried when none before it is configured.
    #[must_use]
    pub fn then(mut self, provider: impl ProvideCredential) -> Self {
        self.providers.push(SharedProvider::new(provider));
        self
    }

    fn chosen(&self) -> Option<&SharedProvider> {
        self.providers.get(self.chosen.load(Ordering::Relaxed))
    }
}

impl ProvideCredential for Chain {
    /// The profile of the provider that it stays with; before one succeeded, that of the first.
    fn profile(&self) -> Profile {
        if let Some(chosen) = self.chosen() {
            return chosen.profile();
        }
        let mut profiles = self.providers.iter().map(SharedProvider::profile);
        let mut profile = profiles.next().unwrap_or_else(|| Profile::bearer("chain"));
        for other in profiles {
            profile.answers_at_once &= other.answers_at_once;
            // One that may come to be asked must be allowed from the first.
            if profile.static_input.is_none() {
                profile.static_input = other.static_input;
                profile.remedy = profile.remedy.or(other.remedy);
            }
        }
        profile
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        if let Some(provider) = self.chosen() {
            return provider.provide(request).await;
        }
        let mut passed_over = Vec::new();
        for (index, provider) in self.providers.iter().enumerate() {
            let name = provider.profile().name;
            match provider.provide(request).await.map_err(Error::of_provider) {
                Ok(issued) => {
                    self.chosen.store(index, Ordering::Relaxed);
                    request.answered_by(provider.profile());
                    return Ok(issued);
                }
                Err(error) if error.kind() == ErrorKind::NotConfigured => {
                    passed_over.push(format!("{name}: {}", error.message()));
                }
                Err(error) if passed_over.is_empty() => return Err(error.named_after(name)),
                Err(error) => {
                    let message = format!(
                        "{name}: {} (passed over: {})",
                        error.message(),
                        passed_over.join("; ")
                    );
                    return Err(error.restated(message).named_after("chain"));
                }
            }
        }
        let message = format!(
            "no provider of the chain is configured here: {}",
            passed_over.join("; ")
        );
        Err(Error::not_configured(message).named_after("chain"))
    }
}

const NONE: usize = usize::MAX;
