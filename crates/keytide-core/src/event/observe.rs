//! Those who watch: [`Observe`].

use super::Event;

/// Is told what happened.
///
/// It is called in the order of events, never by two threads at once, and never by a thread that waits for a credential.
/// One thread of the library's serves the observers of all agents in turn. An observer may take its time, panic, or call
/// back into keytide: one that has not returned for a quarter of a second while others wait keeps that thread until it
/// has caught up, and the others go on on another one. So what blocks costs one thread each for as long as it blocks,
/// and others a short delay; the next event may come on another thread than the last. The same holds for its `Drop`, which
/// runs there too, after the last event.
///
/// Where it is slower than the events, the newest are dropped, counted, and told as [`EventKind::Lost`](super::EventKind::Lost) before the next event
/// that is told. What tells of an end has places of its own: [`EventKind::Terminated`](super::EventKind::Terminated) is never dropped, and
/// [`EventKind::Revoked`](super::EventKind::Revoked) and [`EventKind::Expired`](super::EventKind::Expired) only when a thousand of them wait.
pub trait Observe: Send + 'static {
    /// Takes one event.
    fn observe(&mut self, event: &Event);
}

impl<F: FnMut(&Event) + Send + 'static> Observe for F {
    fn observe(&mut self, event: &Event) {
        self(event);
    }
}
