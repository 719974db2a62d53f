//! The one thread that looks at files: started with the first file that is followed, gone with the last.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use keytide_core::Request;
use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::Watch;
use super::events::{Directories, Events};
use crate::token::Fingerprint;

/// Keeps a file followed until dropped.
pub(crate) struct Following {
    watch: Arc<Watch>,
    directory: Option<Arc<Path>>,
    interval: Duration,
}

/// What the thread is to do, and whether there is one.
struct Follower {
    /// Held for a look or a change; never while a file is read, a directory watched, or a cache told.
    state: Mutex<State>,
}

struct State {
    /// The process whose thread it is: a forked child has none.
    process: u32,
    /// What wakes the thread, while there is one.
    thread: Option<Arc<Notify>>,
    followed: BTreeMap<u64, Followed>,
}

struct Followed {
    watch: Weak<Watch>,
    /// The directory to watch, if any.
    directory: Option<Arc<Path>>,
    interval: Duration,
    due: Instant,
    /// A look at it is under way: it may never end, and no other is begun before.
    looking: bool,
    /// A look at it has ended since directories were last watched, so its file system answers.
    answers: bool,
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
        let mut state = FOLLOWER.state();
        state.followed.remove(&self.watch.id);
        state.wake();
    }
}

impl Follower {
    fn follow(&'static self, following: &Following) {
        let mut state = self.state();
        let process = std::process::id();
        if state.process != process {
            // What a parent process followed is followed there.
            state.process = process;
            state.thread = None;
            state.followed.clear();
        }
        if let Entry::Vacant(vacant) = state.followed.entry(following.watch.id) {
            vacant.insert(Followed {
                watch: Arc::downgrade(&following.watch),
                directory: following.directory.clone(),
                interval: following.interval,
                // At once: the file may have changed between the read and the watch.
                due: now(),
                looking: false,
                // It was read for the cache that asked.
                answers: true,
            });
            state.wake();
        }
        if state.thread.is_none() {
            let wake = Arc::new(Notify::new());
            let wakes = Arc::clone(&wake);
            // Without a thread (the limit of the process, perhaps) the next call tries again.
            let started = std::thread::Builder::new()
                .name("keytide-kubernetes".to_owned())
                .spawn(move || Running(self, wakes).run());
            state.thread = started.is_ok().then_some(wake);
        }
    }

    /// No file is read in this thread, and it waits for no read: one that hangs stops nobody but itself.
    async fn follow_all(&'static self, wake: &Notify) {
        let mut events = Events::default();
        while self.wait(wake).await {
            let armed = events.watch(move |paths| self.touched(paths), &self.directories(), now());
            for watch in self.take_due(&armed) {
                tokio::spawn(self.look(watch));
            }
        }
    }

    /// Waits until there is something to do; `false` when nothing is followed any more.
    async fn wait(&self, wake: &Notify) -> bool {
        loop {
            let next = {
                let mut state = self.state();
                state
                    .followed
                    .retain(|_, followed| followed.watch.strong_count() > 0);
                if state.followed.is_empty() {
                    // Under the lock: who follows next starts another thread.
                    state.thread = None;
                    return false;
                }
                state.next()
            };
            let now = now();
            match next {
                Some(next) if next <= now => return true,
                Some(next) => drop(timeout(next - now, wake.notified()).await),
                None => wake.notified().await,
            }
        }
    }

    async fn look(&'static self, watch: Arc<Watch>) {
        let _looking = Looking(self, watch.id);
        if watch.look().await.is_none() {
            self.forget(&watch);
        }
    }

    fn directories(&self) -> Directories {
        let mut state = self.state();
        let mut directories = Directories {
            all: HashSet::new(),
            answering: HashSet::new(),
        };
        for followed in state.followed.values_mut() {
            let answers = std::mem::take(&mut followed.answers);
            let Some(directory) = &followed.directory else {
                continue;
            };
            directories.all.insert(Arc::clone(directory));
            if answers {
                directories.answering.insert(Arc::clone(directory));
            }
        }
        directories
    }

    /// What is to be looked at now. What is newly watched is: it may have changed before.
    fn take_due(&self, armed: &HashSet<Arc<Path>>) -> Vec<Arc<Watch>> {
        let now = now();
        let mut due = Vec::new();
        for followed in self.state().followed.values_mut() {
            let directory = followed.directory.as_ref();
            if directory.is_some_and(|directory| armed.contains(directory)) {
                followed.due = now;
            }
            if !followed.looking
                && followed.due <= now
                && let Some(watch) = followed.watch.upgrade()
            {
                followed.due = now + followed.interval;
                followed.looking = true;
                due.push(watch);
            }
        }
        due
    }

    /// Nobody listens: unless somebody has begun to since.
    fn forget(&self, watch: &Watch) {
        let mut state = self.state();
        if !watch.is_heard() {
            state.followed.remove(&watch.id);
        }
    }

    /// Something happened in these places; `None`: it is not known where.
    fn touched(&self, paths: Option<&[PathBuf]>) {
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
        state.wake();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.notify_one();
        }
    }

    /// When there is something to do; `None` while each look that could be due is under way.
    fn next(&self) -> Option<Instant> {
        let followed = self.followed.values();
        followed
            .filter(|followed| followed.answers || !followed.looking)
            .map(|followed| {
                if followed.answers {
                    now()
                } else {
                    followed.due
                }
            })
            .min()
    }
}

/// The thread that follows.
struct Running(&'static Follower, Arc<Notify>);

impl Running {
    fn run(self) {
        // For its naps, and for what waits for reads: it needs no more of a runtime.
        if let Ok(runtime) = Builder::new_current_thread().enable_time().build() {
            runtime.block_on(self.0.follow_all(&self.1));
        }
    }
}

/// A thread that panics is replaced by the next call.
impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.state();
        let thread = state.thread.as_ref();
        if thread.is_some_and(|wake| Arc::ptr_eq(wake, &self.1)) {
            state.thread = None;
        }
    }
}

/// A look that is under way, until it has ended in whatever way.
struct Looking(&'static Follower, u64);

impl Drop for Looking {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if let Some(followed) = state.followed.get_mut(&self.1) {
            followed.looking = false;
            followed.answers = true;
        }
        state.wake();
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
        thread: None,
        followed: BTreeMap::new(),
    }),
};

/// How long after an event the file is looked at.
const SETTLE: Duration = Duration::from_millis(20);
