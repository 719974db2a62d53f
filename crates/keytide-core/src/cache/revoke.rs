//! Ends that are final: no reader gets the credential any more, and the issuer is told where it can be.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Cache;
use super::changes::{END, tell_watchers};
use super::shared::{Ended, FOREIGN, Shared};
use super::state::State;
use super::tell::tell;
use super::timer::After;
use crate::agent::AgentInner;
use crate::credential::{Credential, Ends};
use crate::error::{Error, ErrorKind};
use crate::event::EventKind;
use crate::issued::RevokeFuture;
use crate::profile::Revocation;
use crate::sync::bury;
use crate::time::Boot;

impl Cache {
    /// Revokes the credential: when this returns, every read that starts fails, and no call under way can undo it.
    ///
    /// The secret is wiped when its last borrower lets go. Revoking twice is fine; it is not undone: build a new cache.
    /// The issuer is told by the future that is returned, where it can be told; dropping it only omits that.
    pub fn revoke(&self) -> Telling {
        self.shared.revoke()
    }
}

/// What a revocation leaves behind.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Revoked {
    /// The key of the cache.
    pub cache: Arc<str>,
    /// For how long some generation that was issued is still accepted by its issuer, as far as can be known. Zero when
    /// nothing was issued, or all that was is revoked at the issuer. Only the last generation can be taken back there: one
    /// that it replaced before its time counts until its own expiry.
    pub residual_exposure: Duration,
    /// How many borrowers (owned reads, parked handles) held the last generation at the moment of revocation.
    pub borrowers: usize,
    /// What the issuer was told: `None` where it has no way to be told, or there was nothing to tell.
    pub issuer: Option<Result<(), Error>>,
}

/// Tells the issuer of a revocation that is done here already. See [`Cache::revoke`].
#[must_use = "the issuer is told only when this is awaited; dropping it is fine where that is not wanted"]
pub struct Telling {
    report: Revoked,
    revocation: Revocation,
    former: Option<Ends>,
    /// Until when something is accepted, unless the issuer is told: remembered by the agent when this is dropped.
    left: Option<Ends>,
    agent: Arc<AgentInner>,
    telling: Option<RevokeFuture>,
}

impl Telling {
    /// What is known without telling the issuer.
    #[must_use]
    pub fn report(&self) -> &Revoked {
        &self.report
    }
}

impl Future for Telling {
    type Output = Revoked;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Revoked> {
        let this = &mut *self;
        if let Some(telling) = &mut this.telling {
            let Poll::Ready(told) = telling.as_mut().poll(context) else {
                return Poll::Pending;
            };
            this.telling = None;
            if told.is_ok() {
                let at_issuer = match this.revocation {
                    Revocation::Immediate => Duration::ZERO,
                    Revocation::Within(bound) => bound.min(this.report.residual_exposure),
                    Revocation::UntilExpiry => this.report.residual_exposure,
                };
                let now = this.agent.actor.clock.now();
                let former = this
                    .former
                    .map_or(Duration::ZERO, |ends| ends.remaining(now));
                this.report.residual_exposure = at_issuer.max(former);
                this.left = Some(Ends::after(now, this.report.residual_exposure));
            }
            this.report.issuer = Some(told);
        }
        Poll::Ready(this.report.clone())
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if !self.agent.actor.is_foreign() {
            self.agent.remember(self.left);
        }
    }
}

impl fmt::Debug for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telling")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn revoke(self: &Arc<Self>) -> Telling {
        if self.context.is_foreign() {
            return self.nothing_to_revoke();
        }
        let revocation = self.context.profile().revocation;
        let now = self.context.clock.now();
        let mut state = self.state.lock();
        let first = self.ended() != Ended::Revoked;
        self.set_ended(Ended::Revoked);
        let current = self
            .slot
            .load()
            .into_owned()
            .or_else(|| state.withdrawn().cloned());
        self.slot.store(None);
        let after = After {
            retired: state.flight.take(),
            ..After::default()
        };
        let rare = state.rare.take();
        let former = rare.as_ref().and_then(|rare| rare.former);
        let left_of_former = former.map_or(Duration::ZERO, |ends| ends.remaining(now));
        let watchers = rare.as_ref().and_then(|rare| rare.changes.clone());
        bury(rare);
        let left = current
            .as_ref()
            .map(|current| current.remaining_at(now))
            .unwrap_or_default();
        let residual_exposure = left.max(left_of_former);
        let ends = current.as_ref().map(|current| current.ends);
        let ends = match (ends, former) {
            (Some(ends), Some(former)) => Some(ends.later(former)),
            (ends, former) => ends.or(former),
        };
        self.schedule(&mut state, Boot::FAR, now);
        state.wanted = None;
        if first {
            self.context.emit_at(
                now,
                current.as_deref().and_then(Credential::principal_arc),
                EventKind::Revoked { residual_exposure },
            );
        }
        drop(state);
        after.run();
        tell_watchers(watchers, END);
        let report = Revoked {
            cache: self.context.key.text(),
            residual_exposure,
            // One is ours.
            borrowers: current
                .as_ref()
                .map_or(0, |current| Arc::strong_count(current) - 1),
            issuer: None,
        };
        Telling {
            report,
            revocation,
            former,
            left: ends,
            agent: Arc::clone(&self.agent),
            telling: current.and_then(|current| self.tell_issuer(current)),
        }
    }

    /// In a forked child: what its parent holds is not the child's to end, and its locks may be held.
    fn nothing_to_revoke(&self) -> Telling {
        let error = self.error(ErrorKind::ForeignInstance, FOREIGN);
        Telling {
            report: Revoked {
                cache: self.context.key.text(),
                residual_exposure: Duration::ZERO,
                borrowers: 0,
                issuer: Some(Err(error)),
            },
            revocation: Revocation::UntilExpiry,
            former: None,
            left: None,
            agent: Arc::clone(&self.agent),
            telling: None,
        }
    }

    /// Tells the issuer, where it can be told.
    fn tell_issuer(&self, credential: Arc<Credential>) -> Option<RevokeFuture> {
        credential.revoke_at()?;
        let name = self.context.provider_name();
        Some(tell(Arc::clone(&self.agent), credential, name))
    }

    /// Until when something is accepted of what this cache was issued, at the latest.
    pub(super) fn left_behind(&self, state: &State) -> Option<Ends> {
        let borrowed = self.slot.load();
        let known = borrowed
            .get()
            .or_else(|| state.withdrawn().map(Arc::as_ref));
        let former = state.rare.as_ref().and_then(|rare| rare.former);
        match (known.map(|known| known.ends), former) {
            (Some(ends), Some(former)) => Some(ends.later(former)),
            (ends, former) => ends.or(former),
        }
    }

    /// Stops refreshing. What is at hand is served until it expires.
    pub(crate) fn shut_down(self: &Arc<Self>) {
        if self.context.is_foreign() {
            return;
        }
        let now = self.context.clock.now();
        let mut state = self.state.lock();
        self.set_ended(Ended::ShutDown);
        let after = After {
            retired: state.flight.take(),
            ..After::default()
        };
        state.wanted = None;
        self.schedule(&mut state, Boot::FAR, now);
        let watchers = state.rare.as_ref().and_then(|rare| rare.changes.clone());
        drop(state);
        after.run();
        tell_watchers(watchers, END);
    }
}
