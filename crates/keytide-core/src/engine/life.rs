//! When an answer ends, reckoned from what the issuer said: [`Life`].

use std::time::{Duration, SystemTime};

use crate::credential::Ends;
use crate::sys::time::{Boot, Now, Wall};

/// When an answer ends, as its issuer said.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    pub(crate) issued_at: Option<SystemTime>,
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) refresh_at: Option<SystemTime>,
    pub(crate) refresh_in: Option<Duration>,
}

/// When an answer ends, on all axes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) ends: Ends,
    /// From receipt to end.
    pub(crate) remaining: Duration,
    /// From making to end.
    pub(crate) whole: Duration,
    pub(crate) hint: Option<Duration>,
}

impl Life {
    /// A lifetime counts from the moment of sending; an instant is the issuer's, and an issuer whose clock is ahead
    /// of ours shortens what is left by ours.
    pub(crate) fn of(times: &Times, skew: i64, sent: Now, now: Now) -> Self {
        let elapsed = sent.boot.until(now.boot);
        let relative = times
            .expires_in
            .map(|lifetime| lifetime.saturating_sub(elapsed));
        let absolute = times.expires_at.map(|instant| {
            let ours = Wall(Wall::from(instant).0.saturating_sub(skew.max(0)));
            (instant, now.wall.until(ours), ours)
        });
        let (expires_at, wall, remaining) = match (absolute, relative) {
            (Some((instant, left, ours)), relative)
                if relative.is_none_or(|relative| left <= relative) =>
            {
                (Some(instant), ours, left)
            }
            (absolute, Some(relative)) => {
                let wall = now.wall.after(relative);
                (
                    // One beyond counting ends all the same: it was told.
                    match absolute {
                        Some((told, ..)) if wall == Wall::FAR => Some(told),
                        _ => wall.system(),
                    },
                    wall,
                    relative,
                )
            }
            (_, None) => (None, Wall::FAR, Duration::MAX),
        };
        let far = wall == Wall::FAR;
        let remaining = if far { Duration::MAX } else { remaining };
        let boot = if far {
            Boot::FAR
        } else {
            now.boot.after(remaining)
        };
        let whole = match (times.issued_at, expires_at) {
            (Some(made), Some(end)) => end.duration_since(made).unwrap_or(remaining).max(remaining),
            _ => remaining,
        };
        let hint_in = times.refresh_in.map(|after| after.saturating_sub(elapsed));
        let hint_at = times.refresh_at.map(|instant| {
            now.wall
                .until(Wall(Wall::from(instant).0.saturating_sub(skew.max(0))))
        });
        Self {
            expires_at,
            ends: Ends { wall, boot },
            remaining,
            whole,
            hint: hint_in.or(hint_at),
        }
    }
}

impl Times {
    /// Whether two ends are the same. One that was reckoned from a lifetime may differ by the latency of two calls.
    pub(crate) fn same_end(&self, known: Option<SystemTime>, end: Option<SystemTime>) -> bool {
        let tolerance = if self.expires_at.is_some() {
            Duration::ZERO
        } else {
            Duration::from_secs(2)
        };
        match (known, end) {
            (Some(a), Some(b)) => a
                .duration_since(b)
                .or_else(|_| b.duration_since(a))
                .is_ok_and(|apart| apart <= tolerance),
            (None, None) => true,
            _ => false,
        }
    }
}
