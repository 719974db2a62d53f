//! The library's own thread: the home of all flights, unless another is named.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keytide_fork::PerProcess;

use super::driver::EndsWithItsDriver;
use super::runtime::{Home, Kind};
use crate::error::Error;
use crate::sys::clock::AgentClock;

/// The one thread of the process. A forked child has another.
static SHARED: PerProcess<Mutex<Option<Arc<Home>>>> = PerProcess::new();

/// The home that all agents share. Starts its thread if it does not run.
pub(super) fn shared() -> Result<Arc<Home>, Error> {
    let mut shared = lock(SHARED.get());
    if let Some(home) = shared.as_ref().filter(|home| home.takes_more()) {
        return Ok(Arc::clone(home));
    }
    let home = start(AgentClock::System, Kind::Common, |_| ())?;
    let former = shared.replace(Arc::clone(&home));
    drop(shared);
    drop(former);
    Ok(home)
}

/// Puts a fresh home in the place of one that is blocked, from now on. Returns false where no thread can be had.
pub(super) fn replace(blocked: &Arc<Home>) -> bool {
    let mut shared = lock(SHARED.get());
    let is_shared = shared
        .as_ref()
        .is_some_and(|home| Arc::ptr_eq(home, blocked));
    let mut former = None;
    if is_shared {
        let Ok(home) = start(AgentClock::System, Kind::Common, |_| ()) else {
            return false;
        };
        former = shared.replace(home);
    }
    blocked.set_aside();
    drop(shared);
    drop(former);
    true
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread with a runtime of its own, driving a new home. `at_end` is told when its loop has ended.
pub(super) fn start(clock: AgentClock, kind: Kind, at_end: fn(&Home)) -> Result<Arc<Home>, Error> {
    let failed = |error: std::io::Error| {
        Error::unavailable("cannot start the refresh thread").caused_by(error)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let home = Arc::new(Home::new(runtime.handle().clone(), clock, kind));
    let driven = Arc::clone(&home);
    // A runtime must not be dropped where a thread is refused: that may be inside another one.
    let cell = Arc::new(Mutex::new(Some(runtime)));
    let handed = Arc::clone(&cell);
    let take =
        |cell: &Mutex<_>| Option::take(&mut cell.lock().unwrap_or_else(PoisonError::into_inner));
    let started = std::thread::Builder::new()
        .name("keytide".to_owned())
        .spawn(move || {
            let Some(runtime) = take(&handed) else { return };
            let guard = EndsWithItsDriver(driven);
            runtime.block_on(Arc::clone(&guard.0).drive());
            at_end(&guard.0);
            drop(guard);
            runtime.shutdown_background();
        });
    if let Err(error) = started {
        if let Some(runtime) = take(&cell) {
            runtime.shutdown_background();
        }
        return Err(failed(error));
    }
    Ok(home)
}
