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
use crate::cache::{Flight, Shared};
use crate::context::Actor;
use crate::error::Error;
use crate::issued::Issued;
use crate::provider::Answer;
use crate::request::Request;
use crate::sync::sleep;
use crate::sys;
use crate::wakers::Wakers;

/// The flights that run on one home.
#[derive(Default)]
pub(super) struct Flights {
    /// Held for one look or change; never while a provider is polled.
    running: Mutex<HashMap<u64, Running>>,
    /// The flight whose provider is being polled, and since when. Meaningful on a home with one thread.
    polled: Mutex<Option<(u64, Instant)>>,
    /// Told whenever a flight is over.
    landed: Wakers,
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
        let mut running = lock(&self.flights.running);
        let late = |flight: &Running| now.duration_since(flight.started) > flight.limit + BLOCKED;
        let overdue: Vec<_> = if self.clock.is_system() {
            running.extract_if(|_, flight| late(flight)).collect()
        } else {
            Vec::new()
        };
        let any = !running.is_empty();
        drop(running);
        for (
            _,
            Running {
                cache,
                flight,
                limit,
                ..
            },
        ) in overdue
        {
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
        let mut place = self.flights.landed.place();
        poll_fn(|context| {
            place.register(context.waker());
            if !self.runs_any_of(actor) {
                return Poll::Ready(true);
            }
            alarm.poll(context.waker()).map(|()| false)
        })
        .await
    }

    fn runs_any_of(&self, actor: &Actor) -> bool {
        lock(&self.flights.running)
            .values()
            .any(|flight| std::ptr::eq(&*flight.actor, actor))
    }

    /// Nobody polls this home any more, or `blocking` holds its thread: other flights are void and start anew
    /// elsewhere, timers move.
    pub(super) fn retire(self: &Arc<Self>, blocking: Option<u64>) {
        if self.dead.swap(true, std::sync::atomic::Ordering::AcqRel) {
            return;
        }
        self.wake.notify_one();
        let mut running = lock(&self.flights.running);
        let blocking = blocking.and_then(|id| Some((Weak::clone(&running.get(&id)?.cache), id)));
        let kept = blocking.as_ref().map(|(_, id)| *id);
        let orphans: Vec<_> = running
            .extract_if(|id, _| Some(*id) != kept)
            .map(|(_, flight)| flight)
            .collect();
        drop(running);
        // Outside the lock: the last handle of a cache may be this one, and with it its provider goes.
        let blocking = blocking.and_then(|(cache, _)| cache.upgrade());
        let blocked_by = blocking.map(|shared| shared.context.provider_name());
        for Running { cache, flight, .. } in orphans {
            if let Some(shared) = cache.upgrade() {
                shared.orphan(&flight, blocked_by);
            }
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
        let landed = lock(&self.home.flights.running).remove(&self.flight.id());
        drop(landed);
        self.home.flights.landed.wake();
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
