//! A cache as its home knows it: whose timers it keeps, and whose calls it carries.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::answering::Answered;
use super::flight::{Flight, Landed};
use super::shared::Shared;
use crate::context::Context;
use crate::error::Error;
use crate::event::EventKind;
use crate::home::{Call, Resident};
use crate::identity::InstanceId;
use crate::provider::request::Learned;
use crate::sync::{self, AbortHandle};
use crate::sys::time::Now;

impl Resident for Shared {
    fn agent(&self) -> InstanceId {
        self.context.instance
    }

    fn due(self: Arc<Self>, now: Now) {
        self.on_timer(now);
    }

    fn rehome(self: Arc<Self>) {
        Self::rehome(&self);
    }

    fn stepped(self: Arc<Self>, now: Now) {
        self.clock_stepped(now);
    }

    fn tell_step(&self, by: Duration, backward: bool) {
        let stepped = EventKind::ClockStepped { by, backward };
        self.context.actor.emit(None, "", None, stepped);
    }

    fn home_blocked(&self, by: Option<&'static str>) {
        self.context
            .actor
            .emit(None, "", None, EventKind::Blocked { by });
    }
}

/// A flight that a home carries.
pub(crate) struct FlightCall {
    pub(crate) flight: Arc<Flight>,
    pub(crate) cache: Weak<Shared>,
    pub(crate) number: u32,
    pub(crate) context: Arc<Context>,
}

impl FlightCall {
    pub(crate) fn land(&self, (result, learned): Answered) {
        if let Some(shared) = self.cache.upgrade() {
            let sent = self.flight.answered();
            let landed = Landed {
                flight: &self.flight,
                sent,
                learned,
                profile: None,
                at_once: false,
            };
            // By now it may be the last reference to what was issued.
            sync::discard(shared.land(landed, result));
        }
    }
}

impl Call for FlightCall {
    fn agent(&self) -> InstanceId {
        self.context.instance
    }

    fn cache(&self) -> Option<u32> {
        (self.cache.strong_count() > 0).then_some(self.number)
    }

    fn name(&self) -> &'static str {
        self.context.provider_name()
    }

    fn carried(&self, by: AbortHandle) {
        self.flight.set_abort(by);
    }

    fn fail(&self, error: Error) {
        self.land((Err(error), Learned::default()));
    }

    fn moved(&self, blocked_by: Option<&'static str>) {
        self.flight.put_off(self.context.clock.now());
        if let Some(shared) = self.cache.upgrade() {
            let principal = shared.principal();
            let moved = EventKind::Orphaned { blocked_by };
            self.context.emit(principal.as_ref(), moved);
        }
    }

    fn orphan(&self, blocked_by: Option<&'static str>, paced: bool) {
        if let Some(shared) = self.cache.upgrade() {
            shared.orphan(&self.flight, blocked_by, paced);
        }
    }

    fn home_blocked(&self, by: Option<&'static str>) {
        self.context
            .actor
            .emit(None, "", None, EventKind::Blocked { by });
    }
}
