//! What places are walked with: traps, bystanders, and limits to what may deadlock.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use keytide_core::{
    Agent, AgentIdentity, Cache, Error, ErrorKind, Issued, Profile, ProvideCredential, Reason,
    Request,
};
use keytide_testkit::{Answer, Script, ScriptedProvider};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
/// What another's misbehaviour may cost those who have nothing to do with it.
pub(crate) const BOUND: Duration = Duration::from_secs(3);
/// For how long what blocks does.
pub(crate) const BLOCKS: Duration = Duration::from_secs(3);

pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a user's code does that it should not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Does {
    Panics,
    Blocks,
    CallsBack,
    DropsTheLast,
    Terminates,
}

impl Does {
    pub(crate) const ALL: [Self; 5] = [
        Self::Panics,
        Self::Blocks,
        Self::CallsBack,
        Self::DropsTheLast,
        Self::Terminates,
    ];

    pub(crate) fn ends_the_cache(self) -> bool {
        matches!(self, Self::DropsTheLast | Self::Terminates)
    }
}

/// Stands in a place where a user's code is run, and does there what it should not, once it is armed.
pub(crate) struct Trap {
    pub(crate) does: Does,
    agent: Agent,
    cache: Mutex<Option<Cache>>,
    pub(crate) armed: AtomicBool,
    sprung: AtomicUsize,
}

impl Trap {
    /// From now on it springs. `cache` is the one that it calls back.
    pub(crate) fn arm(&self, cache: &Cache) {
        *self.cache() = Some(cache.clone());
        self.armed.store(true, Ordering::Release);
    }

    pub(crate) fn spring(&self) {
        if !self.armed.load(Ordering::Acquire) {
            return;
        }
        // What is called back may come to the same place.
        let Some(_inside) = Inside::enter() else {
            return;
        };
        let before = self.sprung.fetch_add(1, Ordering::AcqRel);
        match self.does {
            // A second panic while one unwinds would abort, whoever drops what.
            Does::Panics if thread::panicking() => {}
            Does::Panics => panic!("a user's code panics on purpose"),
            // Once: what blocks for ever would look the same to all others.
            Does::Blocks if before == 0 => thread::sleep(BLOCKS),
            Does::Blocks => {}
            Does::CallsBack => self.call_back(),
            Does::DropsTheLast => {
                let last = self.cache().take();
                drop(last);
            }
            Does::Terminates => drop(self.agent.terminate(Reason::Compromised)),
        }
    }

    fn call_back(&self) {
        let known = self.cache().clone();
        let Some(cache) = known else { return };
        let _ = (cache.try_get(), cache.status(), cache.changes());
        let _ = cache.read(|credential| credential.generation());
        drop(cache.rejected(99, "https://origin.example"));
        cache.invalidate(99);
        let _ = self.agent.status();
        let mut again = pin!(cache.get());
        let _ = again.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let (other, _) = ScriptedProvider::new(Answer::token(HOUR));
        drop(self.agent.cache(other).build());
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Option<Cache>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_sprung(&self) -> bool {
        self.sprung.load(Ordering::Acquire) > 0
    }
}

thread_local! {
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// There while a trap springs on this thread.
struct Inside;

impl Inside {
    fn enter() -> Option<Self> {
        if IS_INSIDE.replace(true) {
            return None;
        }
        Some(Self)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        IS_INSIDE.set(false);
    }
}

/// What a place is walked with.
pub(crate) struct Given {
    pub(crate) agent: Agent,
    pub(crate) trap: Arc<Trap>,
}

impl Given {
    pub(crate) fn new(does: Does) -> Self {
        let agent = agent();
        let trap = Arc::new(Trap {
            does,
            agent: agent.clone(),
            cache: Mutex::default(),
            armed: AtomicBool::new(false),
            sprung: AtomicUsize::new(0),
        });
        Self { agent, trap }
    }

    pub(crate) fn scripted(&self, answer: Answer) -> (Cache, Script) {
        let (provider, script) = ScriptedProvider::new(answer);
        (self.agent.cache(provider).build().unwrap(), script)
    }

    /// A cache whose provider answers by the number of the call.
    pub(crate) fn cache_by(
        &self,
        answer: impl Fn(usize, Arc<Trap>) -> Result<Issued, Error> + Send + Sync + 'static,
    ) -> Cache {
        let trap = Arc::clone(&self.trap);
        let provider = By(AtomicUsize::new(0), move |call| {
            answer(call, Arc::clone(&trap))
        });
        self.agent.cache(provider).build().unwrap()
    }
}

pub(crate) struct By<F>(pub(crate) AtomicUsize, pub(crate) F);

impl<F: Fn(usize) -> Result<Issued, Error> + Send + Sync + 'static> ProvideCredential for By<F> {
    fn profile(&self) -> Profile {
        Profile::bearer("by")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        (self.1)(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

pub(crate) fn token(call: usize) -> Issued {
    Issued::bearer(format!("token-{call}")).expires_in(HOUR)
}

/// Walks one place with one sort of misbehaviour: what is done there ends, the trap was sprung, nobody else is harmed, and
/// the cache that the place gives works afterwards.
pub(crate) fn walk(name: &str, place: fn(&Given) -> Option<Cache>, does: Does) {
    in_time(format!("{name}, {does:?}"), move || {
        let given = Given::new(does);
        let ended = does == Does::Terminates;
        let own = (!ended).then(|| Bystander::new(&given.agent));
        let foreign = Bystander::new(&agent());
        let trap = Arc::clone(&given.trap);
        let walked = thread::spawn(move || place(&given));
        eventually("the trap is sprung, or the place is left", || {
            trap.is_sprung() || walked.is_finished()
        });

        for bystander in own.iter().chain([&foreign]) {
            bystander.is_unharmed();
        }
        let cache = walked.join().unwrap_or_else(|panic| resume_unwind(panic));
        assert!(trap.is_sprung(), "its code is not run there");
        if let Some(cache) = cache.filter(|_| !does.ends_the_cache()) {
            trap.armed.store(false, Ordering::Release);
            let works = block(cache.refresh_now());
            assert!(works.is_ok(), "it does not work afterwards: {works:?}");
        }
        // Nobody's drop springs it on the way out.
        trap.armed.store(false, Ordering::Release);
    });
}

/// One who has nothing to do with it.
pub(crate) struct Bystander {
    cache: Cache,
    hangs: Cache,
}

impl Bystander {
    pub(crate) fn new(agent: &Agent) -> Self {
        let build = |answer| {
            let (provider, _) = ScriptedProvider::new(answer);
            agent.cache(provider).build().unwrap()
        };
        Self {
            cache: build(Answer::token(HOUR)),
            hangs: build(Answer::hang()),
        }
    }

    /// It loads, refreshes and times out in time.
    pub(crate) fn is_unharmed(&self) {
        let (cache, hangs) = (self.cache.clone(), self.hangs.clone());
        within("a load", async move { cache.get().await.map(drop) }).unwrap();
        let cache = self.cache.clone();
        within(
            "a refresh",
            async move { cache.refresh_now().await.map(drop) },
        )
        .unwrap();
        let late = within("a deadline", async move {
            hangs.need().within(SECOND / 20).get().await
        });
        assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
    }
}

/// Runs it to its end on a thread of its own, which only its waker wakes.
pub(crate) fn within<T: Send + 'static>(
    what: &str,
    future: impl Future<Output = T> + Send + 'static,
) -> T {
    let (done, waited) = mpsc::channel();
    thread::spawn(move || done.send(block(future)));
    match waited.recv_timeout(BOUND + SECOND) {
        Ok(output) => output,
        Err(_) => panic!("{what} of another was held up"),
    }
}

/// Runs what may deadlock.
pub(crate) fn in_time(name: String, what: impl FnOnce() + Send + 'static) {
    let (done, waited) = mpsc::channel();
    let runs = thread::spawn(move || {
        what();
        let _ = done.send(());
    });
    match waited.recv_timeout(20 * SECOND) {
        Ok(()) => {}
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name}: it hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            let panic = runs.join().unwrap_err();
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref().map(|text: &&str| (*text).to_owned()));
            panic!("{name}: {}", text.unwrap_or_default());
        }
    }
}

/// Calls what may panic in the thread of who calls.
pub(crate) fn caught<T>(what: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(what)).ok()
}

/// Waits in real time for what another thread is about to do.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if holds() {
            return;
        }
        thread::park_timeout(Duration::from_millis(5));
    }
    panic!("{what}: not within ten seconds");
}

/// Polls only when it is woken.
pub(crate) fn block<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread, AtomicBool);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.1.store(true, Ordering::Release);
            self.0.unpark();
        }
    }
    let unpark = Arc::new(Unpark(thread::current(), AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&unpark));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        while !unpark.1.swap(false, Ordering::AcqRel) {
            thread::park();
        }
    }
}

pub(crate) fn agent() -> Agent {
    let identity = AgentIdentity {
        agent_type: "users-code".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    Agent::builder(identity).build().unwrap()
}
