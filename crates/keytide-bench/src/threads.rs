//! Two threads on two cores, and a poll without a runtime.

use std::future::Future;
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use crate::subject::{Subject, nanos_each};
use crate::time::now;

/// Two cores that this process may use; `None` where there is but one, or the system does not tell.
#[must_use]
pub fn cores() -> Option<[usize; 2]> {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity};
        let allowed = sched_getaffinity(None).ok()?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        Some([cores.next()?, cores.next()?])
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Keeps the calling thread on one core, where the system can.
pub fn pin(core: usize) {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_setaffinity};
        let mut only = CpuSet::new();
        only.set(core);
        // Unpinned is noisier, not wrong.
        let _ = sched_setaffinity(None, &only);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = core;
}

/// The CPU time of one read while a thread on each of these cores reads the same subject, in nanoseconds: the mean over
/// the threads.
#[must_use]
pub fn contended(subject: &dyn Subject, cores: &[usize], reads: u64) -> f64 {
    let ready = AtomicUsize::new(0);
    let read = |core| {
        pin(core);
        subject.read_many(reads.min(100));
        ready.fetch_add(1, Ordering::AcqRel);
        while ready.load(Ordering::Acquire) < cores.len() {
            std::hint::spin_loop();
        }
        nanos_each(subject, reads)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = cores
            .iter()
            .map(|core| scope.spawn(|| read(*core)))
            .collect();
        let nanos = threads
            .into_iter()
            .map(|thread| thread.join().expect("a reader panicked"));
        nanos.sum::<f64>() / cores.len() as f64
    })
}

/// How many reads per second of wall time so many threads make together, each on any core.
pub(crate) fn per_second(subject: &dyn Subject, threads: usize, reads: u64) -> f64 {
    let ready = Barrier::new(threads);
    let read = || {
        subject.read_many(reads.min(100));
        ready.wait();
        let began = now();
        subject.read_many(reads);
        (began, now())
    };
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..threads).map(|_| scope.spawn(read)).collect();
        let spans = readers
            .into_iter()
            .map(|reader| reader.join().expect("a reader panicked"));
        let span = spans.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        span.map_or(f64::NAN, |(began, ended)| {
            let seconds = ended.duration_since(began).as_secs_f64();
            (threads as u64 * reads) as f64 / seconds
        })
    })
}

/// Polls a future once, without a runtime; `None` if it would wait.
pub fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
