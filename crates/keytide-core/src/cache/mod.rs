//! One credential, kept fresh: [`Cache`] and what stands behind it.

mod accept;
mod answering;
mod ask;
mod builder;
mod changes;
mod flight;
mod get;
mod handle;
mod land;
mod life;
mod origin;
mod read;
mod reject;
mod report;
mod resident;
mod revoke;
mod shared;
mod state;
mod status;
mod tell;
mod timer;

use std::fmt;
use std::sync::Arc;

pub(crate) use self::ask::Want;
pub use self::builder::CacheBuilder;
pub use self::changes::Changes;
pub use self::get::Get;
pub use self::handle::Handle;
pub use self::revoke::{Revoked, Telling};
pub(crate) use self::shared::{Ended, Shared};
pub use self::status::{CacheStatus, Phase};
use crate::error::Error;
use crate::issued::CredentialKind;

/// Holds one credential and keeps it fresh.
///
/// Clones share the same credential. While it is usable no read takes a lock, waits or allocates, whatever the issuer
/// does meanwhile; the first read starts the first call. The work ends with the last clone.
///
/// | read | gives | when there is no usable credential |
/// |---|---|---|
/// | [`read`](Self::read) | a borrow, inside a closure | an error at once; the issuer is asked behind its back |
/// | [`handle`](Self::handle) | a borrow, cheapest for one task | the same |
/// | [`try_get`](Self::try_get) | an owned one | the same |
/// | [`get`](Self::get) | an owned one | waits for the issuer |
/// | [`get_blocking`](Self::get_blocking) | an owned one | blocks the thread, within a limit |
#[derive(Clone)]
pub struct Cache {
    pub(crate) shared: Arc<Shared>,
}

impl Cache {
    /// The key that names this cache in events and status.
    #[must_use]
    pub fn key(&self) -> Arc<str> {
        self.shared.context.key.text()
    }

    /// What its credentials are good for, as its provider states it.
    #[must_use]
    pub fn kind(&self) -> CredentialKind {
        self.shared.context.profile().kind
    }

    /// Checks that its credentials are of this kind, as its provider states it: for whatever takes a cache and can use
    /// only one kind, when it is built.
    ///
    /// # Errors
    /// [`Misconfigured`](crate::ErrorKind::Misconfigured), naming the cache and its provider.
    pub fn expect_kind(&self, wanted: CredentialKind) -> Result<(), Error> {
        self.kind().expected_as(wanted, &self.shared.context)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("key", &self.key())
            .finish_non_exhaustive()
    }
}
