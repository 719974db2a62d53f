//! A call as its home polls it: in a task, until it is done or its limit has passed.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::calls::Entry;
use super::resident::{Call, Landing, Load};
use super::runtime::Home;
use super::tally::Ticket;
use super::watchdog;
use crate::error::Error;
use crate::sync;
use crate::sync::sleep;

impl Home {
    /// Carries a call here until it is done or `limit` has passed. Gives it back when this home has ended.
    pub(super) fn carry(
        self: &Arc<Self>,
        call: &Arc<dyn Call>,
        load: Load,
        limit: Duration,
    ) -> Result<(), Load> {
        let entry = Arc::new(Entry::new(call, limit));
        let mut running = self.calls.lock();
        if running.closed {
            drop(running);
            return Err(load);
        }
        entry.put(load);
        running.entries.insert(entry.id, Arc::clone(&entry));
        drop(running);
        let carriage = Carriage {
            home: Arc::clone(self),
            entry,
            load: None,
            landed: false,
        };
        call.carried(self.spawn(carriage.run()));
        watchdog::watch(self);
        Ok(())
    }
}

/// Polls one call, and tells its cache when it is dropped before it has landed.
struct Carriage {
    home: Arc<Home>,
    entry: Arc<Entry>,
    load: Option<Load>,
    landed: bool,
}

impl Carriage {
    async fn run(mut self) {
        self.load = self.entry.take();
        if self.load.is_none() {
            // It was moved.
            return;
        }
        let limit = self.entry.limit;
        let mut slept = pin!(sleep(limit));
        let landing = poll_fn(|context| match self.poll(context) {
            Poll::Ready(landing) => Poll::Ready(Some(landing)),
            Poll::Pending => slept.as_mut().poll(context).map(|()| None),
        })
        .await;
        let ticket = self.unload();
        self.landed = true;
        match landing {
            Some(landing) => landing(),
            None => self.entry.call.fail(late(limit)),
        }
        drop(self);
        drop(ticket);
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Landing> {
        let Some(load) = &mut self.load else {
            return Poll::Pending;
        };
        if let Some(cache) = self.entry.call.cache() {
            self.home.calls.polls(cache);
        }
        self.entry
            .busy
            .while_in(|| load.work.as_mut().poll(context))
    }

    /// Drops the work, which is a user's.
    fn unload(&mut self) -> Option<Ticket> {
        let Load { work, ticket } = self.load.take().or_else(|| self.entry.take())?;
        self.entry.busy.while_in(|| sync::discard(work));
        Some(ticket)
    }
}

impl Drop for Carriage {
    fn drop(&mut self) {
        let ticket = self.unload();
        self.home.calls.remove(self.entry.id);
        if self.home.is_passing() {
            self.home.wake.notify_one();
        }
        // One that was moved left nothing here.
        if ticket.is_some() && !self.landed {
            self.entry.call.orphan(None, false);
        }
        drop(ticket);
    }
}

fn late(limit: Duration) -> Error {
    Error::unavailable(format!("the issuer did not answer within {limit:?}"))
}
