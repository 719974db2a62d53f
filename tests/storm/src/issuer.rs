//! Issuers with a temper: [`Issuer`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request, RetryAfter, Secret};

use crate::chance::Chance;
use crate::oracle::{Oracle, SCRIPTED_PANIC, token};
use crate::time::{instant, wall};

/// Whether an issuer fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temper {
    /// Answers soon, and always.
    Steady,
    /// Answers for some seconds, and for some does whatever an issuer can do.
    Moody,
}

/// Mints tokens whose text says when they end. None ends before one that was minted earlier, so that what a reader has seen
/// tells how long there must be something to read.
pub(crate) struct Issuer {
    temper: Temper,
    oracle: Arc<Oracle>,
    /// Moods go by the time since.
    began: Instant,
    minted: AtomicU64,
    state: Mutex<State>,
}

struct State {
    chance: Chance,
    /// By the wall clock, in nanoseconds.
    last_end: u64,
    last: Option<(u64, u64)>,
}

/// What an issuer does next.
enum Deed {
    Mint,
    Repeat,
    Fail(Error),
    Panic,
    Hang,
    Block(Duration),
}

impl Issuer {
    pub(crate) fn new(temper: Temper, oracle: &Arc<Oracle>, mut chance: Chance) -> Self {
        let phase = chance.millis(0, 2 * MOOD * 1000);
        Self {
            temper,
            oracle: Arc::clone(oracle),
            began: instant().checked_sub(phase).unwrap_or_else(instant),
            minted: AtomicU64::new(0),
            state: Mutex::new(State {
                chance,
                last_end: 0,
                last: None,
            }),
        }
    }

    fn next(&self) -> (Duration, Deed) {
        let bad =
            self.temper == Temper::Moody && self.began.elapsed().as_secs() % (2 * MOOD) >= MOOD;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let chance = &mut state.chance;
        let delay = chance.millis(0, 20);
        if !bad {
            return (delay, Deed::Mint);
        }
        let deed = match chance.below(100) {
            0..30 => Deed::Fail(Error::unavailable("the scripted issuer is down")),
            30..45 => {
                let after = RetryAfter::Delay(chance.millis(1, 100));
                Deed::Fail(Error::throttled(Some(after), "the scripted issuer is busy"))
            }
            45..60 => Deed::Fail(Error::refused("the scripted issuer says no")),
            60..75 => Deed::Panic,
            75..85 => Deed::Hang,
            85..92 => Deed::Repeat,
            92..93 if chance.one_in(4) => Deed::Block(chance.millis(500, 2000)),
            // Nothing new comes in a bad mood, so that lives end.
            _ => Deed::Fail(Error::unavailable("the scripted issuer is out")),
        };
        (delay, deed)
    }

    fn mint(&self) -> Issued {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let life = state.chance.millis(1000, 5000);
        let end = wall() + u64::try_from(life.as_nanos()).unwrap_or(0);
        let end = end.max(state.last_end + 1);
        state.last_end = end;
        let number = self.minted.fetch_add(1, Ordering::Relaxed);
        state.last = Some((end, number));
        issued(end, number)
    }

    fn repeat(&self) -> Issued {
        let last = self
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .last;
        last.map_or_else(|| self.mint(), |(end, number)| issued(end, number))
    }
}

impl ProvideCredential for Issuer {
    fn profile(&self) -> Profile {
        match self.temper {
            Temper::Steady => Profile::bearer("steady"),
            Temper::Moody => Profile::bearer("moody").issuer("https://moody.example"),
        }
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let (delay, deed) = self.next();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        match deed {
            Deed::Mint => Ok(self.mint()),
            Deed::Repeat => Ok(self.repeat()),
            Deed::Fail(error) => Err(error),
            Deed::Panic => std::panic::panic_any(SCRIPTED_PANIC),
            Deed::Hang => std::future::pending().await,
            Deed::Block(span) => {
                self.oracle.holds_up(span);
                std::thread::sleep(span);
                Ok(self.mint())
            }
        }
    }
}

fn issued(end: u64, number: u64) -> Issued {
    let end_at = std::time::UNIX_EPOCH + Duration::from_nanos(end);
    Issued::bearer(Secret::from(token(end, number))).expires_at(end_at)
}

/// Seconds.
const MOOD: u64 = 4;
