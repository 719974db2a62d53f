//! The cheapest read, for one task: [`Handle`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Cache;
use crate::credential::Credential;
use crate::engine::shared::Shared;
use crate::error::Error;
use crate::sync::slot::{Parked, Slot};

impl Cache {
    /// A handle for one task or thread: its reads cost a third of [`read`](Cache::read).
    ///
    /// Between reads it holds on to the generation that it saw last, so a parked handle keeps that one in memory, also
    /// across a rotation or a revocation, until it is read, [`release`](Handle::release)d or dropped.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// # cache.get_blocking(Duration::from_secs(10))?;
    /// // One for each task that reads in a loop.
    /// let mut handle = cache.handle();
    /// for _ in 0..1000 {
    ///     handle.read(|credential| assert_eq!(credential.generation(), 1))?;
    /// }
    ///
    /// // The task rests: the credential is not kept in memory for it.
    /// handle.release();
    /// assert_eq!(handle.cache().key(), cache.key());
    /// # Ok::<(), keytide_core::Error>(())
    /// ```
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle {
            parked: Parked::new(SlotOwner(Arc::clone(&self.shared))),
            cache: self.clone(),
        }
    }
}

/// Reads one cache for one task. See [`Cache::handle`].
pub struct Handle {
    parked: Parked<SlotOwner, Credential>,
    cache: Cache,
}

impl Handle {
    /// Reads the credential where it stands, without waiting: see [`Cache::read`].
    ///
    /// # Errors
    /// Those of [`Cache::read`].
    #[inline]
    pub fn read<R>(&mut self, read: impl FnOnce(&Credential) -> R) -> Result<R, Error> {
        match self.parked.load() {
            Some(credential) if credential.leased() => Ok(read(credential)),
            found => slow(&self.cache.shared, found.map(Arc::as_ref), read),
        }
    }

    /// Lets go of the generation that it saw last.
    pub fn release(&mut self) {
        self.parked.release();
    }

    /// The cache that it reads.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }
}

#[cold]
fn slow<R>(
    shared: &Arc<Shared>,
    found: Option<&Credential>,
    read: impl FnOnce(&Credential) -> R,
) -> Result<R, Error> {
    shared.slow_read(found, Duration::ZERO)?;
    found.map(read).ok_or_else(|| shared.absent())
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct SlotOwner(Arc<Shared>);

impl AsRef<Slot<Credential>> for SlotOwner {
    #[inline]
    fn as_ref(&self) -> &Slot<Credential> {
        &self.0.slot
    }
}
