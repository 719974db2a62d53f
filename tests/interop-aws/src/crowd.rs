//! Users of any client, each with a request now and then: [`Users`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::relay::lock;

/// A number of users who ask until they are told to stop.
pub(crate) struct Users {
    running: JoinSet<()>,
    stop: Arc<AtomicBool>,
    tally: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    good: AtomicU64,
    bad: AtomicU64,
    /// What went wrong, and how often.
    why: Mutex<BTreeMap<String, u64>>,
}

/// What became of the requests.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) good: u64,
    pub(crate) bad: u64,
    pub(crate) why: BTreeMap<String, u64>,
}

impl Users {
    /// Starts `count` users, spread over `pause`, who each ask again that long after an answer.
    pub(crate) fn start<R>(
        count: u32,
        pause: Duration,
        ask: impl Fn() -> R + Clone + Send + Sync + 'static,
    ) -> Self
    where
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        let (stop, tally) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(Counts::default()),
        );
        let mut running = JoinSet::new();
        for number in 0..count {
            let (stop, tally, ask) = (Arc::clone(&stop), Arc::clone(&tally), ask.clone());
            running.spawn(async move {
                tokio::time::sleep(pause * number / count).await;
                while !stop.load(Ordering::Relaxed) {
                    match ask().await {
                        Ok(()) => {
                            tally.good.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(why) => {
                            tally.bad.fetch_add(1, Ordering::Relaxed);
                            *lock(&tally.why).entry(why).or_default() += 1;
                        }
                    }
                    tokio::time::sleep(pause).await;
                }
            });
        }
        Self {
            running,
            stop,
            tally,
        }
    }

    pub(crate) async fn stop(mut self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        while self.running.join_next().await.is_some() {}
        Tally {
            good: self.tally.good.load(Ordering::Relaxed),
            bad: self.tally.bad.load(Ordering::Relaxed),
            why: lock(&self.tally.why).clone(),
        }
    }
}
