//! What a cache is doing: [`CacheStatus`].

use std::sync::Arc;
use std::time::Duration;

use super::Cache;
use crate::credential::Verdict;
use crate::engine::machine::Ended;
use crate::engine::shared::Shared;
use crate::sys::time::Boot;

/// What a cache is doing, as of the moment it was asked. Gauges and counters for metrics stand beside their names.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CacheStatus {
    /// The key of the cache: label `cache` of each metric.
    pub key: Arc<str>,
    /// The provider's name: label `provider` of each metric.
    pub provider: &'static str,
    /// Where in its life the credential is: `keytide_credential_phase`.
    pub phase: Phase,
    /// The current generation, 0 before the first: `keytide_credential_generation`.
    pub generation: u64,
    /// How long ago it was received: `keytide_credential_age_seconds`.
    pub age: Option<Duration>,
    /// How long it still lasts: `keytide_credential_remaining_seconds`. `None` without a credential, and for a static
    /// one.
    pub remaining: Option<Duration>,
    /// Generations published: `keytide_rotations_total`.
    pub rotations: u64,
    /// Calls that failed: `keytide_refresh_failures_total`.
    pub failures: u64,
    /// How long until the issuer may be asked again, or is planned to be: `keytide_next_attempt_seconds`. `None` when
    /// nothing is planned, or a call is under way.
    pub next_attempt: Option<Duration>,
    /// Whether a call is under way: `keytide_refresh_in_flight`.
    pub in_flight: bool,
    /// Whether the credential never expires, or its provider presents a secret that does not:
    /// `keytide_static_credential`.
    pub is_static: bool,
    /// How far the issuer's clock is ahead of ours in seconds, negative when behind, as far as it told:
    /// `keytide_issuer_clock_skew_seconds`.
    pub issuer_clock_skew: f64,
    /// The last failure since the last success, if any.
    pub last_error: Option<crate::Error>,
}

/// Where in its life a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// There has been none yet.
    Empty,
    /// It is not yet to be replaced.
    Fresh,
    /// It is to be replaced, behind the readers' backs.
    Advisory,
    /// It is to be replaced urgently.
    Mandatory,
    /// It has expired.
    Expired,
    /// The user declared it invalid.
    Invalidated,
    /// It was revoked. Final.
    Revoked,
}

impl Cache {
    /// What the cache is doing now. In a forked child, whose parent's it is, nothing.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use keytide_testkit::{Answer, scripted_cache};
    /// # let (cache, _) = scripted_cache(Answer::token(Duration::from_secs(3600)))?;
    /// use keytide_core::Phase;
    ///
    /// # cache.get_blocking(Duration::from_secs(10))?;
    /// let status = cache.status();
    /// assert_eq!((status.phase, status.rotations, status.failures), (Phase::Fresh, 1, 0));
    /// # Ok::<(), keytide_core::Error>(())
    /// ```
    #[must_use]
    pub fn status(&self) -> CacheStatus {
        status_of(&self.shared)
    }
}

pub(crate) fn status_of(shared: &Shared) -> CacheStatus {
    let now = shared.context.clock.now();
    let static_input = shared.context.profile().static_input.is_some();
    if let Some(error) = shared.foreign() {
        return CacheStatus {
            key: shared.context.key.text(),
            provider: shared.context.provider_name(),
            phase: Phase::Empty,
            generation: 0,
            age: None,
            remaining: None,
            rotations: 0,
            failures: 0,
            next_attempt: None,
            in_flight: false,
            is_static: static_input,
            issuer_clock_skew: 0.0,
            last_error: Some(error),
        };
    }
    let state = shared.state.lock();
    let machine = &state.machine;
    let borrowed = shared.slot.load();
    let current = borrowed.get();
    let phase = match current {
        _ if shared.ended() == Ended::Revoked => Phase::Revoked,
        None if state.withdrawn().is_some() => Phase::Invalidated,
        None => Phase::Empty,
        Some(current) => match shared.judge(current, now) {
            Verdict::Usable(remaining) if remaining > current.held.plan.refresh_margin() => {
                Phase::Fresh
            }
            Verdict::Usable(remaining)
                if remaining > shared.options.urgent_margin(&current.held) =>
            {
                Phase::Advisory
            }
            Verdict::Usable(_) => Phase::Mandatory,
            Verdict::PastExpiry | Verdict::Expired => Phase::Expired,
        },
    };
    let remaining = current
        .map(|current| current.remaining_at(now))
        .filter(|left| *left != Duration::MAX);
    let next = if machine.due() == Boot::FAR {
        machine.pace().next()
    } else {
        machine.due()
    };
    let planned = !machine.is_in_flight()
        && next != Boot::FAR
        && (next > now.boot || machine.due() != Boot::FAR);
    CacheStatus {
        key: shared.context.key.text(),
        provider: shared.context.provider_name(),
        phase,
        generation: machine.generation(),
        age: current.map(|current| current.held.plan.received.until(now.boot)),
        remaining,
        rotations: machine.generation(),
        failures: u64::from(machine.failures()),
        next_attempt: planned.then(|| now.boot.until(next)),
        in_flight: machine.is_in_flight(),
        is_static: static_input || current.is_some_and(|current| current.expires_at().is_none()),
        issuer_clock_skew: Duration::from_nanos(machine.skew().unsigned_abs()).as_secs_f64()
            * if machine.skew() < 0 { -1.0 } else { 1.0 },
        last_error: state.last_error().cloned(),
    }
}
