//! What the test's side and the server's side share: [`Shared`].

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::fault::Fault;
use super::good::Good;
use super::request::Received;

pub(super) struct Shared {
    pub(super) good: Good,
    pub(super) canary: String,
    state: Mutex<State>,
}

type Concerns = Arc<dyn Fn(&Received) -> bool + Send + Sync>;
type Time = Arc<dyn Fn() -> SystemTime + Send + Sync>;

struct State {
    next: VecDeque<Fault>,
    always: Fault,
    concerns: Option<Concerns>,
    time: Option<Time>,
    asked: Vec<Received>,
    numbered: u64,
    connections: u64,
    open: usize,
}

impl Shared {
    pub(super) fn new(good: Good) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            good,
            canary: format!("body-canary-{number}-{:08x}-yranac", std::process::id()),
            state: Mutex::new(State {
                next: VecDeque::new(),
                always: Fault::none(),
                concerns: None,
                time: None,
                asked: Vec::new(),
                numbered: 0,
                connections: 0,
                open: 0,
            }),
        }
    }

    pub(super) fn always(&self, fault: Fault) {
        self.lock().always = fault;
    }

    pub(super) fn then(&self, fault: Fault) {
        self.lock().next.push_back(fault);
    }

    pub(super) fn heal(&self) {
        let mut state = self.lock();
        state.next.clear();
        state.always = Fault::none();
    }

    pub(super) fn only(&self, concerns: Concerns) {
        self.lock().concerns = Some(concerns);
    }

    pub(super) fn time_from(&self, time: Time) {
        self.lock().time = Some(time);
    }

    pub(super) fn asked(&self) -> Vec<Received> {
        self.lock().asked.clone()
    }

    pub(super) fn count(&self) -> u64 {
        self.lock().asked.len() as u64
    }

    pub(super) fn forget(&self) {
        let mut state = self.lock();
        state.asked.clear();
        state.connections = 0;
    }

    pub(super) fn connections(&self) -> u64 {
        self.lock().connections
    }

    pub(super) fn open(&self) -> usize {
        self.lock().open
    }

    /// A connection has come. Gives what befalls it before anything is read.
    pub(super) fn accepted(self: &Arc<Self>) -> (Open, Option<Fault>) {
        let mut state = self.lock();
        state.connections += 1;
        state.open += 1;
        let fault = match state.next.front() {
            Some(next) if next.at_accept() => state.next.pop_front(),
            None if state.always.at_accept() => Some(state.always.clone()),
            _ => None,
        };
        drop(state);
        (Open(Arc::clone(self)), fault)
    }

    /// A request has come. Gives its number and what befalls it.
    pub(super) fn arrived(&self, asked: Received) -> (Received, Fault) {
        let concerns = self.lock().concerns.clone();
        // The user's code runs outside the lock.
        let concerned = concerns.is_none_or(|concerns| concerns(&asked));
        let mut state = self.lock();
        state.numbered += 1;
        let asked = asked.numbered(state.numbered);
        state.asked.push(asked.clone());
        let fault = match state.next.front() {
            _ if !concerned => None,
            // It waits for the next connection.
            Some(next) if next.at_accept() => None,
            Some(_) => state.next.pop_front(),
            None => Some(state.always.clone()).filter(|fault| !fault.at_accept()),
        };
        (asked, fault.unwrap_or_else(Fault::none))
    }

    pub(super) fn now(&self) -> SystemTime {
        let time = self.lock().time.clone();
        time.map_or_else(real_time, |time| time())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Shared")
            .field("always", &state.always)
            .field("next", &state.next)
            .field("requests", &state.asked.len())
            .finish_non_exhaustive()
    }
}

/// A connection, counted for as long as it is open.
pub(super) struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().open -= 1;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a server that was given no other clock shows the machine's"
)]
pub(crate) fn real_time() -> SystemTime {
    SystemTime::now()
}

static NEXT: AtomicU64 = AtomicU64::new(0);
