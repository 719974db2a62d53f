//! What a decision leaves the shell to do: [`Effects`].

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::event::Trigger;
use crate::sys::time::Boot;

/// What a decision leaves to be done. What is told, the slot and the timer: before the lock is released; flights are
/// retired and launched after it.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Effects {
    /// Whether anybody is told.
    pub(crate) observed: bool,
    pub(crate) told: Vec<Note>,
    pub(crate) slot: SlotChange,
    /// Whether the readers' hint that some origin refused the current credential is to be set so.
    pub(crate) marked: Option<bool>,
    pub(crate) look: Option<NextLook>,
    /// The flight that was under way is taken out.
    pub(crate) retired: bool,
    pub(crate) begin: Option<Begin>,
}

/// What becomes of the credential that readers get.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SlotChange {
    #[default]
    Keep,
    /// No reader gets it any more; it is kept aside.
    Withdraw,
    /// What was kept aside is read again.
    Reinstate,
    /// It is gone, and what was kept aside.
    Clear,
}

/// When the shell is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NextLook {
    pub(crate) former: Boot,
    pub(crate) at: Boot,
    /// The former instant has long passed: whoever was to look does not.
    pub(crate) late: bool,
}

/// A flight to be launched.
#[derive(Debug, Clone)]
pub(crate) struct Begin {
    pub(crate) number: NonZeroU32,
    pub(crate) trigger: Trigger,
    /// What one origin demands of the credential, where its refusal forced this call.
    pub(crate) demand: Option<Demand>,
    /// When the call becomes urgent, if it is not: the earlier, the more urgent.
    pub(crate) urgency: Boot,
    /// How long the call may take, if it is sent now.
    pub(crate) limit: Duration,
    /// How far the issuer's clock is ahead of ours.
    pub(crate) skew: i64,
}

/// What the challenge of an origin demanded when it refused a credential.
#[derive(Debug, Clone)]
pub(crate) struct Demand {
    pub(crate) origin: Arc<str>,
    pub(crate) claims: Arc<str>,
}

/// What is told of a decision. The shell adds the words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Note {
    Scheduled {
        after: Duration,
    },
    Issued {
        generation: u64,
        lifetime: Option<Duration>,
        latency: Duration,
    },
    Failed {
        next_attempt: Option<Duration>,
        remaining: Option<Duration>,
        urgent: bool,
    },
    Unchanged {
        generation: u64,
    },
    ServedPastExpiry {
        generation: u64,
    },
    Rejected {
        generation: u64,
    },
    Invalidated {
        generation: u64,
    },
    Revoked {
        residual_exposure: Duration,
    },
    Expired {
        generation: u64,
    },
    Idle,
    Resumed,
    ClockSkew {
        by: Duration,
        issuer_ahead: bool,
    },
    PrincipalChanged {
        accepted: bool,
    },
    StaticCredentialSeen {
        accepted: bool,
    },
    LifetimeTooLong {
        lifetime: Duration,
        accepted: bool,
    },
}

impl Effects {
    pub(crate) fn new(observed: bool) -> Self {
        Self {
            observed,
            ..Self::default()
        }
    }

    pub(super) fn tell(&mut self, note: Note) {
        if self.observed {
            self.told.push(note);
        }
    }
}
