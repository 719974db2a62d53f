//! Stands around the provider under test and sees each call: [`Probe`].

use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::machine::waited;

/// The provider under test, which several caches may share, and what was seen of it.
pub(super) struct Probe<P> {
    pub(super) provider: P,
    state: Mutex<State>,
    /// Drops the calls that are under way.
    cut: Notify,
}

#[derive(Default)]
struct State {
    drop_after: Option<(u32, Dropped)>,
    started: u64,
    calls: Vec<Call>,
}

/// Whose calls are dropped.
#[derive(Debug, Clone)]
pub(super) enum Dropped {
    All,
    /// All, but not before the call was woken once more: what it waits for has come.
    Woken,
    /// Those of the caches with these keys.
    Of(Vec<Arc<str>>),
}

/// What was seen of one call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// From the first poll to the end.
    pub(super) took: Duration,
    /// Within polls.
    pub(super) busy: Duration,
    /// The longest poll.
    pub(super) longest_poll: Duration,
    pub(super) end: End,
}

#[derive(Debug, Clone)]
pub(super) enum End {
    /// The `Debug` of what was issued.
    Issued(String),
    Failed(Error),
    Panicked,
    /// By the suite.
    Dropped,
    /// By the cache: the time limit, most likely.
    Abandoned,
}

impl<P: ProvideCredential> Probe<P> {
    pub(super) fn new(provider: P) -> Arc<Self> {
        Arc::new(Self {
            provider,
            state: Mutex::default(),
            cut: Notify::new(),
        })
    }

    /// From now on these calls are dropped after so many polls; `None`: none is.
    pub(super) fn drop_after(&self, polls: Option<(u32, Dropped)>) {
        self.lock().drop_after = polls;
    }

    /// Drops the calls that are under way.
    pub(super) fn cut(&self) {
        self.cut.notify_waiters();
    }

    /// How many calls began.
    pub(super) fn started(&self) -> u64 {
        self.lock().started
    }

    /// What was seen of calls that ended since this was last asked.
    pub(super) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let drop_after = {
            let mut state = self.lock();
            state.started += 1;
            match &state.drop_after {
                Some((polls, Dropped::All)) => Some((*polls, false)),
                Some((polls, Dropped::Woken)) => Some((*polls, true)),
                Some((polls, Dropped::Of(keys))) => keys
                    .contains(&request.cache_key())
                    .then_some((*polls, false)),
                None => None,
            }
        };
        let mut seen = Watching {
            probe: self,
            begun: Instant::now(),
            busy: Duration::ZERO,
            longest_poll: Duration::ZERO,
            end: Some(End::Abandoned),
        };
        let mut cut = std::pin::pin!(self.cut.notified());
        let mut call = Some(Box::pin(self.provider.provide(request)));
        let mut polls = 0;
        poll_fn(|context| {
            let cut = cut.as_mut().poll(context).is_ready();
            if !cut && drop_after.is_none_or(|(most, _)| polls < most) {
                polls += 1;
                let (begun, queued) = (Instant::now(), waited());
                let polled = catch_unwind(AssertUnwindSafe(|| {
                    call.as_mut().map(|call| call.as_mut().poll(context))
                }));
                // What others did meanwhile is not the provider's doing.
                let queued = waited().saturating_sub(queued);
                seen.polled(begun.elapsed().saturating_sub(queued), queued);
                match polled {
                    Ok(Some(Poll::Ready(result))) => {
                        seen.end(match &result {
                            Ok(issued) => End::Issued(format!("{issued:?} {issued:#?}")),
                            Err(error) => End::Failed(error.clone()),
                        });
                        return Poll::Ready(result);
                    }
                    Ok(_) if drop_after.is_none_or(|(most, woken)| polls < most || woken) => {
                        return Poll::Pending;
                    }
                    Ok(_) => {}
                    Err(_) => {
                        seen.end(End::Panicked);
                        call = None;
                        return Poll::Ready(Err(Error::unavailable("the provider panicked")));
                    }
                }
            }
            let dropped = catch_unwind(AssertUnwindSafe(|| call = None));
            seen.end(if dropped.is_ok() {
                End::Dropped
            } else {
                End::Panicked
            });
            Poll::Ready(Err(Error::unavailable("the suite dropped the call")))
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches one call, until it ends or is dropped.
struct Watching<'a, P: ProvideCredential> {
    probe: &'a Probe<P>,
    begun: Instant,
    busy: Duration,
    longest_poll: Duration,
    end: Option<End>,
}

impl<P: ProvideCredential> Watching<'_, P> {
    fn polled(&mut self, took: Duration, queued: Duration) {
        self.busy += took + queued;
        self.longest_poll = self.longest_poll.max(took);
    }

    fn end(&mut self, end: End) {
        self.end = Some(end);
        self.tell();
    }

    fn tell(&mut self) {
        if let Some(end) = self.end.take() {
            let call = Call {
                took: self.begun.elapsed(),
                busy: self.busy,
                longest_poll: self.longest_poll,
                end,
            };
            self.probe.lock().calls.push(call);
        }
    }
}

impl<P: ProvideCredential> Drop for Watching<'_, P> {
    fn drop(&mut self) {
        self.tell();
    }
}

/// The provider that a cache is given.
pub(super) struct Probed<P>(pub(super) Arc<Probe<P>>);

impl<P: ProvideCredential> ProvideCredential for Probed<P> {
    fn profile(&self) -> Profile {
        self.0.provider.profile()
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.0.provide(request).await
    }
}

impl<P> fmt::Debug for Probe<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").finish_non_exhaustive()
    }
}
