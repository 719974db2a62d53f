//! What the process has of the machine: memory, threads, descriptors.

use std::fmt;
use std::time::Duration;

use crate::time::instant;

/// What a process has at a moment when it should have nothing.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Usage {
    memory: i64,
    threads: i64,
    descriptors: i64,
}

/// How much more one has than another.
pub(crate) struct Grown(Usage);

impl Usage {
    /// What is there once what ends has ended: when the numbers of threads and descriptors stand still, with no threads but
    /// the main one and keytide's own, and with no more descriptors than `before`; or when that takes too long.
    pub(crate) fn settled(before: Option<&Self>) -> Self {
        let start = instant();
        let mut still = 0;
        let mut last = Self::now();
        while start.elapsed() < PATIENCE {
            std::thread::sleep(LOOK);
            let now = Self::now();
            let same = now.threads == last.threads && now.descriptors == last.descriptors;
            still = if same { still + 1 } else { 0 };
            last = now;
            let enough = now.threads <= AT_REST
                && before.is_none_or(|before| now.descriptors <= before.descriptors);
            if still >= STILL && enough {
                break;
            }
        }
        last
    }

    /// The names of the threads that there are.
    pub(crate) fn threads() -> String {
        let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
        let names = tasks.flatten().map(|task| {
            let name = std::fs::read_to_string(task.path().join("comm"));
            name.unwrap_or_default().trim().to_owned()
        });
        names.collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn since(&self, first: &Self) -> Grown {
        Grown(Self {
            memory: self.memory - first.memory,
            threads: self.threads - first.threads,
            descriptors: self.descriptors - first.descriptors,
        })
    }

    fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok())
                .unwrap_or(i64::MAX / 2)
        };
        // The listing has one open itself, each time.
        let descriptors = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        Self {
            memory: field("VmRSS:"),
            threads: field("Threads:"),
            descriptors: i64::try_from(descriptors).unwrap_or(i64::MAX),
        }
    }
}

impl Grown {
    pub(crate) fn is_nothing(&self) -> bool {
        self.0.memory <= SLACK && self.0.threads <= 0 && self.0.descriptors <= 0
    }
}

impl fmt::Display for Grown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Usage {
            memory,
            threads,
            descriptors,
        } = self.0;
        write!(
            f,
            "memory {memory:+} KiB, threads {threads:+}, descriptors {descriptors:+}"
        )
    }
}

/// KiB that an allocator may keep of what was freed.
const SLACK: i64 = 8 * 1024;
/// The main thread, and the one that keytide keeps for its caches.
const AT_REST: i64 = 2;
const LOOK: Duration = Duration::from_millis(100);
/// Looks.
const STILL: u32 = 20;
const PATIENCE: Duration = Duration::from_secs(60);
