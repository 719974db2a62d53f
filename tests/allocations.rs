//! A read of a usable credential allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use keytide_core::{
    Agent, AgentIdentity, Error, Issued, Profile, ProvideCredential, Request, Secret,
};

struct Counting;

thread_local! {
    /// Those of this thread: what the library's own thread does meanwhile is not the reader's.
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

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        Ok(Issued::bearer(Secret::from("token".to_owned())).expires_in(Duration::from_secs(3600)))
    }
}

fn main() {
    a_hit_allocates_nothing();
}

fn a_hit_allocates_nothing() {
    let identity = AgentIdentity {
        agent_type: "counted".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    let agent = Agent::builder(identity).build().unwrap();
    let cache = agent.cache(Hour).build().unwrap();
    cache.get_blocking(Duration::from_secs(10)).unwrap();
    let mut handle = cache.handle();
    handle.read(|_| ()).unwrap();
    let mut context = Context::from_waker(Waker::noop());

    let before = ALLOCATIONS.get();
    for _ in 0..2_000_000 {
        cache.read(|_| ()).unwrap();
        handle.read(|_| ()).unwrap();
        drop(cache.try_get().unwrap());
        let Poll::Ready(got) = pin!(cache.get()).poll(&mut context) else {
            panic!("a hit waited")
        };
        drop(got.unwrap());
    }
    let allocated = ALLOCATIONS.get() - before;

    assert_eq!(
        allocated, 0,
        "{allocated} allocations in eight million reads"
    );
    println!("a_hit_allocates_nothing: ok");
}
