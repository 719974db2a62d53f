//! Being told of new generations: [`Changes`].

use std::fmt;

use tokio::sync::watch;

use super::{Cache, Ended};
use crate::sync::lock;

impl Cache {
    /// Tells of generations that are published from now on, never of equal material.
    ///
    /// A slow watcher slows nobody: it sees the latest generation when it looks.
    #[must_use]
    pub fn changes(&self) -> Changes {
        let mut state = lock(&self.shared.state);
        let latest = if self.shared.ended() == Ended::Revoked {
            END
        } else {
            state.generation
        };
        let sender = state
            .rare()
            .changes
            .get_or_insert_with(|| watch::Sender::new(latest));
        Changes {
            watched: sender.subscribe(),
        }
    }
}

/// Waits for new generations of one cache. See [`Cache::changes`]. A clone has been told what the original has.
#[derive(Clone)]
pub struct Changes {
    watched: watch::Receiver<u64>,
}

impl Changes {
    /// Waits for a generation newer than those already told. `None`: there will be none, for the cache was revoked or
    /// is gone. May be dropped at any point.
    pub async fn next(&mut self) -> Option<u64> {
        if *self.watched.borrow() == END {
            return None;
        }
        self.watched.changed().await.ok()?;
        let generation = *self.watched.borrow_and_update();
        (generation != END).then_some(generation)
    }
}

/// Tells of a generation, outside any lock: wakers are called.
pub(super) fn tell_watchers(watchers: Option<watch::Sender<u64>>, generation: u64) {
    if let Some(sender) = watchers {
        sender.send_if_modified(|known| {
            let newer = generation > *known;
            *known = generation.max(*known);
            newer
        });
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}

/// No generation will follow.
pub(super) const END: u64 = u64::MAX;
