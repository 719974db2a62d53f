//! The library's own thread: the home of all flights, unless another is named.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use keytide_fork::PerProcess;
use tokio::io::AsyncWrite;
use tokio::runtime::{Handle, Runtime};

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
///
/// The thread is one of the runtime's pool for what blocks. A pool without a thread panics in `spawn_blocking` where none can be
/// had, in the middle of a provider's call: to look up a name, for one. This one has a thread for as long as the home lives,
/// and what it cannot find another one for waits, until the call's limit.
pub(super) fn start(clock: AgentClock, kind: Kind, at_end: fn(&Home)) -> Result<Arc<Home>, Error> {
    let failed =
        |error: io::Error| Error::unavailable("cannot start the refresh thread").caused_by(error);
    // Where none can be had, tokio keeps what could not begin, and the whole runtime with it, for ever.
    try_thread().map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_name("keytide-pool")
        .thread_keep_alive(REST)
        .build()
        .map_err(failed)?;
    let handle = runtime.handle().clone();
    let runtime = Ends(Some(runtime));
    has_thread(&handle).map_err(failed)?;
    let home = Arc::new(Home::new(handle.clone(), clock, kind));
    let driven = Arc::clone(&home);
    drop(handle.spawn_blocking(move || {
        #[cfg(target_os = "linux")]
        let _ = rustix::thread::set_name(c"keytide");
        let guard = EndsWithItsDriver(driven);
        if let Some(runtime) = &runtime.0 {
            runtime.block_on(Arc::clone(&guard.0).drive());
        }
        at_end(&guard.0);
        drop(guard);
        drop(runtime);
    }));
    Ok(home)
}

/// Whether a thread can be had.
fn try_thread() -> io::Result<()> {
    let started = std::thread::Builder::new()
        .name("keytide-pool".to_owned())
        .spawn(|| ())?;
    let _ = started.join();
    Ok(())
}

/// Has the pool of a runtime start a thread.
fn has_thread(handle: &Handle) -> io::Result<()> {
    let _entered = handle.enter();
    let mut context = Context::from_waker(Waker::noop());
    // To write nothing is the one thing that starts a thread of the pool, and is an error where there is none to be had.
    match pin!(tokio::io::stderr()).poll_write(&mut context, &[]) {
        Poll::Ready(Err(_)) => Err(io::Error::other("no thread can be had")),
        _ => Ok(()),
    }
}

/// A runtime that ends without waiting for its threads: it may be dropped on one of them, or inside of another runtime.
struct Ends(Option<Runtime>);

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// How long the other threads of the pool stay when they have nothing to do.
const REST: Duration = Duration::from_secs(2);
