//! keytide's own reads.

use std::hint::black_box;
use std::time::Duration;

use keytide_core::{Agent, AgentBuilder, AgentIdentity, Cache, Error};

use super::names;
use crate::issuer::{Answer, FakeIssuer};
use crate::subject::{Subject, subject};
use crate::threads::poll_once;

/// An agent with one cache that holds a credential of an hour.
#[derive(Debug)]
pub struct Loaded {
    /// The agent.
    pub agent: Agent,
    /// Its cache.
    pub cache: Cache,
}

/// An agent to build.
///
/// # Errors
/// None in practice: the identity is a fixed one.
pub fn agent() -> Result<AgentBuilder, Error> {
    let identity = AgentIdentity {
        agent_type: "bench".into(),
        version: "0".into(),
        environment: "bench".into(),
        owner: "benches".into(),
    };
    Ok(Agent::builder(identity))
}

/// Builds an agent and loads one cache.
///
/// # Errors
/// Those of building and of the first load.
pub fn loaded() -> Result<Loaded, Error> {
    let agent = agent()?.build()?;
    let cache = agent.cache(FakeIssuer::new(Answer::AtOnce)).build()?;
    cache.get_blocking(Duration::from_secs(10))?;
    Ok(Loaded { agent, cache })
}

/// `cache.read(…)`: borrowed, synchronous.
pub fn read(cache: &Cache) -> impl Subject {
    subject(names::READ, || {
        let _ = black_box(cache.read(|credential| black_box(credential.generation())));
    })
}

/// `cache.need().lasting(1 ns).read(…)`: always takes the slow path, which `read` takes once a second.
pub fn slow_read(cache: &Cache) -> impl Subject {
    subject(names::SLOW, || {
        let least = black_box(Duration::from_nanos(1));
        let _ = black_box(
            cache
                .need()
                .lasting(least)
                .read(|credential| black_box(credential.generation())),
        );
    })
}

/// `cache.try_get()`: owned, synchronous.
pub fn try_get(cache: &Cache) -> impl Subject {
    subject(names::TRY_GET, || {
        drop(black_box(cache.try_get()));
    })
}

/// `handle.read(…)`: one handle for each thread.
pub fn handle_read(cache: &Cache) -> impl Subject {
    HandleRead { cache }
}

/// `cache.get().await` on a hit: owned.
pub fn get(cache: &Cache) -> impl Subject {
    Get { cache }
}

struct HandleRead<'a> {
    cache: &'a Cache,
}

impl Subject for HandleRead<'_> {
    fn name(&self) -> &str {
        names::HANDLE
    }

    fn read_many(&self, reads: u64) {
        let mut handle = self.cache.handle();
        for _ in 0..reads {
            let _ = black_box(&mut handle).read(|credential| {
                black_box(credential.generation());
            });
        }
    }
}

struct Get<'a> {
    cache: &'a Cache,
}

impl Subject for Get<'_> {
    fn name(&self) -> &str {
        "keytide get().await"
    }

    fn read_many(&self, reads: u64) {
        poll_once(async {
            for _ in 0..reads {
                drop(black_box(self.cache.get().await));
            }
        })
        .expect("a hit does not wait");
    }
}
