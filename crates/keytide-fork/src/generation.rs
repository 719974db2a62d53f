//! How many forks lie between this process and the one that first asked: [`generation`].

use std::sync::atomic::{AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);

/// How many forks lie between this process and the one that first asked. A parent and its child give two numbers, if the
/// parent asked before it forked; two children of one parent may give the same.
///
/// One relaxed load, after the first call.
#[inline]
pub fn generation() -> u32 {
    watch();
    FORKS.load(Ordering::Relaxed)
}

#[cfg(unix)]
#[inline]
fn watch() {
    use std::sync::atomic::AtomicBool;

    static WATCHED: AtomicBool = AtomicBool::new(false);
    // Two that come here first may both set the handler: then it counts each fork twice, which tells it as well.
    if !WATCHED.load(Ordering::Relaxed) {
        set_handler();
        WATCHED.store(true, Ordering::Relaxed);
    }
}

#[cfg(not(unix))]
#[inline]
fn watch() {}

#[cfg(unix)]
#[cold]
#[expect(unsafe_code, reason = "a handler of forks cannot be set without")]
fn set_handler() {
    extern "C" fn in_child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: the handler is a function that lives as long as the program, and does in the child what is allowed between
    // a fork and an exec of a process with threads: it changes one atomic.
    let set = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    // It fails only for want of memory: forks are then told by the process id alone.
    debug_assert_eq!(set, 0);
}
