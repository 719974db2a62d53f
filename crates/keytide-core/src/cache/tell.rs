//! Telling an issuer of a revocation, from the home of calls, where the provider's connections live.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use crate::agent::AgentInner;
use crate::credential::Credential;
use crate::error::Error;
use crate::event::EventKind;
use crate::home::{Call, Landing, Load};
use crate::identity::InstanceId;
use crate::issued::RevokeFuture;
use crate::sync::AbortHandle;
use crate::wakers::Wakers;

/// One issuer that is being told.
struct Told {
    agent: Arc<AgentInner>,
    credential: Arc<Credential>,
    name: &'static str,
    outcome: Mutex<Option<Result<(), Error>>>,
    heard: Wakers,
    /// It was told once more, for the thread of the first telling was blocked.
    again: AtomicBool,
}

/// Tells the issuer once this is polled; dropping it then does not end that.
pub(super) fn tell(
    agent: Arc<AgentInner>,
    credential: Arc<Credential>,
    name: &'static str,
) -> RevokeFuture {
    Box::pin(async move {
        let told = Arc::new(Told {
            agent,
            credential,
            name,
            outcome: Mutex::default(),
            heard: Wakers::default(),
            again: AtomicBool::new(false),
        });
        told.start();
        told.heard().await.map_err(|error| error.named_after(name))
    })
}

impl Told {
    fn start(self: &Arc<Self>) {
        let homes = &self.agent.homes;
        let home = match homes.current() {
            Ok(home) => home,
            Err(error) => return self.resolve(Err(error)),
        };
        let told = Arc::clone(self);
        let work = Box::pin(async move {
            let credential = &told.credential;
            let result = match credential.revoke_at() {
                Some(tell) => tell(Arc::clone(credential)).await,
                None => Ok(()),
            };
            Box::new(move || told.resolve(result)) as Landing
        });
        let call: Arc<dyn Call> = Arc::new(Telling(Arc::clone(self)));
        homes.carry(home, &call, Load::new(work, homes.ticket()), Duration::MAX);
    }

    /// Only the first outcome counts.
    fn resolve(&self, outcome: Result<(), Error>) {
        lock(&self.outcome).get_or_insert(outcome);
        self.heard.wake();
    }

    async fn heard(&self) -> Result<(), Error> {
        let mut place = self.heard.place();
        poll_fn(|context| {
            place.register(context.waker());
            let outcome = lock(&self.outcome).clone();
            outcome.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// The telling as its home knows it.
struct Telling(Arc<Told>);

impl Call for Telling {
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
        if blocked_by.is_some() && !self.0.again.swap(true, Ordering::AcqRel) {
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
