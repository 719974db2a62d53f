//! Events leave sideways: a bounded queue for each observer.

use std::fmt;
use std::sync::Arc;

use super::desk::{self, EventQueue};
use super::{Event, EventKind, Observe};
use crate::sys::Process;

/// All observers of one agent.
pub(crate) struct Sink {
    queues: Vec<Arc<EventQueue>>,
    uses: bool,
    process: Process,
}

impl Sink {
    /// Those who observe uses too are marked so.
    pub(crate) fn new(observers: Vec<(Box<dyn Observe>, bool)>, capacity: usize) -> Self {
        let queues: Vec<_> = observers
            .into_iter()
            .map(|(observer, uses)| Arc::new(EventQueue::new(observer, uses, capacity)))
            .collect();
        let uses = queues.iter().any(|queue| queue.uses);
        desk::open(queues.len());
        Self {
            queues,
            uses,
            process: Process::this(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Whether somebody observes each use.
    pub(crate) fn wants_uses(&self) -> bool {
        self.uses
    }

    /// Never blocks on an observer and runs none: it may be called under a cache's lock.
    pub(crate) fn push(&self, event: Event) {
        let of_use = matches!(event.kind, EventKind::Used { .. });
        if (of_use && !self.uses) || !self.process.is_this() {
            return;
        }
        let weight = event.weight();
        let event = Arc::new(event);
        for queue in self.queues.iter().filter(|queue| queue.uses || !of_use) {
            queue.push(&event, weight);
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if !self.process.is_this() {
            // A parent's: its threads are not here, and may hold the locks. Nor is an observer of its dropped here.
            std::mem::forget(std::mem::take(&mut self.queues));
            return;
        }
        for queue in &self.queues {
            queue.close();
        }
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink")
            .field("observers", &self.queues.len())
            .finish()
    }
}
