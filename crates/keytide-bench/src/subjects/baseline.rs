//! What the machine allows: the least that keeps a credential fresh behind its readers' backs. No product: it has no
//! revocation, no identity, no judgement of answers, no care for suspends, steps of the clock or runtimes that end.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwapOption;
use http::HeaderValue;
use tokio::sync::Notify;

use super::names;
use crate::contend::{Contend, bearer};
use crate::entrant::{Entrant, Info, Role};
use crate::issuer::FakeIssuer;
use crate::running::Failure;
use crate::time::coarse_wall;

/// The baseline, as an entrant.
pub(crate) fn baseline() -> Entrant {
    let info = Info::new(names::BASELINE, "", Role::Floor)
        .ahead(MARGIN_S, 0)
        .setup("about 100 lines here: an ArcSwap, the coarse clock, one detached task for each refresh, a ready header")
        .path("read().await, owned");
    Entrant::of::<Floor>(info)
}

struct Floor {
    shared: Arc<Shared>,
}

struct Shared {
    slot: ArcSwapOption<Held>,
    /// Held to start, join or end a flight; never across an await.
    flight: Mutex<Option<Arc<Flight>>>,
    not_before: AtomicI64,
    issuer: FakeIssuer,
}

struct Held {
    header: HeaderValue,
    refresh: i64,
    ends: i64,
}

#[derive(Default)]
struct Flight {
    landed: Notify,
    failure: OnceLock<Failure>,
}

impl Contend for Floor {
    type Read = Arc<Held>;

    fn start(issuer: &FakeIssuer) -> Result<Self, Failure> {
        Ok(Self {
            shared: Arc::new(Shared {
                slot: ArcSwapOption::empty(),
                flight: Mutex::new(None),
                not_before: AtomicI64::new(0),
                issuer: issuer.clone(),
            }),
        })
    }

    fn beside(&self, issuer: &FakeIssuer) -> Result<Self, Failure> {
        Self::start(issuer)
    }

    async fn read(&self) -> Result<Arc<Held>, Failure> {
        let now = coarse_wall();
        {
            let held = self.shared.slot.load();
            if let Some(held) = &*held {
                if now < held.refresh {
                    return Ok(Arc::clone(held));
                }
                if now < held.ends {
                    if now >= self.shared.not_before.load(Ordering::Relaxed) {
                        drop(self.shared.flight());
                    }
                    return Ok(Arc::clone(held));
                }
            }
        }
        self.wait(now).await
    }

    fn header(held: &Arc<Held>) -> Option<HeaderValue> {
        Some(held.header.clone())
    }
}

impl Floor {
    #[cold]
    async fn wait(&self, now: i64) -> Result<Arc<Held>, Failure> {
        let flight = self.shared.flight();
        let landed = flight.landed.notified();
        // What landed between the look and the flight's start is there already.
        if let Some(held) = self.shared.slot.load_full().filter(|held| now < held.ends) {
            return Ok(held);
        }
        if flight.failure.get().is_none() {
            landed.await;
        }
        if let Some(failure) = flight.failure.get() {
            return Err(failure.clone());
        }
        self.shared
            .slot
            .load_full()
            .ok_or_else(|| Failure::of("landed without a credential"))
    }
}

impl Shared {
    /// The flight that is under way, or a new one.
    fn flight(self: &Arc<Self>) -> Arc<Flight> {
        let mut current = self.current();
        if let Some(flight) = &*current {
            return Arc::clone(flight);
        }
        let flight = Arc::new(Flight::default());
        *current = Some(Arc::clone(&flight));
        drop(current);
        tokio::spawn(Arc::clone(self).fly(Arc::clone(&flight)));
        flight
    }

    async fn fly(self: Arc<Self>, flight: Arc<Flight>) {
        match self.issuer.issue().await {
            Ok(granted) => {
                let life = granted.lifetime.as_nanos() as i64;
                let ends = coarse_wall().saturating_add(life);
                let margin = MARGIN_S as i64 * SECOND;
                let margin = if life > margin { margin } else { life / 2 };
                let header = bearer(&granted.token).expect("a token of letters");
                self.slot.store(Some(Arc::new(Held {
                    header,
                    refresh: ends - margin,
                    ends,
                })));
            }
            Err(denied) => {
                let _ = flight.failure.set(Failure::debug(denied));
                self.not_before
                    .store(coarse_wall() + SECOND, Ordering::Relaxed);
            }
        }
        *self.current() = None;
        flight.landed.notify_waiters();
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Flight>>> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const MARGIN_S: u64 = 10;
const SECOND: i64 = 1_000_000_000;
