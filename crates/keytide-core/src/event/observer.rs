//! Events leave sideways: [`Observe`], and the bounded queue for each observer.

use std::fmt;
use std::sync::Arc;

use super::desk;
use super::queue::Queue;
use super::{Event, EventKind};
use crate::sys::Process;

/// Is told what happened.
///
/// It is called in the order of events, never by two threads at once, and never by a thread that waits for a credential.
/// One thread of the library's serves the observers of all agents in turn. An observer may take its time, panic, or call
/// back into keytide: one that has not returned for a quarter of a second while others wait keeps that thread until it
/// has caught up, and the others go on on another one. So what blocks costs one thread each for as long as it blocks,
/// and others a short delay; the next event may come on another thread than the last. The same holds for its `Drop`, which
/// runs there too, after the last event.
///
/// Where it is slower than the events, the newest are dropped, counted, and told as [`EventKind::Lost`] before the next event
/// that is told. What tells of an end has places of its own: [`EventKind::Terminated`] is never dropped, and
/// [`EventKind::Revoked`] and [`EventKind::Expired`] only when a thousand of them wait.
pub trait Observe: Send + 'static {
    /// Takes one event.
    fn observe(&mut self, event: &Event);
}

impl<F: FnMut(&Event) + Send + 'static> Observe for F {
    fn observe(&mut self, event: &Event) {
        self(event);
    }
}

/// All observers of one agent.
pub(crate) struct Sink {
    queues: Vec<Arc<Queue>>,
    uses: bool,
    process: Process,
}

impl Sink {
    /// Those who observe uses too are marked so.
    pub(crate) fn new(observers: Vec<(Box<dyn Observe>, bool)>, capacity: usize) -> Self {
        let queues: Vec<_> = observers
            .into_iter()
            .map(|(observer, uses)| Arc::new(Queue::new(observer, uses, capacity)))
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
