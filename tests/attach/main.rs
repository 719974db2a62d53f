//! Attaching a credential allocates nothing over a fixed header, and what is kept for a retry little.

mod client;
mod layer;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use keytide_core::{Agent, AgentIdentity, Cache, Error, Issued, Profile, ProvideCredential};

struct Counting;

thread_local! {
    /// Those of this thread: what the library's own thread does meanwhile is not the request's.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator cannot be had without it")]
// SAFETY: passes every call on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

struct Hour;

impl ProvideCredential for Hour {
    fn profile(&self) -> Profile {
        Profile::bearer("hour")
    }

    async fn provide(&self, _: &keytide_core::Request) -> Result<Issued, Error> {
        Ok(Issued::bearer("token".to_owned()).expires_in(Duration::from_secs(3600)))
    }
}

fn main() {
    let cache = cache();
    layer::attaching_allocates_nothing_over_a_fixed_header(&cache);
    layer::what_is_kept_for_a_retry_takes_two_allocations(&cache);
    client::attaching_allocates_nothing_over_a_fixed_header(&cache);
    client::what_is_kept_for_a_retry_takes_an_allocation_for_headers_and_none_for_a_body(&cache);
}

/// The allocations of so many rounds, once what is made for the first one is made.
fn counted(mut work: impl FnMut()) -> u64 {
    work();
    let before = allocations();
    for _ in 0..ROUNDS {
        work();
    }
    allocations() - before
}

/// The allocations of this thread until now.
fn allocations() -> u64 {
    ALLOCATIONS.get()
}

fn cache() -> Cache {
    let identity = AgentIdentity {
        agent_type: "counted".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    let agent = Agent::builder(identity).build().unwrap();
    let cache = agent.cache(Hour).build().unwrap();
    cache.get_blocking(Duration::from_secs(10)).unwrap();
    cache
}

const ROUNDS: u64 = 1000;
const NAMES: [&str; 20] = [
    "x-a", "x-b", "x-c", "x-d", "x-e", "x-f", "x-g", "x-h", "x-i", "x-j", "x-k", "x-l", "x-m",
    "x-n", "x-o", "x-p", "x-q", "x-r", "x-s", "x-t",
];
