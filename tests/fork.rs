//! A forked child does not use its parent's credentials, and can have an agent of its own.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use keytide_core::{
    Agent, AgentIdentity, Error, ErrorKind, Event, Issued, Profile, ProvideCredential, Request,
    Secret,
};

struct Minute;

impl ProvideCredential for Minute {
    fn profile(&self) -> Profile {
        Profile::bearer("minute").issuer("https://minute.example")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        Ok(Issued::bearer(Secret::from("token".to_owned())).expires_in(Duration::from_secs(60)))
    }
}

fn agent() -> Agent {
    let identity = AgentIdentity {
        agent_type: "forker".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    let process = std::process::id();
    let observer = move |_: &Event| {
        if std::process::id() != process {
            FOREIGN.fetch_add(1, Ordering::SeqCst);
        }
        TOLD.fetch_add(1, Ordering::SeqCst);
    };
    let builder = Agent::builder(identity);
    builder.observe(observer).build().unwrap()
}

/// How often observers of any agent were told something in this process.
static TOLD: AtomicU32 = AtomicU32::new(0);
/// How often one that was built in another process was.
static FOREIGN: AtomicU32 = AtomicU32::new(0);

/// Whether an observer of this process was told something since it had been told that often, and none of its parent's was.
fn is_observed(since: u32) -> bool {
    for _ in 0..10_000 {
        if TOLD.load(Ordering::SeqCst) != since {
            return FOREIGN.load(Ordering::SeqCst) == 0;
        }
        thread::sleep(Duration::from_millis(1));
    }
    false
}

/// Returns how many promises the child found broken.
fn in_the_child(parent: &Agent, cache: &keytide_core::Cache) -> i32 {
    // At most a second of a lease may be left.
    std::thread::sleep(Duration::from_millis(1100));
    let mut broken = 0;
    let mut expect = |what: &str, holds: bool| {
        if !holds {
            eprintln!("child: {what}");
            broken += 1;
        }
    };
    let foreign = |error: &Error| error.kind() == ErrorKind::ForeignInstance;
    expect(
        "a read must be refused",
        cache.read(|_| ()).as_ref().is_err_and(foreign),
    );
    expect(
        "an owned read must be refused",
        cache.try_get().as_ref().is_err_and(foreign),
    );
    let waited = cache.get_blocking(Duration::from_secs(1));
    expect(
        "a waiting read must be refused",
        waited.as_ref().is_err_and(foreign),
    );
    let built = parent.cache(Minute).build();
    expect(
        "the parent's agent must hold nothing new",
        built.as_ref().is_err_and(foreign),
    );

    let told = TOLD.load(Ordering::SeqCst);
    let own = agent();
    expect(
        "the child's agent must have an id of its own",
        own.instance() != parent.instance(),
    );
    let own = own.cache(Minute).build().unwrap();
    expect(
        "the child's agent must work",
        own.get_blocking(Duration::from_secs(10)).is_ok(),
    );
    expect(
        "the child's observer must be told, and no other",
        is_observed(told),
    );
    broken
}

fn main() {
    a_forked_child_is_refused_and_can_have_an_agent_of_its_own();
    children_that_are_forked_at_any_moment_work_and_hang_on_no_lock();
}

#[expect(unsafe_code, reason = "there is no safe fork")]
fn a_forked_child_is_refused_and_can_have_an_agent_of_its_own() {
    let agent = agent();
    let cache = agent.cache(Minute).build().unwrap();
    cache.get_blocking(Duration::from_secs(10)).unwrap();
    cache.read(|_| ()).unwrap();

    // SAFETY: the child calls nothing that a lock of another thread could hold up: the only other thread here is the
    // library's own, at rest.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let broken = in_the_child(&agent, &cache);
        // SAFETY: ends the child without running the parent's destructors.
        unsafe { libc::_exit(broken) };
    }
    assert!(child > 0, "cannot fork");
    let mut status = 0;
    // SAFETY: waits for the child that was just made.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child);

    assert!(cache.read(|_| ()).is_ok(), "the parent goes on");
    let sound = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
    assert!(sound, "the child found promises broken: status {status}");
    println!("a_forked_child_is_refused_and_can_have_an_agent_of_its_own: ok");
}

/// What the children of a process do that is forked while its other threads are busy.
fn in_a_child_of_a_storm(parent: &Agent, caches: &[keytide_core::Cache]) -> i32 {
    let foreign = |error: Error| error.kind() == ErrorKind::ForeignInstance;
    let told = TOLD.load(Ordering::SeqCst);
    // At once, within the tick of the clock in which it was forked.
    let own = agent();
    let cache = match own.cache(Minute).issuer_limit(1).build() {
        Ok(cache) => cache,
        Err(_) => return 1,
    };
    if cache.get_blocking(Duration::from_secs(10)).is_err() {
        return 2;
    }
    for cache in caches {
        let _ = (cache.status(), cache.changes(), cache.invalidate(1));
        drop(cache.rejected(1, "https://origin.example"));
        drop(cache.revoke());
        if !cache
            .get_blocking(Duration::from_millis(50))
            .is_err_and(foreign)
        {
            return 4;
        }
    }
    if parent.cache(Minute).build().is_ok() || !parent.status().is_empty() {
        return 5;
    }
    if !is_observed(told) {
        return 6;
    }
    drop(own.terminate(keytide_core::Reason::Finished));
    0
}

#[expect(unsafe_code, reason = "there is no safe fork")]
fn children_that_are_forked_at_any_moment_work_and_hang_on_no_lock() {
    let agent = agent();
    let stop = AtomicBool::new(false);
    let caches: Vec<_> = (0..4)
        .map(|_| agent.cache(Minute).issuer_limit(1).build().unwrap())
        .collect();
    thread::scope(|scope| {
        for cache in &caches {
            let (agent, stop) = (&agent, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    if let Ok(credential) = cache.get_blocking(Duration::from_millis(20)) {
                        cache.invalidate(credential.generation());
                    }
                    let more = agent.cache(Minute).build().unwrap();
                    let _ = (more.try_get(), more.status(), agent.status().len());
                }
            });
        }
        for number in 0..FORKS {
            // SAFETY: the child uses what is made for that: its parent's agent, which takes no lock there, and one of its
            // own. The allocator of the C library is made usable in the child by the C library.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: it ends a child that hangs.
                unsafe { libc::alarm(30) };
                let broken = in_a_child_of_a_storm(&agent, &caches);
                // SAFETY: ends the child without running the parent's destructors.
                unsafe { libc::_exit(broken) };
            }
            assert!(child > 0, "cannot fork");
            let mut status = 0;
            // SAFETY: waits for the child that was just made.
            let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!(waited, child);
            let sound = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
            if !sound {
                stop.store(true, Ordering::Relaxed);
            }
            assert!(sound, "child {number}: status {status:#x}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    println!("children_that_are_forked_at_any_moment_work_and_hang_on_no_lock: ok");
}

const FORKS: usize = 200;
