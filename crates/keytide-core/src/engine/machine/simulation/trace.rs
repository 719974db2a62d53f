//! What was fed to the machine, and what it did: printed when the oracle finds a fault.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::engine::machine::{Effects, Failed};
use crate::sys::time::{Boot, Now};

/// What the machine was told.
#[expect(dead_code, reason = "some is only printed")]
#[derive(Debug, Clone)]
pub(super) enum Input {
    Ask {
        least: Duration,
        origin: Option<&'static str>,
        beyond: Option<u64>,
        by_name: bool,
        until: Option<Boot>,
        answered: bool,
    },
    Passing(Option<Duration>),
    Timer,
    Land {
        number: u32,
        skew: Option<i64>,
    },
    Judge,
    Publish,
    Vouch {
        sent: Now,
    },
    Fail {
        failed: Failed,
        of_one: bool,
    },
    Settle,
    Orphan(u32),
    Rehome,
    Changed,
    Reject {
        generation: u64,
        origin: &'static str,
        claims: Option<&'static str>,
    },
    Invalidate(u64),
    Stepped,
    Adopt,
    ShutDown,
    Revoke,
}

#[derive(Debug)]
struct Entry {
    step: u32,
    now: Now,
    input: Input,
    effects: Effects,
}

/// The last inputs, or all.
#[derive(Debug)]
pub(super) struct Trace {
    keep: usize,
    pub(super) step: u32,
    entries: VecDeque<Entry>,
}

impl Trace {
    pub(super) fn new(keep: usize) -> Self {
        Self {
            keep,
            step: 0,
            entries: VecDeque::new(),
        }
    }

    pub(super) fn note(&mut self, now: Now, input: Input, effects: Effects) {
        if self.entries.len() >= self.keep {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            step: self.step,
            now,
            input,
            effects,
        });
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.entries {
            let Entry {
                step,
                now,
                input,
                effects,
            } = entry;
            let (boot, off) = (now.boot.0, now.offset());
            writeln!(f, "{step:>5} {boot:>20} (wall {off:+}) {input:?}")?;
            if !effects.told.is_empty() {
                writeln!(f, "          told {:?}", effects.told)?;
            }
            let Effects {
                slot,
                marked,
                look,
                retired,
                begin,
                ..
            } = effects;
            writeln!(
                f,
                "          {slot:?} marked {marked:?} look {look:?} retired {retired} begin {begin:?}"
            )?;
        }
        Ok(())
    }
}
