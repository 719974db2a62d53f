//! The homes of one agent: [`Homes`].

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;

use super::alarm::Alarm;
use super::resident::{Call, Load, Timer};
use super::runtime::{Home, Kind};
use super::tally::{Tally, Ticket, UnderWay};
use super::wheel::TimerKey;
use super::{apart, own};
use crate::error::Error;
use crate::sync::{Mutex, lock};
use crate::sys::Process;
use crate::sys::clock::AgentClock;

/// The homes of one agent: the one that was named while it lives, else the library's own.
#[derive(Debug)]
pub(crate) struct Homes {
    named: Option<Arc<Home>>,
    clock: AgentClock,
    /// The first of the library's own that was had: found without a lock, for as long as it takes more.
    first: OnceLock<Arc<Home>>,
    /// Replaces a named home under a clock that is not the system's.
    stand_in: Mutex<Option<Arc<Home>>>,
    tally: Arc<Tally>,
    process: Process,
}

impl Homes {
    pub(crate) fn new(named: Option<Handle>, clock: AgentClock) -> Self {
        let named = named.map(|handle| Arc::new(Home::new(handle, clock.clone(), Kind::Named)));
        Self {
            named,
            clock,
            first: OnceLock::new(),
            stand_in: Mutex::new(None),
            tally: Arc::default(),
            process: Process::this(),
        }
    }

    /// The home of new timers. Starts the library's thread if there is no other.
    pub(crate) fn current(&self) -> Result<Cow<'_, Arc<Home>>, Error> {
        if let Some(named) = self.named.as_ref().filter(|home| home.takes_more()) {
            named.ensure_driven();
            if named.takes_more() {
                return Ok(Cow::Borrowed(named));
            }
        }
        if self.clock.is_system() {
            return self.common();
        }
        let mut stand_in = lock(&self.stand_in);
        if let Some(home) = stand_in.as_ref().filter(|home| home.takes_more()) {
            return Ok(Cow::Owned(Arc::clone(home)));
        }
        let home = own::start(self.clock.clone(), Kind::Common, |_| ())?;
        let former = stand_in.replace(Arc::clone(&home));
        drop(stand_in);
        drop(former);
        Ok(Cow::Owned(home))
    }

    /// The home that all agents share.
    fn common(&self) -> Result<Cow<'_, Arc<Home>>, Error> {
        if let Some(home) = self.first.get().filter(|home| home.takes_more()) {
            return Ok(Cow::Borrowed(home));
        }
        let home = own::shared()?;
        let _ = self.first.set(Arc::clone(&home));
        Ok(Cow::Owned(home))
    }

    /// The home of the next call of a cache. An error where no thread can be had, or a former call still blocks its own.
    pub(crate) fn of_call(&self, cache: Option<u32>) -> Result<Cow<'_, Arc<Home>>, Error> {
        match cache.and_then(|cache| apart::home_of(cache, &self.clock)) {
            Some(home) => home.map(Cow::Owned),
            None => self.current(),
        }
    }

    /// Carries a call until it is done or `limit` has passed: in `home`, or where it takes no more, in the next.
    pub(crate) fn carry(
        &self,
        home: Arc<Home>,
        call: &Arc<dyn Call>,
        mut load: Load,
        limit: Duration,
    ) {
        let mut home = Ok(home);
        loop {
            match home {
                Ok(home) => match home.carry(call, load, limit) {
                    Ok(()) => return,
                    Err(refused) => load = refused,
                },
                Err(error) => {
                    call.fail(error);
                    return super::calls::discard(load);
                }
            }
            home = self.of_call(call.cache()).map(Cow::into_owned);
        }
    }

    /// Sets a timer of a cache in the place of its former one. `None`: nobody will look.
    pub(crate) fn schedule(&self, mut timer: Timer) -> Option<TimerKey> {
        // Set aside in between: once, or an idle machine would do it again.
        for _ in 0..SET_ASIDE_AT_MOST {
            let home = self.current().ok()?;
            match home.schedule(timer) {
                Ok(key) => return Some(key),
                Err(refused) => timer = refused,
            }
        }
        None
    }

    /// Marks a call as under way, until that is dropped, or its ticket.
    pub(crate) fn under_way(&self) -> UnderWay<'_> {
        UnderWay::new(&self.tally)
    }

    /// Marks a call as under way, until the ticket is dropped.
    pub(crate) fn ticket(&self) -> Ticket {
        self.under_way().ticket()
    }

    /// Waits until no call of this agent is under way anywhere; `false` when the alarm rings first.
    pub(crate) async fn settled(&self, alarm: &Alarm) -> bool {
        self.tally.settled(alarm).await
    }

    /// Whether the home that would be used now follows a clock of its own, so that waits are to be timed by it.
    pub(super) fn timed_by(&self) -> Option<&Arc<Home>> {
        self.named
            .as_ref()
            .filter(|home| !home.is_dead() && !self.clock.is_system())
    }
}

impl Drop for Homes {
    fn drop(&mut self) {
        if !self.process.is_this() {
            return;
        }
        for home in self.named.iter().chain(lock(&self.stand_in).iter()) {
            home.close();
        }
    }
}

const SET_ASIDE_AT_MOST: usize = 3;
