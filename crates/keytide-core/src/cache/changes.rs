//! Being told of new generations: [`Changes`].

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::Cache;
use crate::engine::watched::{END, Watched};

impl Cache {
    /// Tells of generations that are published from now on, never of equal material.
    ///
    /// A slow watcher slows nobody: it sees the latest generation when it looks.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keytide_core::Error> {
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// let mut changes = cache.changes();
    /// cache.get().await?;
    /// assert_eq!(changes.next().await, Some(1));
    ///
    /// cache.revoke().await;
    /// assert_eq!(changes.next().await, None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn changes(&self) -> Changes {
        if self.shared.context.is_foreign() {
            return Changes {
                watched: Arc::new(Watched::new(END)),
                seen: END,
            };
        }
        let (watched, seen) = self.shared.watched();
        Changes { watched, seen }
    }
}

/// Waits for new generations of one cache. See [`Cache::changes`]. A clone has been told what the original has.
#[derive(Clone)]
pub struct Changes {
    watched: Arc<Watched>,
    seen: u64,
}

impl Changes {
    /// Waits for a generation newer than those already told. `None`: there will be none, for the cache was revoked or
    /// is gone, or its agent was shut down. May be dropped at any point.
    pub async fn next(&mut self) -> Option<u64> {
        let mut registration = self.watched.registration();
        let seen = self.seen;
        let latest = poll_fn(|context| {
            registration.register(context.waker());
            let latest = self.watched.latest();
            if latest > seen || latest == END {
                Poll::Ready(latest)
            } else {
                Poll::Pending
            }
        });
        self.seen = latest.await;
        (self.seen != END).then_some(self.seen)
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}
