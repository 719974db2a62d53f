//! What the operating system tells of directories: [`Events`]. A hint only: the timer finds what it does not tell.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

#[cfg(target_os = "linux")]
pub(super) use self::linux::Events;
#[cfg(not(target_os = "linux"))]
pub(super) use self::none::Events;

/// The directories of what is followed.
pub(super) struct Directories {
    pub(super) all: HashSet<Arc<Path>>,
    /// Those that can be watched without waiting for a file system that hangs.
    pub(super) answering: HashSet<Arc<Path>>,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::{HashMap, HashSet};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use notify::event::{AccessKind, AccessMode};
    use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

    use super::Directories;

    /// The watched directories. Its owner is one thread; dropping it ends notify's.
    #[derive(Default)]
    pub(in crate::watch) struct Events {
        watcher: Option<RecommendedWatcher>,
        started: Option<Instant>,
        /// When each directory was last armed, or was tried to be.
        armed: HashMap<Arc<Path>, Instant>,
    }

    impl Events {
        /// Watches these directories and no others. What does not work is tried again later, and what works is armed
        /// again too: a directory may have been replaced by another of its name. Returns those that were armed now.
        ///
        /// Looks up the names of those that answer, and of no others. `touched` is told where something happened; `None`: it
        /// is not known where.
        pub(in crate::watch) fn watch(
            &mut self,
            touched: impl Fn(Option<&[PathBuf]>) + Send + 'static,
            directories: &Directories,
            now: Instant,
        ) -> HashSet<Arc<Path>> {
            let mut newly = HashSet::new();
            if directories.all.is_empty() {
                self.end();
                return newly;
            }
            if self.watcher.is_none() && self.started.is_none_or(|started| now >= started + REARM) {
                self.started = Some(now);
                self.watcher = contained(|| {
                    notify::recommended_watcher(move |event| tell(&touched, &event)).ok()
                });
            }
            let Some(watcher) = &mut self.watcher else {
                return newly;
            };
            let works = contained(|| {
                self.armed.retain(|directory, _| {
                    let wanted = directories.all.contains(directory);
                    if !wanted {
                        // It may have gone, and its watch with it.
                        let _ = watcher.unwatch(directory);
                    }
                    wanted
                });
                for directory in &directories.answering {
                    if self
                        .armed
                        .get(directory)
                        .is_none_or(|armed| now >= *armed + REARM)
                    {
                        self.armed.insert(Arc::clone(directory), now);
                        // The timer looks where this fails.
                        if watcher
                            .watch(directory, RecursiveMode::NonRecursive)
                            .is_ok()
                        {
                            newly.insert(Arc::clone(directory));
                        }
                    }
                }
                Some(())
            });
            if works.is_none() {
                self.end();
            }
            newly
        }

        fn end(&mut self) {
            self.armed.clear();
            let watcher = self.watcher.take();
            contained(|| {
                drop(watcher);
                Some(())
            });
        }
    }

    impl Drop for Events {
        fn drop(&mut self) {
            self.end();
        }
    }

    /// Where an event calls for a look.
    #[derive(Debug, PartialEq, Eq)]
    enum Touched<'a> {
        Nowhere,
        Everywhere,
        At(&'a [PathBuf]),
    }

    fn tell(touched: impl Fn(Option<&[PathBuf]>), event: &notify::Result<notify::Event>) {
        match touched_by(event) {
            Touched::Nowhere => {}
            Touched::Everywhere => touched(None),
            Touched::At(paths) => touched(Some(paths)),
        }
    }

    fn touched_by(event: &notify::Result<notify::Event>) -> Touched<'_> {
        match event {
            Ok(event) if event.need_rescan() || event.paths.is_empty() => Touched::Everywhere,
            // Our own reads are events too: else each look would be the reason for the next.
            Ok(event) if is_a_read(event.kind) => Touched::Nowhere,
            Ok(event) => Touched::At(&event.paths),
            Err(_) => Touched::Everywhere,
        }
    }

    fn is_a_read(kind: EventKind) -> bool {
        matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
    }

    /// Notify panics once its own thread is gone.
    fn contained<T>(run: impl FnOnce() -> Option<T>) -> Option<T> {
        catch_unwind(AssertUnwindSafe(run)).ok().flatten()
    }

    /// How often a directory is armed again.
    const REARM: Duration = Duration::from_secs(30);

    #[cfg(test)]
    mod tests {
        use notify::Event;
        use notify::event::{CreateKind, Flag, ModifyKind, RemoveKind};

        use super::*;

        #[test]
        fn a_read_calls_for_no_look_and_a_change_does() {
            let of = |kind| Ok(Event::new(kind).add_path("/secrets/token".into()));
            for read in [
                AccessKind::Open(AccessMode::Any),
                AccessKind::Read,
                AccessKind::Close(AccessMode::Read),
            ] {
                assert_eq!(touched_by(&of(EventKind::Access(read))), Touched::Nowhere);
            }

            let path = PathBuf::from("/secrets/token");
            for change in [
                EventKind::Access(AccessKind::Close(AccessMode::Write)),
                EventKind::Create(CreateKind::File),
                EventKind::Modify(ModifyKind::Any),
                EventKind::Remove(RemoveKind::Any),
            ] {
                let expected = Touched::At(std::slice::from_ref(&path));
                assert_eq!(touched_by(&of(change)), expected, "{change:?}");
            }
        }

        #[test]
        fn lost_events_call_for_a_look_everywhere() {
            let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
            assert_eq!(touched_by(&Ok(overflow)), Touched::Everywhere);
            let failure = notify::Error::generic("failed");
            assert_eq!(touched_by(&Err(failure)), Touched::Everywhere);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod none {
    use std::collections::HashSet;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::time::Instant;

    use super::Directories;

    #[derive(Default)]
    pub(in crate::watch) struct Events;

    impl Events {
        pub(in crate::watch) fn watch(
            &mut self,
            _: impl Fn(Option<&[PathBuf]>) + Send + 'static,
            _: &Directories,
            _: Instant,
        ) -> HashSet<Arc<Path>> {
            HashSet::new()
        }
    }
}
