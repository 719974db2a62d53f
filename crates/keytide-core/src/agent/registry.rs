//! The caches of one agent, by key: [`Registry`].

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::cache::{Ended, Shared};
use crate::error::{Error, ErrorKind};
use crate::home;

/// Knows an agent's caches without keeping them.
#[derive(Default)]
pub(crate) struct Registry {
    /// Held for one look or change; never while a cache is called.
    state: Mutex<Caches>,
}

#[derive(Default)]
struct Caches {
    by_key: HashMap<Arc<str>, Weak<Shared>>,
    made: u64,
    ended: Option<Ended>,
}

impl Registry {
    pub(crate) fn insert(
        &self,
        key: Option<String>,
        provider: &str,
        make: impl FnOnce(u32, Arc<str>) -> Arc<Shared>,
    ) -> Result<Arc<Shared>, Error> {
        let mut caches = self.lock();
        match caches.ended {
            Some(Ended::ShutDown) => {
                return Err(Error::new(ErrorKind::ShutDown, "the agent was shut down"));
            }
            Some(_) => return Err(Error::new(ErrorKind::Revoked, "the agent was terminated")),
            None => {}
        }
        let key: Arc<str> = match key {
            Some(key) => key.into(),
            None => loop {
                let key = format!("{provider}#{}", caches.made);
                caches.made += 1;
                if !caches.by_key.contains_key(key.as_str()) {
                    break key.into();
                }
            },
        };
        match caches.by_key.entry(Arc::clone(&key)) {
            Entry::Occupied(known) if known.get().strong_count() > 0 => Err(Error::invalid(
                format!("the agent has a cache with the key {key} already"),
            )),
            entry => {
                let shared = make(home::next_id(), key);
                match entry {
                    Entry::Occupied(mut known) => {
                        known.insert(Arc::downgrade(&shared));
                    }
                    Entry::Vacant(free) => {
                        free.insert(Arc::downgrade(&shared));
                    }
                }
                Ok(shared)
            }
        }
    }

    /// Forgets a cache that is gone, unless another has taken its key.
    pub(crate) fn remove(&self, key: &Arc<str>) {
        let mut caches = self.lock();
        if caches
            .by_key
            .get(key)
            .is_some_and(|known| known.strong_count() == 0)
        {
            caches.by_key.remove(key);
        }
    }

    /// The caches that live, ordered by key.
    pub(crate) fn caches(&self) -> Vec<Arc<Shared>> {
        let mut caches: Vec<_> = self
            .lock()
            .by_key
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        caches.sort_by(|a, b| a.context.key.cmp(&b.context.key));
        caches
    }

    /// Lets no cache be made any more. Returns whether this was the first end of its sort.
    pub(crate) fn end(&self, ended: Ended) -> bool {
        let mut caches = self.lock();
        let first = caches.ended != Some(ended) && caches.ended != Some(Ended::Revoked);
        if first {
            caches.ended = Some(ended);
        }
        first
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.lock().ended == Some(Ended::Revoked)
    }

    fn lock(&self) -> MutexGuard<'_, Caches> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
