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
            found => slow(
                &self.cache.shared,
                found.map(Arc::as_ref),
                Duration::ZERO,
                read,
            ),
        }
    }

    /// Reads a credential that lasts at least `least` longer: see [`Cache::read_for`].
    ///
    /// # Errors
    /// Those of [`Cache::read_for`].
    pub fn read_for<R>(
        &mut self,
        least: Duration,
        read: impl FnOnce(&Credential) -> R,
    ) -> Result<R, Error> {
        slow(
            &self.cache.shared,
            self.parked.load().map(Arc::as_ref),
            least,
            read,
        )
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
    least: Duration,
    read: impl FnOnce(&Credential) -> R,
) -> Result<R, Error> {
    shared.slow_read(found, least)?;
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
