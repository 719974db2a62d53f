//! An issuer whose answers can be checked, and a world where time stands still.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use shuttle::future::block_on;
use tokio::runtime::Runtime;

use crate::home::alarm::Alarm;
use crate::{
    Agent, AgentIdentity, Cache, Clock, Credential, Error, Issued, Profile, ProvideCredential,
    Request, Secret, sys,
};

/// Answers each call with a credential whose every field is derived from the number of the call.
#[derive(Clone)]
pub(super) struct Issuer {
    pub(super) calls: Arc<AtomicU64>,
    /// How often the call of this index is polled before it has an answer; the last counts for all that follow.
    pub(super) polls: &'static [usize],
    pub(super) behaviour: Behaviour,
    /// Whether the waiting reader polls first.
    pub(super) at_once: bool,
    /// Whether the agent lives by the system's clock, which grants leases.
    pub(super) leases: bool,
    /// Under this name, its calls come one at a time.
    pub(super) name: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Behaviour {
    Mints,
    Repeats,
    Fails,
}

impl Default for Issuer {
    fn default() -> Self {
        Self {
            calls: Arc::default(),
            polls: &[2],
            behaviour: Behaviour::Mints,
            at_once: false,
            leases: false,
            name: None,
        }
    }
}

impl Issuer {
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// A new agent with one cache.
    pub(super) fn cache(&self) -> (Agent, Cache) {
        let agent = self.agent();
        let cache = self.cache_of(&agent);
        (agent, cache)
    }

    pub(super) fn agent(&self) -> Agent {
        let identity = AgentIdentity {
            agent_type: "model".into(),
            version: "1".into(),
            environment: "test".into(),
            owner: "core".into(),
        };
        let builder = Agent::builder(identity).runtime(RUNTIME.handle().clone());
        let agent = if self.leases {
            builder.build()
        } else {
            builder.clock(StandingClock).build()
        };
        agent.unwrap()
    }

    pub(super) fn cache_of(&self, agent: &Agent) -> Cache {
        let cache = (1..10).fold(agent.cache(self.clone()), |cache, number| {
            cache.accept_principal(format!("principal-{number}"))
        });
        cache.issuer_limit(1).build().unwrap()
    }
}

impl ProvideCredential for Issuer {
    fn profile(&self) -> Profile {
        let mut profile = Profile::signing_key("model");
        if self.at_once {
            profile = profile.answers_at_once();
        }
        if let Some(name) = self.name {
            profile = profile.issuer(name);
        }
        profile
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let index = usize::try_from(call).unwrap() - 1;
        let polls = self.polls.get(index).or_else(|| self.polls.last());
        for _ in 0..polls.copied().unwrap_or_default() {
            pause().await;
        }
        match self.behaviour {
            Behaviour::Mints => Ok(issued(call)),
            Behaviour::Repeats => Ok(issued(1)),
            Behaviour::Fails => Err(Error::unavailable(format!("call {call} failed"))),
        }
    }
}

fn issued(number: u64) -> Issued {
    Issued::signing_key(
        format!("key-{number}"),
        Secret::from(format!("secret-{number}")),
    )
    .session_token(Secret::from(format!("session-{number}")))
    .principal(format!("principal-{number}"))
    .expires_at(end(number))
}

fn end(number: u64) -> SystemTime {
    *START + Duration::from_secs(7200 + number)
}

/// The number of the call that brought this credential. Panics unless all of it is of that call.
pub(super) fn whole(credential: &Credential) -> u64 {
    let key = credential.key_id().unwrap();
    let number = key.strip_prefix("key-").unwrap();
    let expected = |what: &str| format!("{what}-{number}");
    let exposed = credential.expose_signing_key("model").unwrap();
    assert_eq!(exposed.secret, expected("secret").as_bytes());
    assert_eq!(exposed.session_token, Some(expected("session").as_bytes()));
    assert_eq!(credential.principal(), Some(expected("principal").as_str()));
    let number = number.parse().unwrap();
    assert_eq!(credential.expires_at(), Some(end(number)));
    number
}

/// Waits until no flight of the agent is under way any more, a retired one neither.
pub(super) fn settle(agent: &Agent) {
    let inner = &agent.inner;
    assert!(block_on(inner.homes.settled(&Alarm::default())));
}

async fn pause() {
    let mut paused = false;
    poll_fn(|context| {
        if paused {
            return Poll::Ready(());
        }
        paused = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[derive(Debug)]
struct StandingClock;

impl Clock for StandingClock {
    fn wall(&self) -> SystemTime {
        *START
    }

    fn since_boot(&self) -> Duration {
        Duration::from_secs(1000)
    }
}

static START: LazyLock<SystemTime> = LazyLock::new(sys::wall);
/// Lends its context to first polls. Nothing runs on it: tasks run on the model checker's executor.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
});
