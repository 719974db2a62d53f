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
    /// Twice the number of calls, and one more once somebody waits for their end: so whoever ends the last one sees who has
    /// begun to wait, and takes no lock where nobody does.
    under_way: AtomicUsize,
    /// Told whenever none is left.
    landed: Wakers,
}

/// One call that is under way, until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay<'a>(&'a Arc<Tally>);

/// The same, for a call that may outlive the agent's homes.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<Tally>);

impl Tally {
    fn begin(&self) {
        // SeqCst, as the mark of a flight that is retired.
        self.under_way.fetch_add(CALL, Ordering::SeqCst);
    }

    fn end(&self) {
        // AcqRel: with the end of the last call comes what all of them did.
        if self.under_way.fetch_sub(CALL, Ordering::AcqRel) == CALL + AWAITED {
            self.landed.wake();
        }
    }

    /// Waits until no call is under way; `false` when the alarm rings first.
    pub(super) async fn settled(&self, alarm: &Alarm) -> bool {
        let mut registration = self.landed.registration();
        poll_fn(|context| {
            registration.register(context.waker());
            // SeqCst: a call that is not counted here sees that its flight is retired.
            if self.under_way.fetch_or(AWAITED, Ordering::SeqCst) < CALL {
                return Poll::Ready(true);
            }
            alarm.poll(context.waker()).map(|()| false)
        })
        .await
    }
}

impl<'a> UnderWay<'a> {
    pub(super) fn new(tally: &'a Arc<Tally>) -> Self {
        tally.begin();
        Self(tally)
    }

    pub(crate) fn ticket(self) -> Ticket {
        let ticket = Ticket(Arc::clone(self.0));
        std::mem::forget(self);
        ticket
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.end();
    }
}

const AWAITED: usize = 1;
const CALL: usize = 2;
