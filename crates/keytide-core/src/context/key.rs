//! What a cache is called: [`Key`], kept small, for there may be a hundred thousand.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::sync::slot::Grown;

/// The key of a cache: as the user named it, or the provider's name and a number, written out when asked for.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    Named(Arc<str>),
    Numbered(Name, u32),
}

impl Key {
    pub(crate) fn text(&self) -> Arc<str> {
        match self {
            Self::Named(key) => Arc::clone(key),
            Self::Numbered(..) => self.to_string().into(),
        }
    }
}

/// By what it says, not by where a name stands: what is drawn for a key of one process holds in the next.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Named(key) => key.hash(state),
            Self::Numbered(provider, number) => (provider.text(), number).hash(state),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(key) => f.write_str(key),
            Self::Numbered(provider, number) => write!(f, "{}{NUMBER}{number}", provider.text()),
        }
    }
}

/// What stands between a provider's name and a number; no name that a user gives may hold it.
pub(crate) const NUMBER: char = '#';

/// A provider's name, as a place in a table of the few names that a process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name(u32);

/// Without a lock, so that a forked child knows the names of its parent's, whoever was at it.
static NAMES: Grown<&'static str> = Grown::new();

impl Name {
    pub(crate) fn of(name: &'static str) -> Self {
        Self(u32::try_from(NAMES.place_of(name)).unwrap_or(u32::MAX))
    }

    pub(crate) fn text(self) -> &'static str {
        NAMES.get(self.0 as usize).unwrap_or_default()
    }
}
