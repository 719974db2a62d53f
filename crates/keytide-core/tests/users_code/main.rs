//! Every place where the engine runs code of a user, with code that does what it must not. The table is in `places`.
//!
//! A process of its own: what blocks here holds threads that all agents share.

mod clocks;
mod conversions;
mod drops;
mod kit;
mod payloads;
mod places;
mod providers;
mod wakers;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use keytide_core::{
    Agent, Cache, Error, ErrorKind, Issued, Profile, ProvideCredential, Reason, Request,
};
use keytide_testkit::{Answer, ScriptedProvider};

use self::kit::*;

/// Springs when it is dropped.
struct Dropped(Arc<Trap>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.spring();
    }
}

/// The same, without a face.
struct Hidden(#[expect(dead_code, reason = "dropped with it")] Dropped);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}

/// What an agent was built with is dropped where the last of it ends: that of a call which hangs is at home.
fn goes_with_its_agent(given: &Given, build: impl FnOnce(Hidden) -> Agent) -> Option<Cache> {
    let agent = build(Hidden(Dropped(Arc::clone(&given.trap))));
    let (provider, script) = ScriptedProvider::new(Answer::hang());
    let hangs = agent.cache(provider).build().unwrap();
    let _ = hangs.try_get();
    eventually("the call is under way", || script.running() == 1);
    let (other, _) = given.scripted(Answer::token(HOUR));
    given.trap.arm(&other);
    drop((hangs, agent));
    eventually("it is dropped", || given.trap.is_sprung());
    Some(other)
}
