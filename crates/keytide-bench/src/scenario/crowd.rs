//! Many readers at a time, and what became of them: [`Crowd`].

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::entrant::Entrant;
use crate::issuer::{Answer, FakeIssuer};
use crate::running::{Failure, Running};
use crate::time::now;

/// What became of many readers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Crowd {
    pub(super) served: usize,
    pub(super) failed: usize,
    /// Not told anything within the limit.
    pub(super) untold: usize,
    /// Pending at their first poll.
    pub(super) waited: usize,
    /// From the beginning to the last one that was told something.
    pub(super) last: Duration,
    /// What all of them together spent waiting.
    pub(super) spent: Duration,
}

/// One read of each of so many tasks, told within the limit or not.
pub(super) async fn crowd(
    running: &Arc<dyn Running>,
    readers: usize,
    began: Instant,
    limit: Duration,
) -> Crowd {
    let tasks: Vec<_> = (0..readers)
        .map(|_| {
            let running = Arc::clone(running);
            tokio::spawn(async move {
                let from = now();
                let left = limit.saturating_sub(from.saturating_duration_since(began));
                let mut waited = false;
                let read = tokio::time::timeout(left, seen(&*running, &mut waited)).await;
                (read, waited, from, now())
            })
        })
        .collect();
    let mut crowd = Crowd::default();
    for task in tasks {
        let Ok((read, waited, from, ended)) = task.await else {
            crowd.failed += 1;
            continue;
        };
        crowd.waited += usize::from(waited);
        crowd.spent += ended.saturating_duration_since(from);
        match read {
            Ok(Ok(())) => crowd.served += 1,
            Ok(Err(_)) => crowd.failed += 1,
            Err(_) => {
                crowd.untold += 1;
                continue;
            }
        }
        crowd.last = crowd.last.max(ended.saturating_duration_since(began));
    }
    crowd
}

async fn seen(running: &dyn Running, waited: &mut bool) -> Result<(), Failure> {
    let mut reading = running.read();
    let first = poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx))).await;
    let read = match first {
        Poll::Ready(read) => read,
        Poll::Pending => {
            *waited = true;
            reading.await
        }
    };
    read.map(drop)
}

/// A cache over an issuer, loaded.
pub(super) async fn loaded(
    entrant: &Entrant,
    issuer: &FakeIssuer,
) -> Result<Arc<dyn Running>, Failure> {
    let running = entrant.start(issuer)?;
    first(&*running).await?;
    Ok(running)
}

/// The first read.
pub(super) async fn first(running: &dyn Running) -> Result<(), Failure> {
    let read = tokio::time::timeout(Duration::from_secs(10), running.read()).await;
    read.map_err(|_| Failure::of("no credential within 10 s"))?
        .map(drop)
}

/// Something that needs a connection and a key first: the first call of a client is no part of what is compared.
pub(super) async fn warmed(
    entrant: &Entrant,
    issuer: &FakeIssuer,
) -> Result<Arc<dyn Running>, Failure> {
    let other = FakeIssuer::new(Answer::AtOnce);
    let warm = loaded(entrant, &other).await?;
    warm.beside(issuer)
}
