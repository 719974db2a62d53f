//! One call to an issuer, shared by all who wait for it: [`Flight`].

use std::fmt;
use std::future::poll_fn;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use super::machine::Demand;
use crate::credential::Credential;
use crate::error::Error;
use crate::event::Trigger;
use crate::home::alarm::Alarm;
use crate::home::issuer_limit::Permit;
use crate::profile::Profile;
use crate::provider::request::Learned;
use crate::sync::wakers::Wakers;
use crate::sync::{AbortHandle, step};
use crate::sync::{Mutex, MutexGuard, lock};
use crate::sys::time::Now;

/// One call to an issuer. It belongs to its cache, not to a caller.
pub(crate) struct Flight {
    /// Its number in its cache, as the machine knows it.
    number: NonZeroU32,
    pub(crate) trigger: Trigger,
    /// What one origin demands of the credential, where its refusal forced this call.
    demand: Option<Demand>,
    outcome: OnceLock<Outcome>,
    landed: Wakers,
    /// Taken out of service. SeqCst, as the count of calls under way: whoever retires a flight and counts then, counts a call
    /// that has not seen it.
    retired: AtomicBool,
    /// Held for one look or change; never while a provider or a waiter runs.
    control: Mutex<Control>,
}

#[derive(Default)]
struct Control {
    abort: Option<AbortHandle>,
    permit: Option<Permit>,
    launched: Option<Launched>,
}

/// When a call was sent, and how long it may take.
pub(crate) type Launched = (Now, Duration);

/// How a flight ended, for all who waited.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// A new generation.
    Issued(Arc<Credential>),
    /// The issuer gave the same credential again.
    Unchanged,
    /// It failed.
    Failed(Error),
    /// It was retired: look again.
    Void,
}

/// A flight that has landed.
pub(crate) struct Landed<'a> {
    pub(crate) flight: &'a Arc<Flight>,
    pub(crate) sent: Option<Now>,
    pub(crate) learned: Learned,
    /// What its provider stated when it was sent, where that was looked up.
    pub(crate) profile: Option<&'a Profile>,
    /// The answer came at once, to who sent it.
    pub(crate) at_once: bool,
}

impl Flight {
    /// `launched`: it is sent as soon as the lock over its cache is released.
    pub(crate) fn new(
        number: NonZeroU32,
        trigger: Trigger,
        demand: Option<Demand>,
        launched: Option<Launched>,
    ) -> Self {
        Self {
            number,
            trigger,
            demand,
            outcome: OnceLock::new(),
            landed: Wakers::default(),
            retired: AtomicBool::new(false),
            control: Mutex::new(Control {
                launched,
                ..Control::default()
            }),
        }
    }

    pub(crate) fn number(&self) -> NonZeroU32 {
        self.number
    }

    pub(crate) fn demand(&self) -> Option<&Demand> {
        self.demand.as_ref()
    }

    /// Whether its failure says nothing to a reader for `origin`: it asked for what another one demands.
    pub(crate) fn asked_for_another(&self, origin: Option<&str>) -> bool {
        self.demand
            .as_ref()
            .is_some_and(|demand| Some(demand.origin.as_ref()) != origin)
    }

    /// Tells all waiters. Only the first outcome counts.
    pub(crate) fn resolve(&self, outcome: Outcome) {
        step();
        if self.outcome.set(outcome).is_ok() {
            step();
            self.landed.wake();
        }
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.outcome.get().cloned()
    }

    /// Whether it has a limit of its own by now, or an outcome.
    pub(crate) fn is_underway(&self) -> bool {
        self.is_over() || self.launched().is_some()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.outcome.get().is_some()
    }

    /// Waits for the outcome; `None` when the alarm rings first.
    pub(crate) async fn wait(&self, alarm: Option<&Alarm>) -> Option<Outcome> {
        // The outcome of a call that was answered at once is there: no place is taken then.
        if let Some(outcome) = self.outcome() {
            return Some(outcome);
        }
        let mut registration = self.landed.registration();
        poll_fn(|context| {
            registration.register(context.waker());
            step();
            if let Some(outcome) = self.outcome() {
                return Poll::Ready(Some(outcome));
            }
            match alarm {
                Some(alarm) => alarm.poll(context.waker()).map(|()| None),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Takes the flight out of service: its future is dropped, its answer ignored, its place given on.
    pub(crate) fn retire(&self) {
        let mut control = self.control();
        // SeqCst: a call that is begun sees this, or is in the count that is taken after it.
        self.retired.store(true, Ordering::SeqCst);
        let (abort, permit) = (control.abort.take(), control.permit.take());
        drop(control);
        if let Some(abort) = abort {
            abort.abort();
        }
        drop(permit);
        self.resolve(Outcome::Void);
    }

    /// It has its answer: gives its place at the issuer on. Returns when it was sent.
    pub(crate) fn answered(&self) -> Option<Now> {
        let mut control = self.control();
        let (permit, launched) = (control.permit.take(), control.launched);
        drop(control);
        drop(permit);
        launched.map(|(sent, _)| sent)
    }

    pub(crate) fn set_abort(&self, abort: AbortHandle) {
        let mut control = self.control();
        if self.is_retired() {
            drop(control);
            abort.abort();
        } else {
            control.abort = Some(abort);
        }
    }

    /// When it was sent, and how long it may take; `None` while it waits for a place at its issuer.
    pub(crate) fn launched(&self) -> Option<Launched> {
        self.control().launched
    }

    /// Whether nobody wants its answer any more.
    pub(crate) fn is_retired(&self) -> bool {
        // SeqCst, as the count of calls before it.
        self.retired.load(Ordering::SeqCst)
    }

    /// It begins later than it was launched: its limit counts from now.
    pub(crate) fn put_off(&self, now: Now) {
        if let Some((sent, _)) = &mut self.control().launched {
            *sent = now;
        }
    }

    pub(crate) fn set_launched(&self, permit: Option<Permit>, launched: Launched) -> bool {
        let mut control = self.control();
        if self.is_retired() {
            drop(control);
            drop(permit);
            return false;
        }
        control.permit = permit;
        control.launched = Some(launched);
        true
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        lock(&self.control)
    }
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight")
            .field("number", &self.number)
            .field("trigger", &self.trigger)
            .finish_non_exhaustive()
    }
}
