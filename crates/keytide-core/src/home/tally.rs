//! How many calls of one agent are under way, wherever they are: [`Tally`].

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use super::alarm::Alarm;
use crate::sync::wakers::Wakers;

/// Counts the calls of one agent.
#[derive(Debug, Default)]
pub(super) struct Tally {
    under_way: AtomicUsize,
    /// Told whenever none is left.
    landed: Wakers,
}

/// One call that is under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<Tally>);

impl Tally {
    pub(super) fn ticket(self: &Arc<Self>) -> Ticket {
        self.under_way.fetch_add(1, Ordering::AcqRel);
        Ticket(Arc::clone(self))
    }

    /// Waits until no call is under way; `false` when the alarm rings first.
    pub(super) async fn settled(&self, alarm: &Alarm) -> bool {
        let mut place = self.landed.place();
        poll_fn(|context| {
            place.register(context.waker());
            if self.under_way.load(Ordering::Acquire) == 0 {
                return Poll::Ready(true);
            }
            alarm.poll(context.waker()).map(|()| false)
        })
        .await
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.0.under_way.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.landed.wake();
        }
    }
}
