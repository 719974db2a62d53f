//! Counts what the heap gives: per thread, and what is alive in the process.

#![expect(
    unsafe_code,
    reason = "GlobalAlloc is an unsafe trait; every call is handed on to the system's allocator unchanged"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

/// The system's allocator, counted. A binary installs it:
///
/// ```
/// #[global_allocator]
/// static HEAP: keytide_bench::CountingAllocator = keytide_bench::CountingAllocator;
///
/// let (_, count) = keytide_bench::allocations_of(|| Box::new(7));
/// assert_eq!(count, 1);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAllocator;

/// Each thread counts in one of these, so that two threads that allocate do not share a line of the processor's cache:
/// that would be charged to the subjects that allocate.
static LIVE: [Shard; SHARDS] = [const { Shard(AtomicIsize::new(0)) }; SHARDS];

#[repr(align(128))]
struct Shard(AtomicIsize);

static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// What `work` gives, and how many times it allocated on this thread. Always 0 where [`CountingAllocator`] is not
/// installed.
pub fn allocations_of<R>(work: impl FnOnce() -> R) -> (R, u64) {
    let before = COUNT.get();
    let result = work();
    (result, COUNT.get() - before)
}

/// How many bytes were asked for and not yet given back, over all threads. What the allocator itself adds to each is not
/// counted.
#[must_use]
pub fn live_bytes() -> i64 {
    LIVE.iter()
        .map(|shard| shard.0.load(Ordering::SeqCst) as i64)
        .sum()
}

fn count(grown: isize) {
    let mut shard = SHARD.get();
    if shard == usize::MAX {
        shard = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
        SHARD.set(shard);
    }
    LIVE[shard].0.fetch_add(grown, Ordering::Relaxed);
    if grown > 0 {
        COUNT.set(COUNT.get() + 1);
    }
}

const SHARDS: usize = 64;

// SAFETY: each method calls that of `System` with the same arguments; counting allocates nothing (a const thread local
// without a destructor).
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as above; the block came from `System`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(-layout.size().cast_signed());
        count(size.cast_signed());
        // SAFETY: as above; the block came from `System`.
        unsafe { System.realloc(block, layout, size) }
    }
}
