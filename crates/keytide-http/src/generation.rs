//! The generation that a request carries: [`SentGeneration`].

/// The generation of the credential that a request carries, in extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SentGeneration(pub u64);
