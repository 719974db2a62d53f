//! Wakers that none of the library's own threads may wait for: [`ring`].
//!
//! A waker is a user's code, and may block. So what is due is woken one by one on a thread of its own. A second one stands by
//! while others wait: it runs no waker, so it can tell that the first does not come back, and takes its place. Both end
//! when nothing has waited for a while.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use keytide_fork::PerProcess;

use super::wake;
use crate::sys;

/// A forked child has ringers of its own: the threads of its parent's are not there.
static RINGERS: PerProcess<Ringers> = PerProcess::new();

/// Wakes these, in order, but not on this thread. Where no thread can be had, here.
pub(crate) fn ring(wakers: impl IntoIterator<Item = Waker>) {
    if cfg!(keytide_shuttle) {
        // No thread of the operating system may touch what a model explores.
        wakers.into_iter().for_each(wake);
        return;
    }
    let ringers = RINGERS.get();
    let mut state = ringers.lock();
    state.waiting.extend(wakers.into_iter().map(Waiting::One));
    ringers.alert(state);
}

/// Those who are woken by one thread, one by one, where another may help.
#[derive(Clone)]
struct Row(Arc<InRow>);

struct InRow {
    waiting: Mutex<VecDeque<Waker>>,
    since: Instant,
}

impl Row {
    fn next(&self) -> Option<Waker> {
        lock(&self.0.waiting).pop_front()
    }
}

/// Wakes these here, one by one. While one of them does not come back, the ringers help: see [`look`].
///
/// They take nothing away: a paused clock must not go on before all are woken, however slow the machine is.
pub(crate) fn wake_row(wakers: VecDeque<Waker>) {
    let row = Row(Arc::new(InRow {
        waiting: Mutex::new(wakers),
        since: sys::monotonic(),
    }));
    RINGERS.get().lock().rows.push(row.clone());
    while let Some(next) = row.next() {
        wake(next);
    }
    let is_other = |other: &Row| !Arc::ptr_eq(&other.0, &row.0);
    // Received for anew: a waker may have forked.
    RINGERS.get().lock().rows.retain(is_other);
}

/// Has the ringers help with the rows that are held up. When to look again, while there are rows. For the watchdog.
pub(crate) fn look(now: Instant) -> Option<Instant> {
    let ringers = RINGERS.get();
    let mut state = ringers.lock();
    let held = |row: &mut Row| now.saturating_duration_since(row.0.since) >= PATIENCE;
    let rows: Vec<_> = state.rows.extract_if(.., held).collect();
    state.waiting.extend(rows.into_iter().map(Waiting::Row));
    let again = (!state.rows.is_empty()).then(|| now + PATIENCE);
    ringers.alert(state);
    again
}

#[derive(Default)]
struct Ringers {
    /// Held for a look or a change, never while a waker runs.
    state: Mutex<State>,
    /// The one who rings sleeps here.
    work: Condvar,
    /// The one who stands by sleeps here.
    need: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    ringer: Option<Ringer>,
    standby: Standby,
    /// How many threads have rung.
    rung: u64,
    /// What other threads wake at this moment.
    rows: Vec<Row>,
}

enum Waiting {
    One(Waker),
    Row(Row),
}

/// The thread that stands by.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Standby {
    #[default]
    Absent,
    /// Nothing waits: it sleeps until it is called.
    Lingers,
    /// It looks again as soon as one waker has had its time.
    Looks,
}

struct Ringer {
    number: u64,
    /// Since when it has been inside a waker.
    inside: Option<Instant>,
}

impl State {
    /// How long the one who stands by still waits for the one who rings. `None` when nothing waits.
    fn patience(&self, now: Instant) -> Option<Duration> {
        if self.waiting.is_empty() {
            return None;
        }
        Some(match &self.ringer {
            None => Duration::ZERO,
            Some(Ringer { inside: None, .. }) => PATIENCE,
            Some(Ringer {
                inside: Some(since),
                ..
            }) => (*since + PATIENCE).saturating_duration_since(now),
        })
    }

    fn next(&mut self) -> Option<Waker> {
        loop {
            match self.waiting.pop_front()? {
                Waiting::One(waker) => return Some(waker),
                Waiting::Row(row) => {
                    if let Some(waker) = row.next() {
                        self.waiting.push_front(Waiting::Row(row));
                        return Some(waker);
                    }
                }
            }
        }
    }

    fn is_rung_by(&mut self, number: u64) -> Option<&mut Ringer> {
        self.ringer
            .as_mut()
            .filter(|ringer| ringer.number == number)
    }
}

impl Ringers {
    /// Sees to it that what waits is rung, or watched over.
    fn alert(&'static self, mut state: MutexGuard<'_, State>) {
        if state.waiting.is_empty() {
            return;
        }
        let idle = matches!(state.ringer, Some(Ringer { inside: None, .. }));
        if idle {
            drop(state);
            self.work.notify_one();
            return;
        }
        let standby = std::mem::replace(&mut state.standby, Standby::Looks);
        drop(state);
        match standby {
            Standby::Absent => self.hire(),
            Standby::Lingers => self.need.notify_one(),
            Standby::Looks => {}
        }
    }

    fn hire(&'static self) {
        let hired = std::thread::Builder::new()
            .name("keytide-ringer".to_owned())
            .spawn(|| self.stand_by());
        if hired.is_ok() {
            return;
        }
        let mut state = self.lock();
        state.standby = Standby::Absent;
        if state.ringer.is_some() {
            return;
        }
        while let Some(waker) = state.next() {
            drop(state);
            wake(waker);
            state = self.lock();
        }
    }

    fn stand_by(&'static self) {
        let mut state = self.lock();
        let mut last_needed = sys::monotonic();
        loop {
            let now = sys::monotonic();
            let rest = match state.patience(now) {
                Some(Duration::ZERO) => return self.take_over(state),
                Some(rest) => {
                    last_needed = now;
                    state.standby = Standby::Looks;
                    rest
                }
                None => {
                    state.standby = Standby::Lingers;
                    (last_needed + LINGER).saturating_duration_since(now)
                }
            };
            if rest.is_zero() {
                state.standby = Standby::Absent;
                return;
            }
            state = wait(&self.need, state, rest);
        }
    }

    fn take_over(&'static self, mut state: MutexGuard<'static, State>) {
        state.standby = Standby::Absent;
        state.rung += 1;
        let number = state.rung;
        state.ringer = Some(Ringer {
            number,
            inside: None,
        });
        let mut linger = LINGER;
        while let Some(ringer) = state.is_rung_by(number) {
            ringer.inside = None;
            let Some(waker) = state.next() else {
                if linger.is_zero() {
                    state.ringer = None;
                    return;
                }
                state = wait(&self.work, state, linger);
                linger = Duration::ZERO;
                continue;
            };
            linger = LINGER;
            if let Some(ringer) = state.is_rung_by(number) {
                ringer.inside = Some(sys::monotonic());
            }
            self.alert(state);
            wake(waker);
            state = self.lock();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait<'a>(
    called: &Condvar,
    state: MutexGuard<'a, State>,
    limit: Duration,
) -> MutexGuard<'a, State> {
    called
        .wait_timeout(state, limit)
        .unwrap_or_else(PoisonError::into_inner)
        .0
}

/// For how long the others wait for one waker.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a thread stays that nothing waits for.
const LINGER: Duration = Duration::from_secs(1);

#[cfg(all(test, not(keytide_shuttle), not(miri)))]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::task::Wake;

    use super::*;

    /// Blocks until the other end is dropped.
    struct Blocks(Mutex<Receiver<()>>);

    impl Wake for Blocks {
        fn wake(self: Arc<Self>) {
            let _ = lock(&self.0).recv();
        }
    }

    struct Tells(Sender<()>);

    impl Wake for Tells {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(());
        }
    }

    #[test]
    fn who_is_rung_behind_one_that_blocks_is_woken_all_the_same() {
        let (release, held) = channel();
        let (tells, told) = channel();

        ring([
            Waker::from(Arc::new(Blocks(Mutex::new(held)))),
            Waker::from(Arc::new(Tells(tells))),
        ]);

        let woken = told.recv_timeout(Duration::from_secs(20));
        drop(release);
        woken.unwrap();
    }
}
