//! Many futures waited for at once, each polled when it was woken and no oftener: [`Together`].

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::error::Error;
use crate::sync;
use crate::sync::{Mutex, lock};

/// Ends when all have, or with the first that fails. There may be a hundred thousand.
pub(super) struct Together<'a> {
    waiting: Vec<Option<Waiting<'a>>>,
    left: usize,
    turns: Arc<Mutex<Turns>>,
}

struct Waiting<'a> {
    waker: Waker,
    future: Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>,
}

/// Held for one look or change; nobody is woken under it.
#[derive(Default)]
struct Turns {
    woken: BTreeSet<usize>,
    waker: Option<Waker>,
}

/// Wakes one of them.
struct Turn {
    place: usize,
    turns: Arc<Mutex<Turns>>,
}

impl<'a> Together<'a> {
    pub(super) fn new<F>(all: impl Iterator<Item = F>) -> Self
    where
        F: Future<Output = Result<(), Error>> + Send + 'a,
    {
        let turns = Arc::new(Mutex::new(Turns::default()));
        let waiting: Vec<_> = all
            .enumerate()
            .map(|(place, future)| {
                let turns = Arc::clone(&turns);
                Some(Waiting {
                    waker: Waker::from(Arc::new(Turn { place, turns })),
                    future: Box::pin(future),
                })
            })
            .collect();
        lock(&turns).woken = (0..waiting.len()).collect();
        Self {
            left: waiting.len(),
            waiting,
            turns,
        }
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mine = context.waker().clone();
        let mut turns = lock(&self.turns);
        let former = turns.waker.replace(mine);
        let woken = std::mem::take(&mut turns.woken);
        drop(turns);
        sync::discard(former);
        for place in woken {
            let Some(entry) = self.waiting.get_mut(place) else {
                continue;
            };
            let Some(waiting) = entry else { continue };
            let mut context = Context::from_waker(&waiting.waker);
            match waiting.future.as_mut().poll(&mut context) {
                Poll::Ready(Ok(())) => {
                    *entry = None;
                    self.left -= 1;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {}
            }
        }
        if self.left == 0 {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    /// The first that has not ended.
    pub(super) fn first(&self) -> Option<usize> {
        self.waiting.iter().position(Option::is_some)
    }
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        let mut turns = lock(&self.turns);
        turns.woken.insert(self.place);
        let waker = turns.waker.take();
        drop(turns);
        if let Some(waker) = waker {
            sync::wake(waker);
        }
    }
}

impl Drop for Together<'_> {
    fn drop(&mut self) {
        // The waker of who waited is a user's.
        let waker = lock(&self.turns).waker.take();
        sync::discard(waker);
    }
}

impl fmt::Debug for Together<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Together")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
