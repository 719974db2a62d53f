//! The start of a flight: [`Launch`].

use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::answering::{Answered, Answering};
use super::flight::{Flight, Landed, Outcome};
use super::machine::Begin;
use super::resident::FlightCall;
use super::shared::Shared;
use crate::event::EventKind;
use crate::home::issuer_limit::{self, Guest, Permit};
use crate::home::{Call, Home, Landing, Load, UnderWay};
use crate::profile::Profile;
use crate::provider::request::{Learned, Request};
use crate::sync::slot::Peeked;
use crate::sys::time::{Boot, Now};

/// The start of a flight, made under the cache's lock and run outside it.
#[must_use]
pub(crate) struct Launch {
    flight: Arc<Flight>,
    /// Whose calls are bounded together.
    issuer: Option<Arc<str>>,
    /// Whether its provider may be polled first by a reader.
    answers_at_once: bool,
    /// Of one that need not wait for a place.
    profile: Option<Peeked<Profile>>,
    urgency: Boot,
    /// As of the decision to ask: for a call that is sent at once.
    terms: Terms,
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

/// What became of a flight that was launched.
pub(crate) enum Launched {
    /// It was answered at once, and is over.
    Landed(Arc<Flight>, Outcome),
    UnderWay(Arc<Flight>),
}

/// How a call begins.
struct Start {
    permit: Option<Permit>,
    now: Now,
    /// Its flight says so already.
    is_told: bool,
    in_reader: bool,
}

impl Launch {
    /// A flight that begins now. One that need not wait for a place counts as launched from now on.
    pub(super) fn new(shared: &Shared, begin: Begin, now: Now) -> Self {
        let profile = shared.context.peek_profile();
        let issuer = profile.issuer.clone();
        let launched = issuer.is_none().then_some((now, begin.limit));
        let flight = Flight::new(begin.number, begin.trigger, begin.demand, launched);
        Self {
            flight: Arc::new(flight),
            answers_at_once: profile.answers_at_once,
            profile: issuer.is_none().then_some(profile),
            issuer,
            urgency: begin.urgency,
            terms: Terms {
                limit: begin.limit,
                skew: begin.skew,
            },
        }
    }

    pub(super) fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }

    /// Goes as soon as the issuer has room.
    pub(super) fn enter(self, shared: &Arc<Shared>, by: By) -> Launched {
        let (in_reader, decided) = match by {
            By::Reader(decided) => (self.answers_at_once, decided),
            By::Decision => (false, None),
        };
        let Some(issuer) = self.issuer.clone() else {
            let start = Start {
                permit: None,
                now: decided.unwrap_or_else(|| shared.context.clock.now()),
                is_told: decided.is_some(),
                in_reader,
            };
            return self.start(shared, start);
        };
        let flight = Arc::clone(&self.flight);
        let (limit, urgency) = (shared.options.issuer_limit, self.urgency);
        let waiting = Waiting {
            launch: self,
            cache: Arc::downgrade(shared),
        };
        let Some((Waiting { launch, .. }, permit)) =
            issuer_limit::enter(&issuer, limit, urgency, waiting)
        else {
            return Launched::UnderWay(flight);
        };
        let start = Start {
            permit: Some(permit),
            now: decided.unwrap_or_else(|| shared.context.clock.now()),
            is_told: false,
            in_reader,
        };
        launch.start(shared, start)
    }

    /// Asks the provider.
    fn start(self, shared: &Arc<Shared>, start: Start) -> Launched {
        let Start { permit, now, .. } = start;
        let homes = &shared.agent.homes;
        // Before the flight may be found retired: who waits for the end of all calls sees this one, or it does not start.
        let under_way = homes.under_way();
        let goes = if start.is_told {
            !self.flight.is_retired()
        } else {
            self.flight.set_launched(permit, (now, self.terms.limit))
        };
        if !goes {
            return Launched::UnderWay(self.flight);
        }
        let home = match homes.of_call(Some(shared.id)) {
            Ok(home) => home,
            Err(error) => {
                let answered = (Err(error), Learned::default());
                return self.land(shared, answered, now);
            }
        };
        if shared.context.is_observed() {
            let trigger = self.flight.trigger;
            let started = EventKind::Started { trigger };
            shared.context.emit(shared.principal().as_ref(), started);
        }
        let Some(mut answering) = self.ask(shared, now) else {
            return Launched::UnderWay(self.flight);
        };
        if start.in_reader {
            // What the provider opens lives in the home's runtime, whoever polls it first.
            let polled = {
                let _inside = home.handle().enter();
                answering.poll(&mut Context::from_waker(Waker::noop()))
            };
            if let Poll::Ready(answered) = polled {
                return self.land(shared, answered, now);
            }
        }
        self.carry(shared, home.into_owned(), answering, under_way)
    }

    fn ask(&self, shared: &Arc<Shared>, now: Now) -> Option<Answering> {
        let demand = self.flight.demand();
        let request = Request::new(
            Arc::clone(&shared.context),
            self.flight.trigger,
            now,
            self.terms.skew,
            demand.map(|demand| Arc::clone(&demand.claims)),
            shared.weak(),
        );
        let provider = shared.provider()?;
        Some(Answering::new(provider.ask(request)))
    }

    /// It was answered where it was launched.
    fn land(self, shared: &Arc<Shared>, (result, learned): Answered, sent: Now) -> Launched {
        if self.issuer.is_some() {
            self.flight.answered();
        }
        let landed = Landed {
            flight: &self.flight,
            sent: Some(sent),
            learned,
            profile: self.profile.as_deref(),
            at_once: true,
        };
        match shared.land(landed, result) {
            Some(outcome) => Launched::Landed(self.flight, outcome),
            None => Launched::UnderWay(self.flight),
        }
    }

    /// Has the home poll the provider.
    fn carry(
        self,
        shared: &Arc<Shared>,
        home: Arc<Home>,
        mut answering: Answering,
        under_way: UnderWay<'_>,
    ) -> Launched {
        let call = Arc::new(FlightCall {
            flight: Arc::clone(&self.flight),
            cache: shared.weak(),
            number: shared.id,
            context: Arc::clone(&shared.context),
        });
        let landed = Arc::clone(&call);
        let work = Box::pin(async move {
            let answered = poll_fn(|context| answering.poll(context)).await;
            Box::new(move || landed.land(answered)) as Landing
        });
        let call: Arc<dyn Call> = call;
        let load = Load::new(work, under_way.ticket());
        let homes = &shared.agent.homes;
        homes.carry(home, &call, load, self.terms.limit);
        Launched::UnderWay(self.flight)
    }
}

/// A launch that waits for a place at its issuer. It keeps no cache alive.
struct Waiting {
    launch: Launch,
    cache: Weak<Shared>,
}

impl Guest for Waiting {
    fn is_wanted(&self) -> bool {
        !self.launch.flight.is_over() && self.cache.strong_count() > 0
    }

    /// It waited: what it was decided by has changed.
    fn go(self: Box<Self>, permit: Permit) {
        let Self { mut launch, cache } = *self;
        let Some(shared) = cache.upgrade() else {
            return;
        };
        let now = shared.context.clock.now();
        let (limit, skew) = shared.terms_of_call(now);
        launch.terms = Terms { limit, skew };
        let start = Start {
            permit: Some(permit),
            now,
            is_told: false,
            in_reader: false,
        };
        let _ = launch.start(&shared, start);
    }
}
