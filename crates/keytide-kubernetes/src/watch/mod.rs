//! Tells caches that a file has changed: [`Watch`], and how it is kept going: [`Following`].

mod events;
mod follower;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keytide_core::{ChangeNotifier, InstanceId, Request};

pub(crate) use self::follower::Following;
use crate::token::Fingerprint;

/// A file, and the caches that want to know when the token in it is another than they were given.
pub(crate) struct Watch {
    id: u64,
    path: Arc<Path>,
    /// Held for a look or a change; never while a file is read or a cache is told.
    listeners: Mutex<Vec<Listener>>,
}

/// Mostly one: a provider belongs to a cache. A user's wrapper may share one among several.
struct Listener {
    instance: InstanceId,
    cache: Box<str>,
    notifier: ChangeNotifier,
    given: Option<Fingerprint>,
}

impl Watch {
    pub(crate) fn new(path: Arc<Path>) -> Arc<Self> {
        Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            path,
            listeners: Mutex::default(),
        })
    }

    /// The cache that asked was given this content; `None` when there was none to be read.
    fn given(&self, request: &Request, given: Option<Fingerprint>) {
        let cache: &str = &request.cache_key();
        let mut listeners = self.listeners();
        let known = listeners
            .iter_mut()
            .find(|listener| listener.instance == request.instance() && *listener.cache == *cache);
        match known {
            // A cache that was built anew under the same key has a notifier of its own.
            Some(listener) => {
                listener.given = given;
                listener.notifier = request.change_notifier();
            }
            None => listeners.push(Listener {
                instance: request.instance(),
                cache: cache.into(),
                notifier: request.change_notifier(),
                given,
            }),
        }
    }

    /// Looks at the file, and tells the caches that were given something else. A file without a whole token tells
    /// nobody anything: what is half written now is whole at the next look.
    ///
    /// Returns how many were told; `None` when nobody listens.
    async fn look(&self) -> Option<usize> {
        if !self.is_heard() {
            return None;
        }
        let Some(now) = Fingerprint::of_token_at(&self.path).await else {
            return Some(0);
        };
        let mut told = Vec::new();
        for listener in self.listeners().iter_mut() {
            if listener.given != Some(now) {
                listener.given = Some(now);
                told.push(listener.notifier.clone());
            }
        }
        for notifier in &told {
            notifier.notify();
        }
        Some(told.len())
    }

    fn is_heard(&self) -> bool {
        let mut listeners = self.listeners();
        listeners.retain(|listener| !listener.notifier.is_closed());
        !listeners.is_empty()
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

static NEXT: AtomicU64 = AtomicU64::new(0);

#[cfg(all(test, unix))]
mod tests;
