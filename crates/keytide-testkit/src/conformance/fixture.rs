//! What the suite must know of a provider under test: [`Fixture`].

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use keytide_core::ProvideCredential;

use crate::outcome::Outcome;

/// A provider under test together with an issuer that the test controls. Each check makes one of its own, so that
/// checks can run side by side.
///
/// For providers that speak HTTP there is a ready one: `HttpFixture`, with the feature `server`.
pub trait Fixture: Send + Sync + 'static {
    /// The provider. Its `Debug` is looked at for secrets.
    type Provider: ProvideCredential + Debug;

    /// A new provider that asks this issuer.
    fn provider(&self) -> Self::Provider;

    /// Has the issuer be so from now on; called before and between calls of the provider. It may take a moment, but
    /// must not wait for the provider. [`NotConfigured`](Condition::NotConfigured) holds for providers made after it.
    ///
    /// # Errors
    /// Why this issuer cannot be so. The checks that need it are then not applicable, and the report says why.
    fn put(&self, condition: &Condition) -> Result<(), String>;

    /// How many calls for a credential have reached the issuer, refused ones included. `None` when it cannot be
    /// counted: what depends on it is then not applicable.
    fn calls(&self) -> Option<u64>;

    /// What must never be seen in a log, an error or a `Debug` output beside the credentials themselves: the secrets
    /// that the provider presents to its issuer. At least eight bytes each.
    fn secrets(&self) -> Vec<String>;

    /// What the credential that the issuer gave last says of its end. Defaults to [`Expires::Unknown`]: not checked.
    fn expires(&self) -> Expires {
        Expires::Unknown
    }

    /// How many calls the issuer is dealing with now. `None`, the default, when it cannot tell: then it is not checked
    /// whether a call that was dropped has left something running.
    fn running(&self) -> Option<u64> {
        None
    }

    /// The bad answers that this issuer can give. Defaults to none: then the checks of bad answers are not applicable.
    fn bad_answers(&self) -> Vec<BadAnswer> {
        Vec::new()
    }

    /// What stands in the bodies of bad answers, and must not turn up in an error or a log. Defaults to none.
    fn body_canaries(&self) -> Vec<String> {
        Vec::new()
    }

    /// The most bytes of one answer that the issuer got rid of. `None`, the default, when it cannot tell: then it is
    /// not checked whether a body without end is cut off.
    fn taken(&self) -> Option<u64> {
        None
    }
}

/// How an issuer is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// It gives a credential at once, for each call: one that it has not given before this condition was set.
    Healthy,
    /// It takes the call and never answers.
    Hanging,
    /// It cannot be asked, or says that it cannot answer.
    Down,
    /// It asks for patience: for so long, a whole number of seconds, where that is said.
    Throttling(Option<Duration>),
    /// It says no.
    Refusing,
    /// Nothing configures a provider that is made from now on.
    NotConfigured,
    /// It gives the bad answer of this name, out of [`Fixture::bad_answers`].
    Bad(String),
}

/// A bad answer, and what is to be made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadAnswer {
    name: String,
    outcome: Outcome,
    never_ends: bool,
    withheld: Option<String>,
}

impl BadAnswer {
    /// A bad answer of this name.
    #[must_use]
    pub fn new(name: impl Into<String>, outcome: Outcome) -> Self {
        Self {
            name: name.into(),
            outcome,
            never_ends: false,
            withheld: None,
        }
    }

    /// It never ends by itself: the time limit of the cache, or the provider's own, ends the call. Others must lead to
    /// an end within ten seconds.
    #[must_use]
    pub fn never_ends(mut self) -> Self {
        self.never_ends = true;
        self
    }

    /// It is not tried, and the report says why.
    #[must_use]
    pub fn withheld(mut self, why: impl Into<String>) -> Self {
        self.withheld = Some(why.into());
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is to be made of it.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    pub(super) fn is_endless(&self) -> bool {
        self.never_ends
    }

    pub(super) fn why_withheld(&self) -> Option<&str> {
        self.withheld.as_deref()
    }
}

/// What an issuer says of the end of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expires {
    /// It lasts so long from the moment that it was asked for.
    In(Duration),
    /// It ends at this instant.
    At(SystemTime),
    /// It never ends.
    Never,
    /// The fixture does not say.
    Unknown,
}
