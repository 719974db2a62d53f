//! The primitives that a cache could be made of, without anything that keeps a credential fresh.

use std::hint::black_box;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use arc_swap::{ArcSwap, Cache};

use super::names;
use crate::subject::{Subject, subject};
use crate::time::{coarse_wall, precise_wall, since_boot};
use crate::token::Stamp;

/// A token of 1,024 bytes that ends in an hour.
#[derive(Debug)]
pub struct Token {
    /// The text of the token.
    pub text: Box<str>,
    /// Its number.
    pub generation: u64,
    /// When it ends, in nanoseconds of the wall clock.
    pub ends: i64,
}

impl Token {
    /// One token.
    #[must_use]
    pub fn sample() -> Arc<Self> {
        Arc::new(Self {
            text: Stamp::lasting(1, HOUR).text().into(),
            generation: 1,
            ends: coarse_wall().saturating_add(HOUR.as_nanos() as i64),
        })
    }

    #[inline]
    fn see(&self) {
        black_box(self.generation);
    }

    #[inline]
    fn see_if_fresh(&self) {
        if coarse_wall() < self.ends {
            black_box(self.generation);
        }
    }
}

/// `ArcSwap::load`: what all others are compared to.
pub fn arc_swap_load() -> impl Subject {
    let slot = ArcSwap::new(Token::sample());
    subject(names::LOAD, move || black_box(&slot).load().see())
}

/// `ArcSwap::load` and the coarse clock: the least that judges expiry.
pub fn arc_swap_load_and_clock() -> impl Subject {
    let slot = ArcSwap::new(Token::sample());
    subject(names::LOAD_AND_CLOCK, move || {
        black_box(&slot).load().see_if_fresh();
    })
}

/// `ArcSwap::load` and two precise clocks, the wall clock and that of the boot: the least that judges expiry by both.
pub fn arc_swap_load_and_two_clocks() -> impl Subject {
    let slot = ArcSwap::new(Token::sample());
    subject(names::LOAD_AND_TWO_CLOCKS, move || {
        let token = black_box(&slot).load();
        if precise_wall() < token.ends && since_boot() < black_box(Duration::MAX) {
            token.see();
        }
    })
}

/// `arc_swap::Cache::load`, one for each thread.
pub fn arc_swap_cache() -> impl Subject {
    PerTask {
        name: names::CACHE,
        slot: ArcSwap::new(Token::sample()),
        see: Token::see,
    }
}

/// `arc_swap::Cache::load` and the coarse clock, one for each thread.
pub fn arc_swap_cache_and_clock() -> impl Subject {
    PerTask {
        name: names::CACHE_AND_CLOCK,
        slot: ArcSwap::new(Token::sample()),
        see: Token::see_if_fresh,
    }
}

/// `RwLock<Arc<_>>`, cloned out.
pub fn rw_lock() -> impl Subject {
    let slot = RwLock::new(Token::sample());
    subject("RwLock<Arc>", move || {
        if let Ok(token) = black_box(&slot).read().map(|token| Arc::clone(&token)) {
            token.see();
        }
    })
}

/// `Mutex<Arc<_>>`, cloned out.
pub fn mutex() -> impl Subject {
    let slot = Mutex::new(Token::sample());
    subject("Mutex<Arc>", move || {
        if let Ok(token) = black_box(&slot).lock().map(|token| Arc::clone(&token)) {
            token.see();
        }
    })
}

/// `tokio::sync::watch::Receiver::borrow`.
pub fn watch() -> impl Subject {
    let (sender, receiver) = tokio::sync::watch::channel(Token::sample());
    subject("watch::borrow", move || {
        black_box(&sender);
        black_box(&receiver).borrow().see();
    })
}

struct PerTask<F> {
    name: &'static str,
    slot: ArcSwap<Token>,
    see: F,
}

impl<F: Fn(&Token) + Sync> Subject for PerTask<F> {
    fn name(&self) -> &str {
        self.name
    }

    fn read_many(&self, reads: u64) {
        let mut cached = Cache::new(&self.slot);
        for _ in 0..reads {
            (self.see)(black_box(&mut cached).load());
        }
    }
}

const HOUR: Duration = Duration::from_secs(3600);
