//! The start of a flight: [`Launch`].

use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::answering::Answering;
use super::flight::Flight;
use super::machine::Begin;
use super::resident::FlightCall;
use super::shared::Shared;
use crate::event::EventKind;
use crate::home::gate::{self, Guest, Permit};
use crate::home::{Call, Landing, Load};
use crate::provider::request::Request;
use crate::sys::time::{Boot, Now};

/// The start of a flight, made under the cache's lock and run outside it.
#[must_use]
pub(crate) struct Launch {
    flight: Arc<Flight>,
    cache: Weak<Shared>,
    urgency: Boot,
    /// As of the decision to ask: for a call that is sent at once.
    terms: Terms,
    /// Whether the provider may be polled here, by the reader who waits.
    in_reader: bool,
}

/// What a call is made by.
#[derive(Clone, Copy)]
struct Terms {
    limit: Duration,
    skew: i64,
}

/// Who has a flight launched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// A reader that waits, and may poll the provider first. It decided at this instant, and no code of a user's ran since.
    Reader(Option<Now>),
    /// What nobody waits for.
    Decision,
}

impl Launch {
    pub(crate) fn new(shared: &Arc<Shared>, flight: &Arc<Flight>, begin: &Begin) -> Self {
        Self {
            flight: Arc::clone(flight),
            cache: Arc::downgrade(shared),
            urgency: begin.urgency,
            terms: Terms {
                limit: begin.limit,
                skew: begin.skew,
            },
            in_reader: false,
        }
    }

    /// Goes as soon as the issuer has room.
    pub(crate) fn enter(mut self, by: By) {
        let Some(shared) = self.cache.upgrade() else {
            return;
        };
        let profile = shared.context.profile();
        let (in_reader, decided) = match by {
            By::Reader(decided) => (profile.answers_at_once, decided),
            By::Decision => (false, None),
        };
        let permit = match &profile.issuer {
            None => None,
            Some(issuer) => {
                let (limit, urgency) = (shared.options.issuer_limit, self.urgency);
                let Some((launch, permit)) = gate::enter(issuer, limit, urgency, self) else {
                    return;
                };
                self = launch;
                Some(permit)
            }
        };
        self.in_reader = in_reader;
        let now = decided.unwrap_or_else(|| shared.context.clock.now());
        self.start(shared, permit, now);
    }

    /// Asks the provider.
    fn start(self, shared: Arc<Shared>, permit: Option<Permit>, now: Now) {
        // Before the flight may be found retired: who waits for the end of all calls sees this one, or it does not start.
        let ticket = shared.agent.homes.ticket();
        let limit = self.terms.limit;
        if !self.flight.set_launched(permit, now, limit) {
            return;
        }
        let home = match shared.agent.homes.of_call(Some(shared.id)) {
            Ok(home) => home.into_owned(),
            Err(error) => return shared.finish(&self.flight, None, Err(error)),
        };
        let trigger = self.flight.trigger;
        if shared.context.is_observed() {
            let started = EventKind::Started { trigger };
            shared.context.emit(shared.principal().as_ref(), started);
        }
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
            self.terms.skew,
            demand.map(|demand| Arc::clone(&demand.claims)),
            self.cache.clone(),
        )
    }
}

impl Guest for Launch {
    fn is_wanted(&self) -> bool {
        !self.flight.is_over() && self.cache.strong_count() > 0
    }

    /// It waited: what it was decided by has changed.
    fn go(mut self: Box<Self>, permit: Permit) {
        let Some(shared) = self.cache.upgrade() else {
            return;
        };
        let now = shared.context.clock.now();
        let (limit, skew) = shared.terms_of_call(now);
        self.terms = Terms { limit, skew };
        self.start(shared, Some(permit), now);
    }
}
