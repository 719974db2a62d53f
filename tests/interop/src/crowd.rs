//! Readers that send requests until they are told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use keytide_http::AuthorizedClient;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Failure;

/// A number of readers over one client, each with a request every half second or so.
#[derive(Debug)]
pub struct Crowd {
    readers: JoinSet<()>,
    stop: Arc<AtomicBool>,
    tally: Arc<Counts>,
}

#[derive(Debug)]
struct Counts {
    began: Instant,
    accepted: AtomicU64,
    refused: AtomicU64,
    other: AtomicU64,
    errors: AtomicU64,
    slowest_error: AtomicU64,
    /// When the last request was accepted, in milliseconds from the start.
    last_accepted: AtomicU64,
    untyped: AtomicU64,
}

/// What became of the requests since the last look.
#[derive(Debug, Clone, Copy)]
pub struct Tally {
    /// Answered with success.
    pub accepted: u64,
    /// Answered with 401.
    pub refused: u64,
    /// Answered with anything else.
    pub other: u64,
    /// Not sent, or not answered.
    pub errors: u64,
    /// Of those, the ones that are no typed error for want of a credential.
    pub untyped: u64,
    /// How long the slowest of them took.
    pub slowest_error: Duration,
}

impl Crowd {
    /// Lets so many readers loose.
    #[must_use]
    pub fn start(client: &AuthorizedClient, url: &str, readers: usize, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tally = Arc::new(Counts {
            began: Instant::now(),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            other: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            slowest_error: AtomicU64::new(0),
            last_accepted: AtomicU64::new(0),
            untyped: AtomicU64::new(0),
        });
        let mut tasks = JoinSet::new();
        for reader in 0..readers {
            let (client, url) = (client.clone(), url.to_owned());
            let (stop, tally) = (Arc::clone(&stop), Arc::clone(&tally));
            // Not all at the same moment.
            let first = pause.mul_f64(reader as f64 / readers as f64);
            tasks.spawn(async move {
                tokio::time::sleep(first).await;
                while !stop.load(Ordering::Relaxed) {
                    tally.request(&client, &url).await;
                    tokio::time::sleep(pause).await;
                }
            });
        }
        Self {
            readers: tasks,
            stop,
            tally,
        }
    }

    /// What became of the requests since the last look.
    #[must_use]
    pub fn look(&self) -> Tally {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        Tally {
            accepted: take(&self.tally.accepted),
            refused: take(&self.tally.refused),
            other: take(&self.tally.other),
            errors: take(&self.tally.errors),
            untyped: take(&self.tally.untyped),
            slowest_error: Duration::from_millis(take(&self.tally.slowest_error)),
        }
    }

    /// Waits for the first request that is accepted from now on.
    ///
    /// # Errors
    /// When there is none within the limit.
    pub async fn next_accepted(&self, limit: Duration) -> Result<Duration, Failure> {
        let from = Instant::now();
        let known = from.duration_since(self.tally.began).as_millis() as u64;
        while from.elapsed() < limit {
            if self.tally.last_accepted.load(Ordering::Relaxed) > known {
                return Ok(from.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err(format!("no request was accepted within {limit:?}").into())
    }

    /// Stops the readers and waits for their last requests.
    pub async fn stop(mut self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        while self.readers.join_next().await.is_some() {}
        self.look()
    }
}

impl Counts {
    async fn request(&self, client: &AuthorizedClient, url: &str) {
        let from = Instant::now();
        let add = |count: &AtomicU64| {
            count.fetch_add(1, Ordering::Relaxed);
        };
        match client.get(url).send().await {
            Ok(response) if response.status().is_success() => {
                add(&self.accepted);
                let now = self.began.elapsed().as_millis() as u64;
                self.last_accepted.fetch_max(now, Ordering::Relaxed);
            }
            Ok(response) if response.status().as_u16() == 401 => add(&self.refused),
            Ok(_) => add(&self.other),
            Err(error) => {
                add(&self.errors);
                let typed = matches!(
                    error.kind(),
                    keytide_http::ErrorKind::Credential | keytide_http::ErrorKind::TimedOut
                );
                if !typed && self.untyped.fetch_add(1, Ordering::Relaxed) == 0 {
                    println!("   not for want of a credential: {error:?}");
                }
                let took = from.elapsed().as_millis() as u64;
                self.slowest_error.fetch_max(took, Ordering::Relaxed);
            }
        }
    }
}
