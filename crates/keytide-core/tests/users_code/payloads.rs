//! What a panic leaves behind, which is dropped by whoever caught it.

use std::panic::panic_any;

use keytide_core::Event;

use super::*;

/// Panics with what springs when it is dropped.
fn panics(trap: &Arc<Trap>) {
    if trap.armed.load(Ordering::Acquire) {
        panic_any(Dropped(Arc::clone(trap)));
    }
}

pub(crate) fn provider(given: &Given) -> Option<Cache> {
    let cache = given.cache_by(|call, trap| {
        if call == 1 {
            panics(&trap);
        }
        Ok(token(call))
    });
    given.trap.arm(&cache);
    let got = block(cache.need().lasting(Duration::ZERO).get());
    if !given.trap.does.ends_the_cache() {
        assert_eq!(got.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    Some(cache)
}

pub(crate) fn observer(given: &Given) -> Option<Cache> {
    let trap = Arc::clone(&given.trap);
    let agent = Agent::builder(given.agent.identity().clone())
        .observe(move |_: &Event| panics(&trap))
        .build()
        .unwrap();
    let (provider, _) = ScriptedProvider::new(Answer::token(HOUR));
    let cache = agent.cache(provider).build().unwrap();
    given.trap.arm(&cache);
    let _ = block(cache.get());
    eventually("the payload is dropped", || given.trap.is_sprung());
    Some(cache)
}

/// Panics when it is woken.
struct Panics(Arc<Trap>);

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panics(&self.0);
    }
}

pub(crate) fn waker(given: &Given) -> Option<Cache> {
    wakers::get_by(
        given,
        Waker::from(Arc::new(Panics(Arc::clone(&given.trap)))),
    )
}
