//! One call to an issuer, shared by all who wait for it: [`Flight`], and its start: [`Launch`].

use std::fmt;
use std::future::poll_fn;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use super::Shared;
use super::answering::Answering;
use super::resident::FlightCall;
use crate::credential::Credential;
use crate::engine::machine::Demand;
use crate::error::Error;
use crate::event::{EventKind, Trigger};
use crate::home::alarm::Alarm;
use crate::home::gate::{self, Guest, Permit};
use crate::home::{Call, Landing, Load};
use crate::request::Request;
use crate::sync::{AbortHandle, step};
use crate::time::{Boot, Now};
use crate::wakers::Wakers;

/// One call to an issuer. It belongs to its cache, not to a caller.
pub(crate) struct Flight {
    /// Its number in its cache, as the machine knows it.
    number: NonZeroU32,
    pub(crate) trigger: Trigger,
    /// What one origin demands of the credential, where its refusal forced this call.
    demand: Option<Demand>,
    outcome: OnceLock<Outcome>,
    landed: Wakers,
    /// Held for one look or change; never while a provider or a waiter runs.
    control: Mutex<Control>,
}

#[derive(Default)]
struct Control {
    retired: bool,
    abort: Option<AbortHandle>,
    permit: Option<Permit>,
    launched: Option<(Now, std::time::Duration)>,
}

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

impl Flight {
    pub(crate) fn new(number: NonZeroU32, trigger: Trigger, demand: Option<Demand>) -> Self {
        Self {
            number,
            trigger,
            demand,
            outcome: OnceLock::new(),
            landed: Wakers::default(),
            control: Mutex::default(),
        }
    }

    pub(super) fn number(&self) -> NonZeroU32 {
        self.number
    }

    pub(crate) fn demand(&self) -> Option<&Demand> {
        self.demand.as_ref()
    }

    /// Whether its failure says nothing to a reader for `origin`: it asked for what another one demands.
    pub(super) fn asked_for_another(&self, origin: Option<&str>) -> bool {
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
    pub(super) fn is_underway(&self) -> bool {
        self.outcome.get().is_some() || self.launched().is_some()
    }

    /// Waits for the outcome; `None` when the alarm rings first.
    pub(crate) async fn wait(&self, alarm: Option<&Alarm>) -> Option<Outcome> {
        let mut place = self.landed.place();
        poll_fn(|context| {
            place.register(context.waker());
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
        control.retired = true;
        let (abort, permit) = (control.abort.take(), control.permit.take());
        drop(control);
        if let Some(abort) = abort {
            abort.abort();
        }
        drop(permit);
        self.resolve(Outcome::Void);
    }

    /// Gives its place at the issuer on.
    pub(crate) fn release_permit(&self) {
        let permit = self.control().permit.take();
        drop(permit);
    }

    pub(crate) fn set_abort(&self, abort: AbortHandle) {
        let mut control = self.control();
        if control.retired {
            drop(control);
            abort.abort();
        } else {
            control.abort = Some(abort);
        }
    }

    /// When it was sent, and how long it may take; `None` while it waits for a place at its issuer.
    pub(super) fn launched(&self) -> Option<(Now, std::time::Duration)> {
        self.control().launched
    }

    /// It begins later than it was launched: its limit counts from now.
    pub(super) fn put_off(&self, now: Now) {
        if let Some((sent, _)) = &mut self.control().launched {
            *sent = now;
        }
    }

    fn set_launched(&self, permit: Option<Permit>, now: Now, limit: std::time::Duration) -> bool {
        let mut control = self.control();
        if control.retired {
            drop(control);
            drop(permit);
            return false;
        }
        control.permit = permit;
        control.launched = Some((now, limit));
        true
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The start of a flight, made under the cache's lock and run outside it.
#[must_use]
pub(crate) struct Launch {
    flight: Arc<Flight>,
    cache: Weak<Shared>,
    urgency: Boot,
    /// Whether the provider may be polled here, by the reader who waits.
    in_reader: bool,
}

impl Launch {
    pub(crate) fn new(shared: &Arc<Shared>, flight: &Arc<Flight>, urgency: Boot) -> Self {
        Self {
            flight: Arc::clone(flight),
            cache: Arc::downgrade(shared),
            urgency,
            in_reader: false,
        }
    }

    /// Goes as soon as the issuer has room. `by_reader`: a reader waits here, and may poll the provider first.
    pub(crate) fn enter(mut self, by_reader: bool) {
        let Some(shared) = self.cache.upgrade() else {
            return;
        };
        let profile = shared.context.profile();
        let limit = shared.options.issuer_limit;
        drop(shared);
        let in_reader = by_reader && profile.answers_at_once;
        let Some(issuer) = profile.issuer.clone() else {
            self.in_reader = in_reader;
            return self.start(None);
        };
        let urgency = self.urgency;
        if let Some((mut launch, permit)) = gate::enter(&issuer, limit, urgency, self) {
            launch.in_reader = in_reader;
            launch.start(Some(permit));
        }
    }

    /// Asks the provider.
    fn start(self, permit: Option<Permit>) {
        let Some(shared) = self.cache.upgrade() else {
            return;
        };
        // Before the flight may be found retired: who waits for the end of all calls sees this one, or it does not start.
        let ticket = shared.agent.homes.ticket();
        let now = shared.context.clock.now();
        let limit = shared.flight_limit(now);
        if !self.flight.set_launched(permit, now, limit) {
            return;
        }
        let home = match shared.agent.homes.of_call(Some(shared.id)) {
            Ok(home) => home,
            Err(error) => return shared.finish(&self.flight, None, Err(error)),
        };
        let trigger = self.flight.trigger;
        shared
            .context
            .emit(shared.principal().as_ref(), EventKind::Started { trigger });
        let request = Arc::new(self.request(&shared, now));
        let asked = Arc::clone(&request);
        let Some(provider) = shared.provider() else {
            return;
        };
        let mut answering = Answering::new(async move { provider.provide(&asked).await });
        if self.in_reader {
            // What the provider opens lives in the home's runtime, whoever polls it first.
            let polled = {
                let _inside = home.handle().enter();
                answering.poll(&mut Context::from_waker(Waker::noop()))
            };
            if let Poll::Ready(result) = polled {
                return shared.finish(&self.flight, Some(&request), result);
            }
        }
        let call = Arc::new(FlightCall {
            flight: self.flight,
            cache: self.cache,
            number: shared.id,
            context: Arc::clone(&request.context),
        });
        let landed = Arc::clone(&call);
        let work = Box::pin(async move {
            let result = poll_fn(|context| answering.poll(context)).await;
            Box::new(move || landed.land(Some(&request), result)) as Landing
        });
        let call: Arc<dyn Call> = call;
        let agent = Arc::clone(&shared.agent);
        drop(shared);
        agent
            .homes
            .carry(home, &call, Load::new(work, ticket), limit);
    }

    fn request(&self, shared: &Shared, now: Now) -> Request {
        let demand = self.flight.demand();
        Request::new(
            Arc::clone(&shared.context),
            self.flight.trigger,
            now,
            shared.skew(),
            demand.map(|demand| Arc::clone(&demand.claims)),
            self.cache.clone(),
        )
    }
}

impl Guest for Launch {
    fn is_wanted(&self) -> bool {
        self.flight.outcome.get().is_none() && self.cache.strong_count() > 0
    }

    fn go(self: Box<Self>, permit: Permit) {
        self.start(Some(permit));
    }
}
