//! Flights that run on a home: polled in a task each, watched from outside, and retired with their home.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::queue::Due;
use super::sentry::Alarm;
use super::{Home, sentry};
use tokio::sync::Notify;

use crate::cache::{Flight, Shared};
use crate::context::Actor;
use crate::error::Error;
use crate::issued::Issued;
use crate::provider::Answer;
use crate::request::Request;
use crate::sync::sleep;
use crate::sys;

/// The flights that run on one home.
#[derive(Default)]
pub(super) struct Flights {
    /// Held for one look or change; never while a provider is polled.
    running: Mutex<HashMap<u64, Running>>,
    /// The flight whose provider is being polled, and since when. Meaningful on a home with one thread.
    polled: Mutex<Option<(u64, Instant)>>,
    /// Told whenever a flight is over.
    landed: Notify,
}

struct Running {
    cache: Weak<Shared>,
    flight: Arc<Flight>,
    actor: Arc<Actor>,
    started: Instant,
    limit: Duration,
}

/// A provider's answer in the making, with the request that it borrows.
pub(crate) struct Answering {
    answer: Option<Answer<'static>>,
}

impl Answering {
    pub(crate) fn new(
        answer: impl Future<Output = Result<Issued, Error>> + Send + 'static,
    ) -> Self {
        Self {
            answer: Some(Box::pin(answer)),
        }
    }

    /// Polls the provider; a panic is an error, and so is one in what the panic leaves behind.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Issued, Error>> {
        let Some(answer) = &mut self.answer else {
            return Poll::Ready(Err(Error::unavailable(
                "the provider was asked after it had answered",
            )));
        };
        let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(result)) => {
                self.discard();
                Poll::Ready(result)
            }
            Err(payload) => {
                let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
                self.discard();
                Poll::Ready(Err(Error::unavailable("the provider panicked")))
            }
        }
    }

    fn discard(&mut self) {
        let answer = self.answer.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(answer)));
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.discard();
    }
}

impl Home {
    /// Polls `answering` on this home until it is done or `limit` has passed, and tells the cache.
    pub(crate) fn fly(
        self: &Arc<Self>,
        flight: &Arc<Flight>,
        cache: Weak<Shared>,
        request: Arc<Request>,
        answering: Answering,
        limit: Duration,
    ) {
        let running = Running {
            cache: Weak::clone(&cache),
            flight: Arc::clone(flight),
            actor: Arc::clone(&request.context.actor),
            started: sys::monotonic(),
            limit,
        };
        lock(&self.flights.running).insert(flight.id(), running);
        let guard = Landing {
            home: Arc::clone(self),
            flight: Arc::clone(flight),
            cache,
        };
        flight.set_abort(self.spawn(async move {
            let result = guard
                .home
                .poll_limited(guard.flight.id(), answering, limit)
                .await;
            guard.land(&request, result);
        }));
        sentry::watch(self);
    }

    async fn poll_limited(
        &self,
        id: u64,
        mut answering: Answering,
        limit: Duration,
    ) -> Result<Issued, Error> {
        let mut slept = pin!(sleep(limit));
        poll_fn(|context| {
            *lock(&self.flights.polled) = Some((id, sys::monotonic()));
            let polled = answering.poll(context);
            *lock(&self.flights.polled) = None;
            if let Poll::Ready(result) = polled {
                return Poll::Ready(result);
            }
            slept.as_mut().poll(context).map(|()| Err(late(limit)))
        })
        .await
    }

    /// Looks whether this home still serves its flights. Returns whether there are any to look after.
    pub(super) fn inspect(self: &Arc<Self>, now: Instant) -> bool {
        if self.is_dead() {
            return self.fail_overdue(now);
        }
        if self.own {
            let blocked = lock(&self.flights.polled)
                .filter(|(_, since)| now.duration_since(*since) > BLOCKED);
            if let Some((id, _)) = blocked {
                self.retire(Some(id));
                return true;
            }
        }
        self.fail_overdue(now)
    }

    /// A flight that its own limit did not end holds its thread: its cache gets the error.
    fn fail_overdue(&self, now: Instant) -> bool {
        let mut overdue = Vec::new();
        let mut running = lock(&self.flights.running);
        if self.clock.is_system() {
            running.retain(|_, flight| {
                let late = now.duration_since(flight.started) > flight.limit + BLOCKED;
                if late {
                    overdue.push((
                        Weak::clone(&flight.cache),
                        Arc::clone(&flight.flight),
                        flight.limit,
                    ));
                }
                !late
            });
        }
        let any = !running.is_empty();
        drop(running);
        for (cache, flight, limit) in overdue {
            if let Some(shared) = cache.upgrade() {
                let name = shared.context.provider_name();
                let error = Error::unavailable(format!(
                    "the provider blocked its thread beyond its limit of {limit:?}"
                ));
                shared.finish(&flight, None, Err(error.named_after(name)));
            }
        }
        any
    }

    /// Waits until no flight of this agent runs here; `false` when the alarm rings first.
    pub(super) async fn settled(&self, actor: &Actor, alarm: &Alarm) -> bool {
        loop {
            let mut landed = pin!(self.flights.landed.notified());
            landed.as_mut().enable();
            if !lock(&self.flights.running)
                .values()
                .any(|flight| std::ptr::eq(&*flight.actor, actor))
            {
                return true;
            }
            let rung = poll_fn(|context| {
                if landed.as_mut().poll(context).is_ready() {
                    return Poll::Ready(false);
                }
                alarm.poll(context.waker()).map(|()| true)
            });
            if rung.await {
                return false;
            }
        }
    }

    /// Nobody polls this home any more, or `blocking` holds its thread: other flights are void and start anew
    /// elsewhere, timers move.
    pub(super) fn retire(self: &Arc<Self>, blocking: Option<u64>) {
        if self.dead.swap(true, std::sync::atomic::Ordering::AcqRel) {
            return;
        }
        self.wake.notify_one();
        let mut orphans = Vec::new();
        let mut blocked_by = None;
        let mut running = lock(&self.flights.running);
        running.retain(|id, flight| {
            let Some(shared) = flight.cache.upgrade() else {
                return false;
            };
            if Some(*id) == blocking {
                blocked_by = Some(shared.context.provider_name());
                return true;
            }
            orphans.push((shared, Arc::clone(&flight.flight)));
            false
        });
        drop(running);
        for (shared, flight) in orphans {
            shared.orphan(&flight, blocked_by);
        }
        for entry in self.queue.take_all() {
            match entry {
                Due::Cache(cache) => {
                    if let Some(shared) = cache.upgrade() {
                        shared.rehome();
                    }
                }
                Due::Alarm(alarm) => alarm.ring(),
            }
        }
    }

    /// The agent of a named home is gone: its driver ends.
    pub(super) fn close(&self) {
        self.dead.store(true, std::sync::atomic::Ordering::Release);
        self.wake.notify_one();
    }
}

/// Lands a flight, or voids it when its task is dropped with its runtime.
struct Landing {
    home: Arc<Home>,
    flight: Arc<Flight>,
    cache: Weak<Shared>,
}

impl Landing {
    fn land(&self, request: &Request, result: Result<Issued, Error>) {
        if let Some(shared) = self.cache.upgrade() {
            shared.finish(&self.flight, Some(request), result);
        }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        lock(&self.home.flights.running).remove(&self.flight.id());
        self.home.flights.landed.notify_waiters();
        if let Some(shared) = self.cache.upgrade() {
            shared.orphan(&self.flight, None);
        }
    }
}

fn late(limit: Duration) -> Error {
    Error::unavailable(format!("the issuer did not answer within {limit:?}"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A poll that takes longer than this holds up every other flight of its thread.
const BLOCKED: Duration = Duration::from_secs(1);
