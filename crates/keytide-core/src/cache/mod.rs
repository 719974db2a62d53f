//! One credential, kept fresh: [`Cache`] and what stands behind it.

mod builder;
mod changes;
mod get;
mod handle;
mod need;
mod read;
mod reject;
mod revoke;
mod revoking;
mod sender;
mod status;
mod subject;

use std::fmt;
use std::sync::Arc;

pub use self::builder::CacheBuilder;
pub use self::changes::Changes;
pub use self::get::Get;
pub use self::handle::Handle;
pub use self::need::Need;
pub(crate) use self::revoking::TELLING_LIMIT;
pub use self::revoking::{RevocationReport, Revoking};
pub use self::sender::{Sender, UseReport};
pub(crate) use self::status::status_of;
pub use self::status::{CacheStatus, Phase};
pub use self::subject::{Subject, SubjectUse};
use crate::engine::shared::Shared;
use crate::error::Error;
use crate::profile::CredentialKind;

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
///
/// A read that wants more life than what is usable, or waits through an outage, says so first: [`need`](Self::need). Whoever
/// attaches credentials to requests reads by destination: [`sender`](Self::sender).
pub struct Cache {
    pub(crate) shared: Arc<Shared>,
}

/// Handles of users are counted apart from the references that the library takes for moments: what ends with the last
/// handle ends at once, where it is dropped.
impl Clone for Cache {
    fn clone(&self) -> Self {
        self.shared.hold();
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.shared.let_go();
    }
}

impl Cache {
    /// The key that names this cache in events and status.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// assert_eq!(&*cache.key(), "scripted#1");
    /// # Ok::<(), keytide_core::Error>(())
    /// ```
    #[must_use]
    pub fn key(&self) -> Arc<str> {
        self.shared.context.key.text()
    }

    /// What its credentials are good for, as its provider states it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// use keytide_core::CredentialKind;
    ///
    /// assert_eq!(cache.kind(), CredentialKind::BearerToken);
    /// # Ok::<(), keytide_core::Error>(())
    /// ```
    #[must_use]
    pub fn kind(&self) -> CredentialKind {
        self.shared.context.profile().kind
    }

    /// Checks that its credentials are of this kind, as its provider states it: for whatever takes a cache and can use
    /// only one kind, when it is built.
    ///
    /// # Errors
    /// [`Misconfigured`](crate::ErrorKind::Misconfigured), naming the cache and its provider.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// use keytide_core::CredentialKind;
    ///
    /// let refusal = cache.expect_kind(CredentialKind::SigningKey).unwrap_err();
    /// assert!(refusal.to_string().contains("holds bearer tokens"));
    /// # Ok::<(), keytide_core::Error>(())
    /// ```
    pub fn expect_kind(&self, wanted: CredentialKind) -> Result<(), Error> {
        self.shared.context.expect_kind(self.kind(), wanted)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("key", &self.key())
            .finish_non_exhaustive()
    }
}
