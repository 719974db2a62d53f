//! How many calls one issuer gets at a time, over all caches of the process: most urgent first.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keytide_fork::PerProcess;

use crate::sys::Process;
use crate::sys::time::Boot;

/// A forked child has places of its own: nobody gives back those that its parent held.
static LIMITS: PerProcess<Mutex<HashMap<Arc<str>, IssuerLimit>>> = PerProcess::new();

#[derive(Default)]
struct IssuerLimit {
    running: usize,
    next: u64,
    /// By the instant at which a call becomes urgent: that at which it was made, where readers have nothing.
    waiting: BTreeMap<(Boot, u64), Waiting>,
}

struct Waiting {
    /// How many calls its own cache allows at a time.
    limit: usize,
    launch: Box<dyn Guest>,
}

/// Who waits for room at an issuer.
pub(crate) trait Guest: Send {
    /// Whether somebody still wants the answer. Received under the lock.
    fn is_wanted(&self) -> bool;

    /// There is room.
    fn go(self: Box<Self>, permit: Permit);
}

/// The right to call one issuer. Passed on to the most urgent flight that waits, when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    issuer: Arc<str>,
    process: Process,
}

/// Launches at once if the issuer has room, else when it has. Returns what may go now.
pub(crate) fn enter<G: Guest + 'static>(
    issuer: &Arc<str>,
    limit: usize,
    urgency: Boot,
    launch: G,
) -> Option<(G, Permit)> {
    let mut gates = lock();
    let gate = gates.entry(Arc::clone(issuer)).or_default();
    if gate.running < limit {
        gate.running += 1;
        return Some((
            launch,
            Permit {
                issuer: Arc::clone(issuer),
                process: Process::this(),
            },
        ));
    }
    gate.next += 1;
    let place = (urgency, gate.next);
    let launch = Box::new(launch);
    gate.waiting.insert(place, Waiting { limit, launch });
    None
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.process.is_this() {
            return;
        }
        if let Some(launch) = leave(&self.issuer) {
            let permit = Self {
                issuer: Arc::clone(&self.issuer),
                process: self.process,
            };
            go_by_turns(launch, permit);
        }
    }
}

thread_local! {
    /// Those that may go while one goes on this thread: one that cannot go passes its place on at once, to thousands in a
    /// row when a home dies.
    static GOING: RefCell<Option<Vec<Turn>>> = const { RefCell::new(None) };
}

/// Who goes next, with its place.
type Turn = (Box<dyn Guest>, Permit);

fn go_by_turns(launch: Box<dyn Guest>, permit: Permit) {
    let mut turn = Some((launch, permit));
    let is_first = GOING.with(|going| match &mut *going.borrow_mut() {
        Some(others) => {
            others.extend(turn.take());
            false
        }
        free => {
            *free = Some(Vec::new());
            true
        }
    });
    if !is_first {
        return;
    }
    let _ends = EndsTurns;
    while let Some((launch, permit)) = turn {
        launch.go(permit);
        turn = GOING.with(|going| going.borrow_mut().as_mut().and_then(Vec::pop));
    }
}

struct EndsTurns;

impl Drop for EndsTurns {
    fn drop(&mut self) {
        let left = GOING.with(|going| going.borrow_mut().take());
        drop(left);
    }
}

fn leave(issuer: &Arc<str>) -> Option<Box<dyn Guest>> {
    let mut passed_over = Vec::new();
    let mut gates = lock();
    let gate = gates.get_mut(issuer)?;
    let others = gate.running - 1;
    let mut next = None;
    let mut place = gate.waiting.first_key_value().map(|(place, _)| *place);
    while let Some(at) = place {
        let wanted = gate
            .waiting
            .get(&at)
            .map(|waiting| (waiting.launch.is_wanted(), others < waiting.limit));
        let gone = match wanted {
            Some((true, false)) => None,
            _ => gate.waiting.remove(&at),
        };
        if let Some(Waiting { launch, .. }) = gone {
            if wanted == Some((true, true)) {
                next = Some(launch);
                break;
            }
            passed_over.push(launch);
        }
        let after = (Bound::Excluded(at), Bound::Unbounded);
        place = gate.waiting.range(after).next().map(|(place, _)| *place);
    }
    if next.is_none() {
        gate.running = others;
        if gate.running == 0 {
            gates.remove(issuer);
        }
    }
    drop(gates);
    drop(passed_over);
    next
}

fn lock() -> MutexGuard<'static, HashMap<Arc<str>, IssuerLimit>> {
    LIMITS.get().lock().unwrap_or_else(PoisonError::into_inner)
}
