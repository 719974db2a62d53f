//! What happened in a world, line by line: [`Trace`].

use std::collections::VecDeque;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use keytide_core::{ErrorKind, Trigger};

use crate::answer::Answer;
use crate::plan::Move;

/// One thing that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Line {
    /// Nanoseconds of simulated time since the start of the world.
    pub(crate) at: i64,
    /// Which cache, counted from 0.
    pub(crate) cache: usize,
    pub(crate) what: What,
}

/// What happened to a cache, or to the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Built,
    Call {
        number: u64,
        trigger: Trigger,
        /// The origin whose demand goes with it.
        claims: Option<usize>,
    },
    Answer {
        number: u64,
        answer: Answer,
    },
    Asks {
        reader: u64,
        want: Want,
    },
    Got {
        reader: u64,
        generation: u64,
    },
    Failed {
        reader: u64,
        kind: ErrorKind,
    },
    GaveUp {
        reader: u64,
    },
    Refuses {
        origin: usize,
        generation: u64,
        claims: bool,
    },
    Invalidates {
        generation: u64,
        current: bool,
    },
    InputChanged,
    Revoked,
    ShutDown,
    Moved(Move),
    Dropped,
}

/// What a reader asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Want {
    /// What is there, without waiting.
    Read,
    /// What is there, or what comes.
    Get,
    /// One that lasts so long.
    For(Duration),
    /// One that comes so soon.
    Within(Duration),
    /// One for this origin, without waiting.
    ReadFor(usize),
    /// One for this origin.
    Origin(usize),
    /// A newer one than the generation that this origin refused.
    Beyond(usize, u64),
    /// One that the issuer is asked for now.
    ByName,
}

impl Want {
    /// Whether any usable credential will do.
    pub(crate) fn is_plain(self) -> bool {
        matches!(self, Self::Read | Self::Get | Self::Within(_))
    }

    pub(crate) fn origin(self) -> Option<usize> {
        match self {
            Self::ReadFor(origin) | Self::Origin(origin) | Self::Beyond(origin, _) => Some(origin),
            _ => None,
        }
    }

    /// Whether it never waits.
    pub(crate) fn is_instant(self) -> bool {
        matches!(self, Self::Read | Self::ReadFor(_))
    }
}

/// The lines of one run: all of them, or the last ones and a digest of all.
#[derive(Debug)]
pub(crate) struct Trace {
    lines: VecDeque<Line>,
    count: u64,
    digest: DefaultHasher,
    keeps_all: bool,
}

impl Trace {
    pub(crate) fn new(keeps_all: bool) -> Self {
        Self {
            lines: VecDeque::new(),
            count: 0,
            digest: DefaultHasher::new(),
            keeps_all,
        }
    }

    pub(crate) fn add(&mut self, line: Line) {
        line.hash(&mut self.digest);
        self.count += 1;
        if !self.keeps_all && self.lines.len() == TAIL {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest.finish()
    }

    pub(crate) fn take(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines).into()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at as f64 / 1e9;
        write!(f, "{seconds:>13.6} c{:<3} {:?}", self.cache, self.what)
    }
}

/// How many lines are kept where not all are.
const TAIL: usize = 2000;

impl Line {
    /// Whether it is about this cache, or about the clocks.
    #[must_use]
    pub fn concerns(&self, cache: usize) -> bool {
        self.cache == cache || matches!(self.what, What::Moved(_))
    }
}
