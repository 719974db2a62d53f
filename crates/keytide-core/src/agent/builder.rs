//! How an agent is told who it is and who watches: [`AgentBuilder`].

use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::Agent;
use crate::context::Actor;
use crate::engine::household::Household;
use crate::error::Error;
use crate::event::{Observe, Sink};
use crate::home::Homes;
use crate::identity::{AgentIdentity, Labels};
use crate::sys::chance::{Chance, Draw};
use crate::sys::clock::{AgentClock, Clock};

/// Builds an [`Agent`]. Building contacts nobody, needs no runtime and starts nothing.
#[must_use]
pub struct AgentBuilder {
    identity: AgentIdentity,
    labels: Labels,
    observers: Vec<(Box<dyn Observe>, bool)>,
    queue: usize,
    runtime: Option<Handle>,
    clock: AgentClock,
    chance: Chance,
}

impl AgentBuilder {
    pub(super) fn new(identity: AgentIdentity) -> Self {
        Self {
            identity,
            labels: Labels::default(),
            observers: Vec::new(),
            queue: 1024,
            runtime: None,
            clock: AgentClock::System,
            chance: Chance::System,
        }
    }

    /// Adds a label, such as `data-class`, or replaces the one of that name. Events and requests to providers carry it. At most
    /// 32, under the rule of the [names](AgentIdentity). Defaults to none.
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.set(name.into(), value.into());
        self
    }

    /// Tells an observer of all that happens but single uses, on a thread that serves the observers of all agents until one
    /// of them blocks: see [`Observe`]. Defaults to none.
    pub fn observe(mut self, observer: impl Observe) -> Self {
        self.observers.push((Box::new(observer), false));
        self
    }

    /// Tells an observer of all that happens, of each single use too: an event for every request that is sent with a
    /// credential. Give it a [`queue`](Self::observer_queue) for the bursts of its agent; what does not fit is counted.
    /// Defaults to none: then uses are counted, and told once a generation.
    pub fn observe_uses(mut self, observer: impl Observe) -> Self {
        self.observers.push((Box::new(observer), true));
        self
    }

    /// How many events an observer may be behind before the newest are dropped and counted, 1 to 1,000,000. Defaults
    /// to 1024.
    ///
    /// They may hold 1 KiB each on the average, 64 KiB together at least and 64 MiB at most: what is beyond that is dropped
    /// and counted as well. An event without a long text holds about 300 bytes. What tells of an end has places beside
    /// these: 1024 for caches that were revoked and credentials that expired, one for the agent's end.
    pub fn observer_queue(mut self, events: usize) -> Self {
        self.queue = events;
        self
    }

    /// Has flights polled on this runtime instead of the library's own thread. Its timers must be enabled. A runtime
    /// that ends, or is not polled for about a second, is given up for the library's thread. Defaults to none.
    pub fn runtime(mut self, home: Handle) -> Self {
        self.runtime = Some(home);
        self
    }

    /// Lives by this clock instead of the system's. Needs [`runtime`](Self::runtime): the timers of that runtime must
    /// go with the clock. Reads cost more under it. Defaults to the system's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = AgentClock::injected(clock);
        self
    }

    /// Draws what is left to chance from here instead of the system: for simulations that are to be had again. Two agents
    /// of one process must not draw the same instance id. Defaults to the system's chance.
    pub fn chance(mut self, chance: impl Draw) -> Self {
        self.chance = Chance::injected(chance);
        self
    }

    /// Builds the agent, with an instance id of its own.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when a name, a label or the queue is out of its range, or a
    /// clock was given without a runtime.
    pub fn build(self) -> Result<Agent, Error> {
        self.identity.check()?;
        self.labels.check()?;
        if self.queue == 0 || self.queue > MOST_EVENTS {
            let message = format!(
                "an observer's queue must be 1 to {MOST_EVENTS} events, not {}",
                self.queue
            );
            return Err(Error::invalid(message));
        }
        if !self.clock.is_system() && self.runtime.is_none() {
            return Err(Error::invalid(
                "a clock needs a runtime whose timers go with it: name one with runtime()",
            ));
        }
        let sink = Sink::new(self.observers, self.queue);
        let actor = Arc::new(Actor::new(
            self.identity,
            self.labels,
            self.clock.clone(),
            self.chance,
            sink,
        ));
        Ok(Agent {
            inner: Arc::new(Household::new(actor, Homes::new(self.runtime, self.clock))),
        })
    }
}

impl fmt::Debug for AgentBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentBuilder")
            .field("identity", &self.identity)
            .field("observers", &self.observers.len())
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

const MOST_EVENTS: usize = 1_000_000;
