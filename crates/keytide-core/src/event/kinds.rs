//! What happened: [`Event`].

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::error::ErrorKind;
use crate::identity::{AgentIdentity, InstanceId, Labels};

/// Something that happened to an agent or to one of its credentials. It holds no secret.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Event {
    /// Which agent.
    pub identity: Arc<AgentIdentity>,
    /// Which instance of it.
    pub instance: InstanceId,
    /// What else is known of the agent.
    pub labels: Arc<Labels>,
    /// Which cache, by its key; `None` for events of the agent as a whole.
    pub cache: Option<Arc<str>>,
    /// Which provider, by its name; empty for events of the agent as a whole.
    pub provider: String,
    /// Who the issuer says we are, where it is known.
    pub principal: Option<Arc<str>>,
    /// When, by the agent's wall clock.
    pub at: SystemTime,
    /// What.
    pub kind: EventKind,
}

/// What happened. Durations are as of the event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A refresh is planned.
    Scheduled {
        /// How far ahead.
        after: Duration,
    },
    /// The issuer is being asked.
    Started {
        /// Why now.
        trigger: Trigger,
    },
    /// A new generation was published.
    Issued {
        /// Its number.
        generation: u64,
        /// How long it lasts; `None` if it never expires.
        lifetime: Option<Duration>,
        /// How long the issuer took.
        latency: Duration,
    },
    /// The issuer could not be asked, or said no.
    Failed {
        /// What sort of failure.
        error: ErrorKind,
        /// Its message.
        message: String,
        /// When it is tried again; `None`: not before the provider's input has changed.
        next_attempt: Option<Duration>,
        /// How long the credential at hand still lasts; `None` if there is none.
        remaining: Option<Duration>,
        /// Whether the credential at hand is in its mandatory window: the next thing to fail would be readers.
        urgent: bool,
    },
    /// The issuer gave the same credential again.
    Unchanged {
        /// The generation that it vouched for.
        generation: u64,
    },
    /// Reads were served past expiry, by static stability.
    ServedPastExpiry {
        /// Which generation.
        generation: u64,
        /// How many reads since the last event of this kind.
        reads: u64,
    },
    /// A destination refused a credential.
    Rejected {
        /// Which generation.
        generation: u64,
        /// The origin that refused it.
        origin: String,
    },
    /// A request was refused before it was sent: a rule forbids it to carry the credential.
    Refused {
        /// Where it would have gone, scheme, host and port; empty where that cannot be said. The caller's text.
        destination: String,
        /// The rule, by its name.
        rule: &'static str,
    },
    /// A request was sent with the credential. Told to observers of uses only.
    Used {
        /// Which generation.
        generation: u64,
        /// To which origin.
        destination: String,
        /// The method.
        method: String,
        /// The path, without its query.
        path: String,
        /// The status of the answer; `None` if there was none.
        status: Option<u16>,
    },
    /// How many requests one client sent with a generation, where nobody observes each use. Told when the client lets go
    /// of that generation.
    UsesCounted {
        /// Which generation.
        generation: u64,
        /// How many requests.
        uses: u64,
    },
    /// A caller declared a generation invalid.
    Invalidated {
        /// Which generation.
        generation: u64,
    },
    /// A cache was revoked.
    Revoked {
        /// For how long some generation that was issued is still accepted by its issuer.
        residual_exposure: Duration,
    },
    /// A credential expired before a newer one came.
    Expired {
        /// Which generation.
        generation: u64,
    },
    /// Refreshing stopped, for nobody reads.
    Idle,
    /// Refreshing goes on, for somebody reads again.
    Resumed,
    /// The wall clock stepped.
    ClockStepped {
        /// By how much.
        by: Duration,
        /// Whether it went back.
        backward: bool,
    },
    /// The issuer's clock differs from ours.
    ClockSkew {
        /// By how much.
        by: Duration,
        /// Whether the issuer's clock is ahead of ours.
        issuer_ahead: bool,
    },
    /// The issuer answered for another principal; it is not served unless listed or adopted.
    PrincipalChanged {
        /// Who we were.
        from: String,
        /// Who we would be.
        to: String,
        /// Whether it is served.
        accepted: bool,
    },
    /// The issuer gave a secret that never expires, or a cache was built whose provider presents one.
    StaticCredentialSeen {
        /// Whether it is served.
        accepted: bool,
    },
    /// The issuer gave a credential that lives longer than the policy accepts.
    LifetimeTooLong {
        /// How long it lives.
        lifetime: Duration,
        /// Whether it is served.
        accepted: bool,
    },
    /// The secret was read.
    Exposed {
        /// Which generation.
        generation: u64,
        /// What for.
        reason: &'static str,
    },
    /// A refresh goes on elsewhere, or is made anew, because its runtime ended, was not polled, or was blocked.
    Orphaned {
        /// The provider that blocked the thread, if one is known to.
        blocked_by: Option<&'static str>,
    },
    /// A thread on which the agent has calls or timers has not answered for a second. New calls go elsewhere.
    Blocked {
        /// The provider whose code holds it, if it is one's: a task that was spawned there, or a waker, has no name.
        by: Option<&'static str>,
    },
    /// The agent ended.
    Terminated {
        /// Why; `None` when it was dropped.
        reason: Option<Reason>,
    },
    /// Events were lost, because this observer was too slow.
    Lost {
        /// How many.
        events: u64,
    },
}

/// Why an issuer is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trigger {
    /// There was no credential yet.
    FirstUse,
    /// The refresh instant in the advisory window came.
    Ahead,
    /// The mandatory window began.
    Urgent,
    /// The credential expired, and somebody wants one.
    Expired,
    /// It was invalidated, and somebody wants one.
    Invalidated,
    /// A destination refused it.
    Rejected,
    /// A reader asked for more life than is left.
    TooShort,
    /// The provider's input changed.
    Changed,
    /// The user asked by name.
    ByName,
}

/// Why an agent ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Its work is done.
    Finished,
    /// It failed.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// It, or what it holds, is no longer trusted.
    Compromised,
}
