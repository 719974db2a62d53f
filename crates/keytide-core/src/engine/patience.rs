//! How long one reader waits: [`Patience`].

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::shared::Shared;
use super::watched::Watched;
use crate::home::alarm::Alarm;
use crate::home::deadline::Deadline;
use crate::sys::time::{Boot, Now};

/// The end of one reader's wait. Nothing is set before it must wait.
pub(crate) struct Patience {
    limit: Duration,
    end: Boot,
    /// Whether the reader stated it. Where no thread can be had, one that did is told, and one that did not waits on.
    stated: bool,
    /// Whether the reader's own thread keeps the end.
    kept_by_reader: bool,
    deadline: Option<Deadline>,
}

/// How a wait for the next attempt ended.
pub(crate) enum Turn {
    Came,
    /// The reader's patience ended first.
    OutOfPatience,
    /// No thread can be had that would keep the time.
    Unkept,
}

impl Patience {
    pub(crate) fn new(limit: Duration, stated: bool, kept_by_reader: bool, now: Now) -> Self {
        Self {
            limit,
            end: now.boot.after(limit),
            stated,
            kept_by_reader,
            deadline: None,
        }
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    pub(crate) fn end(&self) -> Boot {
        self.end
    }

    /// What ends the wait, set at the first call.
    pub(crate) fn alarm(&mut self, shared: &Shared) -> Option<&Alarm> {
        if self.kept_by_reader {
            return None;
        }
        let end = self.end;
        let deadline = self.deadline.get_or_insert_with(|| {
            let left = shared.context.clock.now().boot.until(end);
            Deadline::new(&shared.agent.homes, left)
        });
        (self.stated || deadline.is_kept()).then(|| deadline.alarm())
    }

    /// Whether somebody keeps the end, as far as that is known.
    pub(crate) fn is_kept(&self) -> bool {
        self.deadline.as_ref().is_none_or(Deadline::is_kept)
    }

    /// Waits until `at`, or for a generation newer than `seen`.
    pub(crate) async fn turn(
        &mut self,
        shared: &Shared,
        at: Boot,
        watched: Arc<Watched>,
        seen: u64,
    ) -> Turn {
        let wait = shared.context.clock.now().boot.until(at).max(SHORTEST_WAIT);
        let turn = Deadline::new(&shared.agent.homes, wait);
        if !turn.is_kept() {
            return Turn::Unkept;
        }
        let alarm = self.alarm(shared);
        let mut registration = watched.registration();
        poll_fn(|context| {
            registration.register(context.waker());
            if watched.is_beyond(seen) || turn.alarm().poll(context.waker()).is_ready() {
                return Poll::Ready(Turn::Came);
            }
            match alarm {
                Some(alarm) => alarm.poll(context.waker()).map(|()| Turn::OutOfPatience),
                None => Poll::Pending,
            }
        })
        .await
    }
}

/// Between two looks at a pace that has passed.
pub(crate) const SHORTEST_WAIT: Duration = Duration::from_millis(1);
