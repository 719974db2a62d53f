//! An observer that remembers: [`Recorder`].

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keytide_core::{Event, EventKind, Observe};

/// Remembers every event. Clones are the same recorder.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    events: Mutex<Vec<Event>>,
    told: Condvar,
}

impl Recorder {
    /// A recorder that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The observer to give to an agent.
    #[must_use]
    pub fn observer(&self) -> impl Observe + use<> {
        let inner = Arc::clone(&self.inner);
        move |event: &Event| {
            inner.lock().push(event.clone());
            inner.told.notify_all();
        }
    }

    /// What was seen so far. Observers run behind: see [`wait_for`](Self::wait_for).
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.inner.lock().clone()
    }

    /// The kinds of what was seen so far.
    #[must_use]
    pub fn kinds(&self) -> Vec<EventKind> {
        self.inner
            .lock()
            .iter()
            .map(|event| event.kind.clone())
            .collect()
    }

    /// Blocks the thread until an event fits, and gives it; looks at those seen already first.
    ///
    /// # Panics
    /// When none has come after ten seconds of real time: lists what was seen.
    pub fn wait_for(&self, fits: impl Fn(&EventKind) -> bool) -> Event {
        let mut events = self.inner.lock();
        let mut waited = Duration::ZERO;
        loop {
            if let Some(event) = events.iter().find(|event| fits(&event.kind)) {
                return event.clone();
            }
            assert!(
                waited < PATIENCE,
                "no such event; seen: {:#?}",
                kinds(&events)
            );
            (events, _) = self
                .inner
                .told
                .wait_timeout(events, STEP)
                .unwrap_or_else(PoisonError::into_inner);
            waited += STEP;
        }
    }

    /// Forgets what was seen.
    pub fn clear(&self) {
        self.inner.lock().clear();
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kinds(events: &[Event]) -> Vec<&EventKind> {
    events.iter().map(|event| &event.kind).collect()
}

const PATIENCE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(20);
