//! What decisions look at of a credential: [`Held`]. No secret, no lock, no clock.

use std::time::Duration;

use crate::profile::CredentialKind;
use crate::sys::time::{Boot, Now, Wall, nanos};

/// A credential as the engine reckons with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) kind: CredentialKind,
    pub(crate) generation: u64,
    pub(crate) ends: Ends,
    pub(crate) plan: Plan,
}

/// Where the life of a credential ends, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) wall: Wall,
    pub(crate) boot: Boot,
}

/// When a credential was received and when it is to be replaced: kept beside its expiry, never instead of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) received: Boot,
    refresh_margin: i64,
}

/// What a credential is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It lasts this much longer.
    Usable(Duration),
    /// Past its expiry, served by static stability.
    PastExpiry,
    /// Not to be served.
    Expired,
}

impl Held {
    /// How long it lasted when it was received; `Duration::MAX` for a static credential.
    pub(crate) fn lifetime(&self) -> Duration {
        if self.ends.boot == Boot::FAR {
            Duration::MAX
        } else {
            self.plan.received.until(self.ends.boot)
        }
    }

    /// Judges it by both clocks. `stability`: how long past its expiry a signing key is served, while nobody said no.
    pub(crate) fn judge(&self, now: Now, stability: Option<Duration>, refused: bool) -> Verdict {
        let remaining = self.ends.remaining(now);
        if !remaining.is_zero() {
            return Verdict::Usable(remaining);
        }
        match stability {
            Some(bound)
                if self.kind == CredentialKind::SigningKey
                    && !refused
                    && self.ends.past(now) < bound =>
            {
                Verdict::PastExpiry
            }
            _ => Verdict::Expired,
        }
    }
}

impl Verdict {
    pub(crate) fn usable(self) -> Option<Duration> {
        match self {
            Self::Usable(remaining) => Some(remaining),
            Self::PastExpiry | Self::Expired => None,
        }
    }
}

impl Plan {
    pub(crate) fn new(received: Boot, refresh_margin: Duration) -> Self {
        Self {
            received,
            refresh_margin: nanos(refresh_margin),
        }
    }

    /// A refresh is due once no more than this remains.
    pub(crate) fn refresh_margin(self) -> Duration {
        Duration::from_nanos(self.refresh_margin.unsigned_abs())
    }
}

impl Ends {
    /// What is left by the clock that leaves less; `Duration::MAX` where nothing ends.
    pub(crate) fn remaining(self, now: Now) -> Duration {
        if self.boot == Boot::FAR && self.wall == Wall::FAR {
            return Duration::MAX;
        }
        now.wall.until(self.wall).min(now.boot.until(self.boot))
    }

    /// So long after an instant, on both clocks.
    pub(crate) fn after(now: Now, span: Duration) -> Self {
        Self {
            wall: now.wall.after(span),
            boot: now.boot.after(span),
        }
    }

    /// The later of two ends, on each clock.
    pub(crate) fn later(self, other: Self) -> Self {
        Self {
            wall: self.wall.max(other.wall),
            boot: self.boot.max(other.boot),
        }
    }

    /// The later of two ends that may be.
    pub(crate) fn latest(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(one.later(other)),
            (one, other) => one.or(other),
        }
    }

    /// How long ago it ended, by the clock that says longer.
    fn past(self, now: Now) -> Duration {
        self.wall.until(now.wall).max(self.boot.until(now.boot))
    }
}
