//! What holds a thread of the library's, and whom it must not hurt. A process of its own, and one test at a time: all share
//! the thread that they block.

mod blocked;
mod innocent;
mod kept_apart;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keytide_core::{
    Agent, AgentIdentity, Cache, Error, Issued, Profile, ProvideCredential, Request, Secret,
};
use keytide_testkit::{Answer, Recorder, Script, ScriptedProvider};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

type Provided = Pin<Box<dyn Future<Output = Result<Issued, Error>> + Send>>;

/// A provider that does what the test says.
struct Does {
    name: &'static str,
    calls: Arc<AtomicU64>,
    what: Box<dyn Fn() -> Provided + Send + Sync>,
}

impl Does {
    fn new<F>(name: &'static str, what: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Issued, Error>> + Send + 'static,
    {
        Self {
            name,
            calls: Arc::default(),
            what: Box::new(move || Box::pin(what())),
        }
    }
}

impl ProvideCredential for Does {
    fn profile(&self) -> Profile {
        Profile::bearer(self.name)
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        (self.what)().await
    }
}

fn token(lifetime: Duration) -> Issued {
    Issued::bearer(Secret::from("t".to_owned())).expires_in(lifetime)
}

/// Holds threads until it is opened, or dropped.
#[derive(Clone, Default)]
struct Gate(Arc<Held>);

#[derive(Default)]
struct Held {
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Gate {
    /// Blocks the thread.
    fn block(&self) {
        let mut state = lock(&self.0.state);
        state.0 += 1;
        while !state.1 {
            let waited = self.0.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// How often a thread came here.
    fn came(&self) -> usize {
        lock(&self.0.state).0
    }

    fn open(&self) {
        lock(&self.0.state).1 = true;
        self.0.changed.notify_all();
    }
}

/// Opens the gate at the end of the test, however that ends.
struct Opens(Gate);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

fn gate() -> (Gate, Opens) {
    let gate = Gate::default();
    (gate.clone(), Opens(gate))
}

/// One test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    lock(&ALONE)
}

fn agent() -> (Agent, Recorder) {
    let identity = AgentIdentity {
        agent_type: "homes".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    let recorder = Recorder::new();
    let builder = Agent::builder(identity).observe(recorder.observer());
    (builder.build().unwrap(), recorder)
}

fn scripted(agent: &Agent, name: &'static str, answer: Answer) -> (Cache, Script) {
    let (provider, script) = ScriptedProvider::with_profile(Profile::bearer(name), answer);
    (agent.cache(provider).build().unwrap(), script)
}

/// Waits in real time for what another thread is about to do.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    panic!("{what}: not within ten seconds");
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a program that knows no other clock would wait"
)]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
