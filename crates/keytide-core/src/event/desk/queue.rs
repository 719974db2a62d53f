//! What waits for one observer: [`EventQueue`].

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::event::{Event, EventKind, Observe};
use crate::sync::discard;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::sys::{self, Process};

/// The events of one observer, bounded in number and in bytes.
pub(in crate::event) struct EventQueue {
    capacity: usize,
    most_bytes: usize,
    /// Whether it takes uses too.
    pub(in crate::event) uses: bool,
    process: Process,
    /// Held for a push or a take; never while an observer runs.
    state: Mutex<State>,
}

struct State {
    /// Not here while a thread tells it something, nor when it has ended.
    observer: Option<Box<dyn Observe>>,
    waiting: VecDeque<Waiting>,
    /// How many of those that wait tell of no end.
    ordinary: usize,
    /// What all that wait weigh.
    bytes: usize,
    /// Since an event was told last. Something waits whenever it is not nought: before that it is told.
    lost: u64,
    closed: bool,
    /// Whether a thread, or the desk, has it: nobody else may bring it there.
    scheduled: bool,
}

struct Waiting {
    event: Arc<Event>,
    weight: usize,
}

/// How far [`EventQueue::serve`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::event) enum Served {
    /// Nothing waits: the next event brings the queue back to the desk.
    CaughtUp,
    /// More waits; the queue goes back to the desk.
    More,
    /// It was closed, and its observer has been dropped.
    Ended,
    /// The observer forked, and this is the child. Nothing here may be touched.
    Foreign,
}

impl EventQueue {
    pub(in crate::event) fn new(observer: Box<dyn Observe>, uses: bool, capacity: usize) -> Self {
        let state = State {
            observer: Some(observer),
            waiting: VecDeque::new(),
            ordinary: 0,
            bytes: 0,
            lost: 0,
            closed: false,
            scheduled: false,
        };
        Self {
            capacity,
            most_bytes: capacity
                .saturating_mul(BYTES_PER_EVENT)
                .clamp(LEAST_BYTES, MOST_BYTES),
            uses,
            process: Process::this(),
            state: Mutex::new(state),
        }
    }

    pub(in crate::event) fn push(self: &Arc<Self>, event: &Arc<Event>, weight: usize) {
        let mut state = self.lock();
        if self.has_room(&state, &event.kind, weight) {
            state.ordinary += usize::from(!tells_of_an_end(&event.kind));
            state.bytes += weight;
            let event = Arc::clone(event);
            state.waiting.push_back(Waiting { event, weight });
        } else {
            state.lost += 1;
        }
        let scheduled = std::mem::replace(&mut state.scheduled, true);
        drop(state);
        self.bring(scheduled);
    }

    /// What waits is told first; then the observer is dropped where it was told.
    pub(in crate::event) fn close(self: &Arc<Self>) {
        let mut state = self.lock();
        state.closed = true;
        let scheduled = std::mem::replace(&mut state.scheduled, true);
        drop(state);
        self.bring(scheduled);
    }

    fn bring(self: &Arc<Self>, scheduled: bool) {
        if scheduled {
            super::try_again();
        } else {
            super::bring(Arc::clone(self));
        }
    }

    fn has_room(&self, state: &State, kind: &EventKind, weight: usize) -> bool {
        if matches!(kind, EventKind::Terminated { .. }) {
            // An agent ends once.
            return true;
        }
        if tells_of_an_end(kind) {
            return state.waiting.len() - state.ordinary < ENDS;
        }
        // With nothing before it there would be nothing to tell its loss with.
        state.waiting.is_empty()
            || (state.ordinary < self.capacity && state.bytes + weight <= self.most_bytes)
    }

    /// Tells the observer what waits, for about as long as `slice`. By one thread at a time: who took it from the desk.
    pub(in crate::event) fn serve(&self, slice: Duration) -> Served {
        let started = sys::monotonic();
        let Some(mut observer) = self.lock().observer.take() else {
            return Served::CaughtUp;
        };
        loop {
            let mut state = self.lock();
            let Some(event) = state.take() else {
                if state.closed {
                    drop(state);
                    discard(observer);
                    return if self.process.is_this() {
                        Served::Ended
                    } else {
                        Served::Foreign
                    };
                }
                state.observer = Some(observer);
                state.scheduled = false;
                return Served::CaughtUp;
            };
            let lost = std::mem::take(&mut state.lost);
            drop(state);
            if !self.tell(observer.as_mut(), &event, lost) {
                std::mem::forget(observer);
                return Served::Foreign;
            }
            if sys::monotonic().duration_since(started) >= slice {
                self.lock().observer = Some(observer);
                return Served::More;
            }
        }
    }

    /// Whether this is still the same process.
    fn tell(&self, observer: &mut dyn Observe, event: &Event, lost: u64) -> bool {
        if lost > 0 {
            let losses = Event {
                kind: EventKind::Lost { events: lost },
                ..event.clone()
            };
            tell(observer, &losses);
            if !self.process.is_this() {
                return false;
            }
        }
        tell(observer, event);
        self.process.is_this()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn take(&mut self) -> Option<Arc<Event>> {
        let Waiting { event, weight } = self.waiting.pop_front()?;
        self.bytes -= weight;
        self.ordinary -= usize::from(!tells_of_an_end(&event.kind));
        Some(event)
    }
}

fn tells_of_an_end(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Terminated { .. } | EventKind::Revoked { .. } | EventKind::Expired { .. }
    )
}

fn tell(observer: &mut dyn Observe, event: &Event) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| observer.observe(event))) {
        discard(payload);
    }
}

/// Most events are a third of it.
const BYTES_PER_EVENT: usize = 1 << 10;
const LEAST_BYTES: usize = 64 << 10;
const MOST_BYTES: usize = 64 << 20;
/// How many events that tell of an end may wait beside the others.
const ENDS: usize = 1024;
