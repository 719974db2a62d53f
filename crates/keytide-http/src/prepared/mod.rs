//! What is prepared for requests of the current generation: [`Prepared`]. The only file that names `arc_swap`.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use keytide_core::{Credential, Sender};

use crate::attach::{Answer, Attach, Outgoing, Remedy};
use crate::error::Error;

/// An [`Attach`] with what it made of the current generation.
///
/// Attaching is a load, a comparison, and what the [`Attach`] does. What is prepared may hold a secret in memory:
/// [`Attaching::forget_before`] ends that.
pub(crate) struct Prepared<A: Attach> {
    attach: A,
    sender: Sender,
    current: ArcSwapOption<Current<A::Ready>>,
    /// The newest generation that is known here. Held for making or forgetting what is prepared, once a generation; never
    /// across an await.
    newest: Mutex<u64>,
}

/// The object-safe side of [`Prepared`].
pub(crate) trait Attaching: Send + Sync {
    fn attach(
        &self,
        credential: &Credential,
        request: &mut Outgoing<'_>,
    ) -> Result<Attached, Error>;

    fn rewrite(&self, path: &str, query: Option<&str>) -> Option<String>;

    fn answered(&self, answer: &Answer<'_>) -> Remedy;

    /// Lets go of what was made of an older generation, and makes nothing of such a one any more.
    fn forget_before(&self, generation: u64);
}

struct Current<R> {
    generation: u64,
    ready: R,
    /// Requests that it was attached to.
    uses: AtomicU64,
    sender: Sender,
}

/// Whether a credential was attached.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Attached {
    /// The one at hand is the newest that is known.
    Current,
    /// A newer generation is known: get that one.
    Superseded,
}

impl<A: Attach> Prepared<A> {
    pub(crate) fn new(attach: A, sender: Sender) -> Self {
        Self {
            attach,
            sender,
            current: ArcSwapOption::empty(),
            newest: Mutex::new(0),
        }
    }

    #[cfg(test)]
    pub(crate) fn keeps(&self, generation: u64) -> bool {
        let current = self.current.load();
        current
            .as_ref()
            .is_some_and(|current| current.generation == generation)
    }

    /// One request makes it, so that the secret is exposed once a generation; the others wait for that.
    #[cold]
    fn make(&self, credential: &Credential) -> Result<Option<Arc<Current<A::Ready>>>, Error> {
        let generation = credential.generation();
        let mut newest = self.newest();
        if generation < *newest {
            return Ok(None);
        }
        let known = self.current.load_full();
        if let Some(current) = known.filter(|current| current.generation == generation) {
            return Ok(Some(current));
        }
        let made = Arc::new(Current {
            generation,
            ready: self.attach.prepare(credential)?,
            uses: AtomicU64::new(0),
            sender: self.sender.clone(),
        });
        *newest = generation;
        self.current.store(Some(Arc::clone(&made)));
        Ok(Some(made))
    }

    fn newest(&self) -> MutexGuard<'_, u64> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Attach> Attaching for Prepared<A> {
    #[inline]
    fn attach(
        &self,
        credential: &Credential,
        request: &mut Outgoing<'_>,
    ) -> Result<Attached, Error> {
        let current = self.current.load();
        if let Some(current) = current.as_ref()
            && current.generation == credential.generation()
        {
            return current.attach(&self.attach, request);
        }
        match self.make(credential)? {
            Some(made) => made.attach(&self.attach, request),
            None => Ok(Attached::Superseded),
        }
    }

    fn rewrite(&self, path: &str, query: Option<&str>) -> Option<String> {
        self.attach.rewrite(path, query)
    }

    fn answered(&self, answer: &Answer<'_>) -> Remedy {
        self.attach.answered(answer)
    }

    fn forget_before(&self, generation: u64) {
        let mut newest = self.newest();
        *newest = generation.max(*newest);
        let is_older = |current: &Arc<Current<_>>| current.generation < generation;
        let old = if self.current.load().as_ref().is_some_and(is_older) {
            self.current.swap(None)
        } else {
            None
        };
        drop(newest);
        // Its end is told to observers, outside the lock.
        drop(old);
    }
}

impl<R> Current<R> {
    #[inline]
    fn attach(
        &self,
        attach: &impl Attach<Ready = R>,
        request: &mut Outgoing<'_>,
    ) -> Result<Attached, Error> {
        attach.attach(&self.ready, request)?;
        self.uses.fetch_add(1, Ordering::Relaxed);
        Ok(Attached::Current)
    }
}

impl<R> Drop for Current<R> {
    fn drop(&mut self) {
        let uses = *self.uses.get_mut();
        if uses > 0 && !self.sender.observes_uses() {
            self.sender.report_uses(self.generation, uses);
        }
    }
}

impl<A: Attach> fmt::Debug for Prepared<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
