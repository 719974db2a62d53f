//! What may happen and what may not: [`Oracle`], and what one reader knows of one cache.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use keytide_core::{Credential, Error, ErrorKind};

use crate::house::Cell;
use crate::time::{instant, wall};

/// Counts what happened, and keeps what nothing explains.
///
/// The counters are relaxed, so that they order nothing: what a sanitizer sees of the readers is what keytide orders.
#[derive(Debug)]
pub(crate) struct Oracle {
    began: Instant,
    rotations: AtomicU64,
    reads: AtomicU64,
    /// Reads that failed and were explained, by [`Why`].
    explained: [AtomicU64; WHYS.len()],
    unexplained: AtomicU64,
    /// Milliseconds after `began` until which a blocked thread or a dead runtime may hold up an issuer's answer.
    held_up: AtomicU64,
    complaints: Mutex<Vec<String>>,
}

impl Oracle {
    /// A provider blocks its thread from now on for so long, or the runtime of an agent ends.
    pub(crate) fn holds_up(&self, span: Duration) {
        let until = self.now() + millis(span + RECOVERY);
        self.held_up.fetch_max(until, Ordering::Relaxed);
    }

    pub(crate) fn complain(&self, what: &str) {
        self.unexplained.fetch_add(1, Ordering::Relaxed);
        let mut complaints = self.lock();
        if complaints.len() < MOST_COMPLAINTS {
            complaints.push(format!("at {} ms: {what}", self.now()));
        }
    }

    /// A panic that no scripted provider made is a complaint.
    pub(crate) fn listen_to_panics(self: &Arc<Self>) {
        let oracle = Arc::clone(self);
        std::panic::set_hook(Box::new(move |panic| {
            if text_of(panic.payload()) != Some(SCRIPTED_PANIC) {
                oracle.complain(&format!("a panic: {panic}"));
            }
        }));
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        self.lock().clone()
    }

    pub(crate) fn is_content(&self) -> bool {
        self.unexplained.load(Ordering::Relaxed) == 0
    }

    /// What explained the reads that failed.
    pub(crate) fn reasons(&self) -> String {
        let each = WHYS.iter().zip(&self.explained);
        let each = each.map(|(why, count)| format!("{why:?} {}", count.load(Ordering::Relaxed)));
        each.collect::<Vec<_>>().join(", ")
    }

    fn now(&self) -> u64 {
        millis(self.began.elapsed())
    }

    fn is_held_up(&self) -> bool {
        self.now() < self.held_up.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What explains a failed read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Its agent ends.
    Ended,
    /// It was for an origin that refuses.
    Origin,
    /// A generation was taken away since the reader last read.
    Disturbed,
    /// The reader has seen none yet.
    Unseen,
    /// What it saw has expired, and the issuer may fail.
    Expired,
    /// What it saw has expired, and an answer may be held up.
    HeldUp,
}

/// How a read asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Takes what is there.
    AtOnce,
    /// Waits for the issuer where nothing is there.
    Waits,
    /// Takes what is there for an origin that refuses.
    ForOrigin,
}

/// What one reader knows of one cache, by what it read before.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    generation: u64,
    disturbed: Option<u64>,
    until: Option<Instant>,
}

/// The moment before a read.
pub(crate) struct Before {
    wall: u64,
    ended: bool,
    disturbed: Option<u64>,
}

impl Before {
    pub(crate) fn reading(cell: &Cell) -> Self {
        Self {
            ended: cell.has_ended(),
            disturbed: cell.disturbed(),
            wall: wall(),
        }
    }
}

impl Seen {
    /// Judges a read that gave a credential.
    pub(crate) fn read(
        &mut self,
        oracle: &Oracle,
        cell: &Cell,
        before: &Before,
        credential: &Credential,
    ) {
        oracle.reads.fetch_add(1, Ordering::Relaxed);
        let generation = credential.generation();
        if before.ended {
            oracle.complain(&format!(
                "{cell}: generation {generation} was read after the end"
            ));
        }
        if generation < self.generation {
            oracle.complain(&format!(
                "{cell}: generation {generation} after {}",
                self.generation
            ));
        }
        match credential.expose_bearer("storm").ok().and_then(end_of) {
            Some(end) if end >= before.wall => {}
            Some(end) => {
                let past = Duration::from_nanos(before.wall - end);
                oracle.complain(&format!(
                    "{cell}: generation {generation} was read {past:?} past its end"
                ));
            }
            None => oracle.complain(&format!("{cell}: generation {generation} is torn")),
        }
        if generation > self.generation {
            oracle
                .rotations
                .fetch_add(cell.newest(generation), Ordering::Relaxed);
        }
        let until = instant() + credential.remaining().saturating_sub(EARLY);
        *self = Self {
            generation,
            disturbed: before.disturbed,
            until: Some(until),
        };
    }

    /// Judges a read that failed. What was read once stays readable until its end, unless it was taken away; and an issuer
    /// that never fails is never missed.
    pub(crate) fn failed(&self, oracle: &Oracle, cell: &Cell, form: Form, error: &Error) {
        oracle.reads.fetch_add(1, Ordering::Relaxed);
        match self.why(oracle, cell, form, error) {
            Ok(why) => {
                oracle.explained[why as usize].fetch_add(1, Ordering::Relaxed);
            }
            Err(left) => oracle.complain(&format!(
                "{cell}: generation {} should have been read, with {left:?} left ({form:?}): {error}",
                self.generation
            )),
        }
    }

    /// What explains the failure; what should be left of what was seen where nothing does.
    fn why(
        &self,
        oracle: &Oracle,
        cell: &Cell,
        form: Form,
        error: &Error,
    ) -> Result<Why, Option<Duration>> {
        let left = self
            .until
            .map(|until| until.saturating_duration_since(instant()));
        if cell.may_have_ended() {
            return Ok(Why::Ended);
        }
        if matches!(
            error.kind(),
            ErrorKind::Revoked | ErrorKind::ShutDown | ErrorKind::ForeignInstance
        ) {
            return Err(left);
        }
        if form == Form::ForOrigin {
            return Ok(Why::Origin);
        }
        let surely = cell.is_steady() && form == Form::Waits;
        // What was read while one was being taken away may have been that one.
        let taken = self.disturbed.is_none() || cell.disturbed() != self.disturbed;
        let disturbed = self.until.is_some() && taken;
        if disturbed && !surely {
            return Ok(Why::Disturbed);
        }
        match left {
            Some(left) if !left.is_zero() && !disturbed => Err(Some(left)),
            None if form == Form::AtOnce => Ok(Why::Unseen),
            None if !cell.is_steady() => Ok(Why::Unseen),
            Some(_) if !cell.is_steady() => Ok(Why::Expired),
            _ if oracle.is_held_up() => Ok(Why::HeldUp),
            _ => Err(left),
        }
    }
}

/// The text of a token that ends then, said twice, so that a torn one is told.
pub(crate) fn token(end: u64, number: u64) -> String {
    format!("{end}.{number}/{end}.{number}")
}

fn end_of(token: &[u8]) -> Option<u64> {
    let (one, other) = std::str::from_utf8(token).ok()?.split_once('/')?;
    let (end, _) = one.split_once('.')?;
    end.parse().ok().filter(|_| one == other)
}

fn text_of(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Default for Oracle {
    fn default() -> Self {
        Self {
            began: instant(),
            rotations: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            explained: Default::default(),
            unexplained: AtomicU64::new(0),
            held_up: AtomicU64::new(0),
            complaints: Mutex::default(),
        }
    }
}

impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let explained = self.explained.iter().map(of);
        write!(
            f,
            "{} rotations, {} reads, {} explained, {} unexplained",
            of(&self.rotations),
            of(&self.reads),
            explained.sum::<u64>(),
            of(&self.unexplained)
        )
    }
}

pub(crate) const SCRIPTED_PANIC: &str = "the scripted provider panics";

const WHYS: [Why; 6] = [
    Why::Ended,
    Why::Origin,
    Why::Disturbed,
    Why::Unseen,
    Why::Expired,
    Why::HeldUp,
];
const MOST_COMPLAINTS: usize = 20;
/// A read may judge a credential by a clock that lags, and one that ends now may be gone before it is looked at.
const EARLY: Duration = Duration::from_millis(50);
/// How long it may take until caches have another home, and an answer.
const RECOVERY: Duration = Duration::from_secs(4);
