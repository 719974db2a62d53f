//! When an answer ends, reckoned from what the issuer said: [`Life`].

use std::time::{Duration, SystemTime};

use crate::credential::Ends;
use crate::issued::Issued;
use crate::time::{Boot, Now, Wall};

/// When an answer ends, on all axes.
pub(super) struct Life {
    pub(super) expires_at: Option<SystemTime>,
    pub(super) ends: Ends,
    /// From receipt to end.
    pub(super) remaining: Duration,
    /// From making to end.
    pub(super) whole: Duration,
    pub(super) hint: Option<Duration>,
}

impl Life {
    /// A lifetime counts from the moment of sending; an instant is the issuer's, and an issuer whose clock is ahead
    /// of ours shortens what is left by ours.
    pub(super) fn of(issued: &Issued, skew: i64, sent: Now, now: Now) -> Self {
        let elapsed = sent.boot.until(now.boot);
        let relative = issued
            .expires_in
            .map(|lifetime| lifetime.saturating_sub(elapsed));
        let absolute = issued.expires_at.map(|instant| {
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
                    wall.system()
                        .filter(|_| wall != Wall::FAR)
                        .or_else(|| absolute.map(|known| known.0)),
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
        let whole = match (issued.issued_at, expires_at) {
            (Some(made), Some(end)) => end.duration_since(made).unwrap_or(remaining).max(remaining),
            _ => remaining,
        };
        let hint_in = issued.refresh_in.map(|after| after.saturating_sub(elapsed));
        let hint_at = issued.refresh_at.map(|instant| {
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
