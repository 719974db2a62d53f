//! Whose keys sign a request for a role: [`Base`].

use keytide_core::Cache;

use crate::keys::Signer;
use crate::marks::{Marks, SessionOf};

/// The principal that asks for a role.
pub(crate) struct Base<'k> {
    pub(crate) principal: Option<String>,
    pub(crate) keys: Signer<'k>,
    /// What the keys say of themselves.
    pub(crate) marks: Marks,
    /// The cache that holds them, and their generation there: told where STS blames them.
    pub(crate) held: Option<(Cache, u64)>,
}

impl Base<'_> {
    /// Whether the session is one of a session, which STS calls role chaining. Keys that say nothing of themselves are those
    /// of a session where they have a token.
    pub(crate) fn is_chained(&self, set: Option<bool>) -> bool {
        set.unwrap_or_else(|| match self.marks.session {
            Some(SessionOf::Instance) => false,
            Some(SessionOf::Role) => true,
            None => self.keys.session_token.is_some(),
        })
    }
}
