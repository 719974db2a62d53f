//! The one thread that looks at files: started with the first file that is followed, gone with the last.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
#[cfg(target_os = "linux")]
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use keytide_core::Request;

use super::Watch;
use super::events::Events;
use crate::token::Fingerprint;

/// Keeps a file followed until dropped.
pub(crate) struct Following {
    watch: Arc<Watch>,
    directory: Option<Arc<Path>>,
    interval: Duration,
}

/// What the thread is to do, and whether there is one.
pub(super) struct Follower {
    /// Held for a look or a change; never while a file is read, a directory watched, or a cache told.
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// The process whose thread it is: a forked child has none.
    process: u32,
    running: bool,
    followed: BTreeMap<u64, Followed>,
}

struct Followed {
    watch: Weak<Watch>,
    /// The directory to watch, if any.
    directory: Option<Arc<Path>>,
    interval: Duration,
    due: Instant,
}

/// What is due.
struct Round {
    watches: Vec<Arc<Watch>>,
    directories: HashSet<Arc<Path>>,
}

impl Following {
    /// Starts nothing yet.
    pub(crate) fn new(watch: Arc<Watch>, directory: Option<&Path>, interval: Duration) -> Self {
        Self {
            watch,
            directory: directory.map(Arc::from),
            interval,
        }
    }

    /// The cache that asked was given this content: from now on it is told when there is another.
    pub(crate) fn heard(&self, request: &Request, given: Option<Fingerprint>) {
        self.watch.given(request, given);
        FOLLOWER.follow(self);
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        FOLLOWER.state().followed.remove(&self.watch.id);
        FOLLOWER.changed.notify_all();
    }
}

impl Follower {
    fn follow(&'static self, following: &Following) {
        let mut state = self.state();
        let process = std::process::id();
        if state.process != process {
            // What a parent process followed is followed there.
            state.process = process;
            state.running = false;
            state.followed.clear();
        }
        state.followed.entry(following.watch.id).or_insert_with(|| {
            self.changed.notify_all();
            Followed {
                watch: Arc::downgrade(&following.watch),
                directory: following.directory.clone(),
                interval: following.interval,
                // At once: the file may have changed between the read and the watch.
                due: now(),
            }
        });
        if !state.running {
            // Without a thread (the limit of the process, perhaps) the next call tries again.
            state.running = std::thread::Builder::new()
                .name("keytide-kubernetes".to_owned())
                .spawn(move || self.run())
                .is_ok();
        }
    }

    fn run(&'static self) {
        let _ending = Ending(self);
        let mut events = Events::default();
        while let Some(round) = self.next_round() {
            events.watch(self, &round.directories, now());
            for watch in round.watches {
                if watch.look().is_none() {
                    self.forget(&watch);
                }
            }
        }
    }

    /// Waits until something is due; `None` when nothing is followed any more.
    fn next_round(&self) -> Option<Round> {
        let mut state = self.state();
        loop {
            state
                .followed
                .retain(|_, followed| followed.watch.strong_count() > 0);
            let Some(next) = state.followed.values().map(|followed| followed.due).min() else {
                // Under the lock: who follows next starts another thread.
                state.running = false;
                return None;
            };
            let now = now();
            if next <= now {
                return Some(state.take_due(now));
            }
            (state, _) = self
                .changed
                .wait_timeout(state, next - now)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nobody listens: unless somebody has begun to since.
    fn forget(&self, watch: &Watch) {
        let mut state = self.state();
        if !watch.is_heard() {
            state.followed.remove(&watch.id);
        }
    }

    /// Something happened in these places; `None`: it is not known where.
    #[cfg(target_os = "linux")]
    pub(super) fn touched(&self, paths: Option<&[PathBuf]>) {
        // A writer that does not replace the file in one step is given a moment to get on.
        let due = now() + SETTLE;
        let mut state = self.state();
        for followed in state.followed.values_mut() {
            let Some(directory) = followed.directory.as_deref() else {
                continue;
            };
            let concerned = paths.is_none_or(|paths| {
                let inside = |path: &PathBuf| path == directory || path.parent() == Some(directory);
                paths.iter().any(inside)
            });
            if concerned {
                followed.due = followed.due.min(due);
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_due(&mut self, now: Instant) -> Round {
        let mut watches = Vec::new();
        for followed in self
            .followed
            .values_mut()
            .filter(|followed| followed.due <= now)
        {
            followed.due = now + followed.interval;
            watches.extend(followed.watch.upgrade());
        }
        let directories = self
            .followed
            .values()
            .filter_map(|followed| followed.directory.clone());
        Round {
            watches,
            directories: directories.collect(),
        }
    }
}

/// A thread that panics is replaced by the next call.
struct Ending(&'static Follower);

impl Drop for Ending {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.state().running = false;
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "real time, for this thread's own naps; credentials are judged elsewhere"
)]
fn now() -> Instant {
    Instant::now()
}

static FOLLOWER: Follower = Follower {
    state: Mutex::new(State {
        process: 0,
        running: false,
        followed: BTreeMap::new(),
    }),
    changed: Condvar::new(),
};

/// How long after an event the file is looked at.
#[cfg(target_os = "linux")]
const SETTLE: Duration = Duration::from_millis(20);
