//! Events leave sideways: a bounded queue and a thread of its own for each observer.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{Event, EventKind};
use crate::sync::{Condvar, Mutex, lock};
use crate::sys::Process;

/// Is told what happened.
///
/// It is called on a thread of its own, in the order of events. It may block, panic, or call back into keytide:
/// nobody waits for it. Where it is slower than the events, the newest are dropped, counted, and told as
/// [`EventKind::Lost`].
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
        if !self.process.is_this() {
            return;
        }
        let of_use = matches!(event.kind, EventKind::Used { .. });
        let mut queues = self.queues.iter().filter(|queue| queue.uses || !of_use);
        if let Some(first) = queues.next() {
            for queue in queues {
                queue.push(event.clone());
            }
            first.push(event);
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

struct Queue {
    capacity: usize,
    /// Whether it takes uses too.
    uses: bool,
    /// Held for a push or a take; never while an observer runs.
    state: Mutex<QueueState>,
    filled: Condvar,
}

#[derive(Default)]
struct QueueState {
    /// The observer until its thread has started.
    waiting: Option<Box<dyn Observe>>,
    events: VecDeque<Event>,
    lost: u64,
    closed: bool,
}

impl Queue {
    fn new(observer: Box<dyn Observe>, uses: bool, capacity: usize) -> Self {
        let state = QueueState {
            waiting: Some(observer),
            ..QueueState::default()
        };
        Self {
            capacity,
            uses,
            state: Mutex::new(state),
            filled: Condvar::new(),
        }
    }

    fn push(self: &Arc<Self>, event: Event) {
        let mut state = lock(&self.state);
        if state.events.len() >= self.capacity {
            state.lost += 1;
            return;
        }
        state.events.push_back(event);
        let observer = state.waiting.take();
        drop(state);
        match observer {
            Some(observer) => self.start(observer),
            None => self.filled.notify_one(),
        }
    }

    fn start(self: &Arc<Self>, observer: Box<dyn Observe>) {
        let queue = Arc::clone(self);
        let cell = Arc::new(Mutex::new(Some(observer)));
        let handed = Arc::clone(&cell);
        let started = std::thread::Builder::new()
            .name("keytide-observer".to_owned())
            .spawn(move || {
                let observer = lock(&handed).take();
                if let Some(observer) = observer {
                    queue.run(observer);
                }
            });
        if started.is_err() {
            // No thread to be had: the next event tries again, and what does not fit is counted as lost.
            lock(&self.state).waiting = lock(&cell).take();
        }
    }

    fn run(&self, mut observer: Box<dyn Observe>) {
        while let Some((event, lost)) = self.next() {
            if lost > 0 {
                let told = Event {
                    kind: EventKind::Lost { events: lost },
                    ..event.clone()
                };
                tell(observer.as_mut(), &told);
            }
            tell(observer.as_mut(), &event);
        }
        // A payload of a panic, and an observer, may panic once more when dropped.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(observer)));
    }

    fn next(&self) -> Option<(Event, u64)> {
        let mut state = lock(&self.state);
        loop {
            if let Some(event) = state.events.pop_front() {
                return Some((event, std::mem::take(&mut state.lost)));
            }
            if state.closed {
                return None;
            }
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let unused = state.waiting.take();
        drop(state);
        self.filled.notify_one();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(unused)));
    }
}

fn tell(observer: &mut dyn Observe, event: &Event) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| observer.observe(event))) {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink")
            .field("observers", &self.queues.len())
            .finish()
    }
}
