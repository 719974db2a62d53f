//! The start of a flight: [`Launch`].

use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use super::answering::Answering;
use super::flight::Flight;
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
        !self.flight.is_over() && self.cache.strong_count() > 0
    }

    fn go(self: Box<Self>, permit: Permit) {
        self.start(Some(permit));
    }
}
