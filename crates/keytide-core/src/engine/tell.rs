//! Telling an issuer of a revocation, from the home of calls, where the provider's connections live.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use super::household::Household;
use super::left::Correction;
use super::shared::Shared;
use crate::context::Context;
use crate::credential::{Credential, Ends};
use crate::error::Error;
use crate::event::EventKind;
use crate::home::{Call, Landing, Load};
use crate::identity::InstanceId;
use crate::profile::Revocation;
use crate::sync::wakers::Wakers;
use crate::sync::{AbortHandle, discard};

/// One issuer that is being told.
struct Heard {
    agent: Arc<Household<Shared>>,
    tells: Tells,
    name: &'static str,
    outcome: OnceLock<Result<Duration, Error>>,
    heard: Wakers,
    /// It was told once more, for the thread of the first telling was blocked.
    again: AtomicBool,
}

/// All that it takes to tell an issuer, wherever that ends: whoever waits for it may be gone by then.
pub(crate) struct Tells {
    pub(crate) credential: Arc<Credential>,
    pub(crate) revocation: Revocation,
    pub(crate) former: Option<Ends>,
    pub(crate) context: Arc<Context>,
    pub(crate) correction: Correction,
}

/// Says for how long what was issued is accepted, once the issuer was told.
pub(crate) type Telling = Pin<Box<dyn Future<Output = Result<Duration, Error>> + Send>>;

impl Tells {
    async fn run(&self) -> Result<Duration, Error> {
        if let Some(tell) = self.credential.revoke_at() {
            tell(Arc::clone(&self.credential)).await?;
        }
        let now = self.context.clock.now();
        let remaining = self.credential.remaining_at(now);
        let at_issuer = match self.revocation {
            Revocation::Immediate => Duration::ZERO,
            Revocation::Within(bound) => bound.min(remaining),
            Revocation::UntilExpiry => remaining,
        };
        let former = self
            .former
            .map_or(Duration::ZERO, |ends| ends.remaining(now));
        let accepted_for = at_issuer.max(former);
        self.correction.told(now, accepted_for);
        Ok(accepted_for)
    }
}

/// Tells the issuer once this is polled; dropping it then does not end that.
pub(crate) fn tell(agent: Arc<Household<Shared>>, tells: Tells, name: &'static str) -> Telling {
    Box::pin(async move {
        let told = Arc::new(Heard {
            agent,
            tells,
            name,
            outcome: OnceLock::new(),
            heard: Wakers::default(),
            again: AtomicBool::new(false),
        });
        told.start();
        told.heard().await.map_err(|error| error.named_after(name))
    })
}

impl Heard {
    fn start(self: &Arc<Self>) {
        let homes = &self.agent.homes;
        let home = match homes.current() {
            Ok(home) => home.into_owned(),
            Err(error) => return self.resolve(Err(error)),
        };
        let told = Arc::clone(self);
        let work = Box::pin(async move {
            let result = told.tells.run().await;
            Box::new(move || told.resolve(result)) as Landing
        });
        let call: Arc<dyn Call> = Arc::new(TellingCall(Arc::clone(self)));
        homes.carry(home, &call, Load::new(work, homes.ticket()), Duration::MAX);
    }

    /// Only the first outcome counts.
    fn resolve(&self, outcome: Result<Duration, Error>) {
        // The source of one that is late is a user's.
        discard(self.outcome.set(outcome));
        self.heard.wake();
    }

    async fn heard(&self) -> Result<Duration, Error> {
        let mut registration = self.heard.registration();
        poll_fn(|context| {
            registration.register(context.waker());
            let outcome = self.outcome.get().cloned();
            outcome.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// The telling as its home knows it.
struct TellingCall(Arc<Heard>);

impl Call for TellingCall {
    fn agent(&self) -> InstanceId {
        self.0.agent.actor.instance
    }

    fn cache(&self) -> Option<u32> {
        None
    }

    fn name(&self) -> &'static str {
        self.0.name
    }

    fn carried(&self, _: AbortHandle) {}

    fn fail(&self, error: Error) {
        self.0.resolve(Err(error));
    }

    fn moved(&self, _: Option<&'static str>) {}

    fn orphan(&self, blocked_by: Option<&'static str>, _: bool) {
        if blocked_by.is_some() && !self.0.again.swap(true, Ordering::Relaxed) {
            return self.0.start();
        }
        let message = "telling the issuer was cut short";
        self.0.resolve(Err(Error::unavailable(message)));
    }

    fn home_blocked(&self, by: Option<&'static str>) {
        let actor = &self.0.agent.actor;
        actor.emit(None, "", None, EventKind::Blocked { by });
    }
}
