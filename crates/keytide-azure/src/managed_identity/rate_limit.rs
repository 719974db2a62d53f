//! How often the instance metadata service of a machine is asked, by all caches of this process together.
//!
//! Its documentation allows 20 requests a second and 5 at a time. A call takes its turn before it is sent, as it does at
//! the gate that the cache has for each issuer: nothing is asked twice, and nothing is kept but when the last requests
//! were over.
//!
//! A request counts from its turn until a second after its end, for it arrives at some moment in between. So the service
//! sees no more than its rate, however long a request was on its way.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keytide_core::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

static HOSTS: Mutex<Option<HashMap<String, Arc<Host>>>> = Mutex::new(None);

/// One metadata service.
struct Host {
    /// Who is next: fair, and given back by whoever is dropped while it waits.
    next: Semaphore,
    /// How many are asking.
    asking: Arc<Semaphore>,
    /// When requests were over that still count. Held to look and to note, never across an await.
    over: Mutex<VecDeque<Instant>>,
}

/// The right to ask now. Given back when it is dropped.
#[must_use]
pub(super) struct Turn {
    host: Arc<Host>,
    /// Given back after the end was noted, so that a request always counts.
    _asking: OwnedSemaphorePermit,
}

/// Waits for a turn at this metadata service.
pub(super) async fn turn(origin: &str) -> Result<Turn, Error> {
    let host = Host::at(origin);
    // Never closed.
    let closed = |_| Error::unavailable("the turn at the instance metadata service was called off");
    let next = host.next.acquire().await.map_err(closed)?;
    let asking = Arc::clone(&host.asking)
        .acquire_owned()
        .await
        .map_err(closed)?;
    while let Some(wait) = host.wait(Instant::now()) {
        tokio::time::sleep(wait).await;
    }
    drop(next);
    Ok(Turn {
        host,
        _asking: asking,
    })
}

impl Host {
    fn at(origin: &str) -> Arc<Self> {
        let mut hosts = HOSTS.lock().unwrap_or_else(PoisonError::into_inner);
        let hosts = hosts.get_or_insert_default();
        if let Some(host) = hosts.get(origin) {
            return Arc::clone(host);
        }
        let host = Arc::new(Self {
            next: Semaphore::new(1),
            asking: Arc::new(Semaphore::new(AT_A_TIME)),
            over: Mutex::default(),
        });
        hosts.insert(origin.to_owned(), Arc::clone(&host));
        host
    }

    /// How long to wait before looking again; `None` when one more is within the rate. Never longer than the window,
    /// whatever the clocks of two runtimes make of each other's instants.
    fn wait(&self, now: Instant) -> Option<Duration> {
        // Looked at first: one that ends meanwhile counts twice, not never.
        let others = AT_A_TIME - self.asking.available_permits() - 1;
        let mut over = self.over();
        while over.front().is_some_and(|end| *end + WINDOW <= now) {
            over.pop_front();
        }
        if others + over.len() < IN_A_WINDOW {
            return None;
        }
        let first = over.front()?;
        Some((*first + WINDOW).saturating_duration_since(now).min(WINDOW))
    }

    fn over(&self) -> MutexGuard<'_, VecDeque<Instant>> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.host.over().push_back(Instant::now());
    }
}

/// Requests at a time, and in a second: "Azure Instance Metadata Service", rate limiting, for the managed identity
/// category.
const AT_A_TIME: usize = 5;
const IN_A_WINDOW: usize = 20;
/// A second, and what the timers of two machines may differ by.
const WINDOW: Duration = Duration::from_millis(1010);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn twenty_leave_at_once_and_the_others_at_that_pace() {
        let began = Instant::now();
        let mut when = Vec::new();

        for _ in 0..65 {
            drop(turn("http://pace.test").await.unwrap());
            when.push(began.elapsed());
        }

        assert!(when[19].is_zero());
        for (index, pair) in when.windows(IN_A_WINDOW + 1).enumerate() {
            let took = pair[IN_A_WINDOW] - pair[0];
            assert!(
                took >= Duration::from_secs(1),
                "21 from {index} on within {took:?}"
            );
        }
        assert!(when[64] <= Duration::from_secs(4), "{:?}", when[64]);
    }

    #[tokio::test(start_paused = true)]
    async fn five_ask_at_a_time_and_one_that_is_dropped_makes_room() {
        let mut held = Vec::new();
        for _ in 0..AT_A_TIME {
            held.push(turn("http://room.test").await.unwrap());
        }
        let limit = Duration::from_secs(60);
        assert!(
            tokio::time::timeout(limit, turn("http://room.test"))
                .await
                .is_err()
        );
        assert!(turn("http://another.test").await.is_ok());

        held.pop();

        assert!(
            tokio::time::timeout(limit, turn("http://room.test"))
                .await
                .is_ok()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_long_on_its_way_counts_until_a_second_after_its_end() {
        let slow = turn("http://slow.test").await.unwrap();
        for _ in 1..IN_A_WINDOW {
            drop(turn("http://slow.test").await.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(900)).await;
        drop(slow);
        tokio::time::sleep(Duration::from_millis(200)).await;
        // The others are past, it is not: it may have arrived only now.
        for _ in 1..IN_A_WINDOW {
            drop(turn("http://slow.test").await.unwrap());
        }
        let before = Instant::now();
        drop(turn("http://slow.test").await.unwrap());
        assert!(before.elapsed() >= Duration::from_millis(800));
    }
}
