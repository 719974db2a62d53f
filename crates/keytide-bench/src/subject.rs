//! One way to read a credential: [`Subject`].

use crate::time::thread_cpu;

/// One way to read a credential that is at hand.
pub trait Subject: Sync {
    /// What tables call it.
    fn name(&self) -> &str;

    /// Reads this many times on the calling thread. The loop is here, so that the read is inlined as it is for users.
    fn read_many(&self, reads: u64);
}

/// A subject made of a closure that reads once. Hand what was read to [`std::hint::black_box`].
pub fn subject(name: impl Into<String>, read: impl Fn() + Sync) -> impl Subject {
    Closure {
        name: name.into(),
        read,
    }
}

/// The CPU time of one read, in nanoseconds, as the mean of `reads`.
pub(crate) fn nanos_each(subject: &dyn Subject, reads: u64) -> f64 {
    let before = thread_cpu();
    subject.read_many(reads);
    let used = thread_cpu() - before;
    used.as_nanos() as f64 / reads as f64
}

struct Closure<F> {
    name: String,
    read: F,
}

impl<F: Fn() + Sync> Subject for Closure<F> {
    fn name(&self) -> &str {
        &self.name
    }

    fn read_many(&self, reads: u64) {
        for _ in 0..reads {
            (self.read)();
        }
    }
}
