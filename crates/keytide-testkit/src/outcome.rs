//! What is to be made of a bad answer: [`Outcome`].

use keytide_core::ErrorKind;

/// What a client should make of a bad answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A typed error of one of these kinds.
    Error(&'static [ErrorKind]),
    /// The credential: the answer is odd, but good.
    Credential,
    /// Either: specifications and issuers differ. A provider decides, and stays with it.
    Either,
}
