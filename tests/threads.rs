//! Where no thread can be had, what needs one is an error at once: never a panic, never a hang.

use std::future::Future;
use std::process::{Command, ExitCode};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use keytide_core::{
    Agent, AgentIdentity, ErrorKind, Issued, Profile, ProvideCredential, Reason, Request,
};

struct Minute;

impl ProvideCredential for Minute {
    fn profile(&self) -> Profile {
        Profile::bearer("minute").issuer("https://issuer.example")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, keytide_core::Error> {
        Ok(Issued::bearer("token".to_owned()).expires_in(Duration::from_secs(60)))
    }
}

/// No stack of this size can be had, so no thread of the standard library's starts.
const STACK: (&str, &str) = ("RUST_MIN_STACK", "4611686018427387904");

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == STARVED) {
        starved();
        return ExitCode::SUCCESS;
    }
    a_read_of_what_is_usable_starts_no_thread();
    println!("test a_read_of_what_is_usable_starts_no_thread ... ok");
    let program = std::env::current_exe().expect("the path of this test");
    let mut starved = Command::new(program);
    let status = starved.arg(STARVED).env(STACK.0, STACK.1).status();
    let status = status.expect("the test starts itself again");
    assert!(status.success(), "without threads: {status}");
    println!("test without_a_thread_every_wait_is_an_error_at_once ... ok");
    println!(
        "test thousands_that_wait_for_a_place_are_no_deeper_a_stack_when_their_home_dies ... ok"
    );
    ExitCode::SUCCESS
}

fn starved() {
    let thread = std::thread::Builder::new().spawn(|| ());
    assert!(thread.is_err(), "there are threads");
    without_a_thread_every_wait_is_an_error_at_once();
    thousands_that_wait_for_a_place_are_no_deeper_a_stack_when_their_home_dies();
    a_turn_that_nobody_can_keep_is_an_error_at_once();
}

/// The library's own thread runs the calls; the one that keeps deadlines is there while somebody waits, and a moment longer.
fn a_read_of_what_is_usable_starts_no_thread() {
    let agent = Agent::builder(identity()).build().unwrap();
    let cache = agent.cache(Minute).build().unwrap();
    cache.get_blocking(Duration::from_secs(20)).unwrap();
    let end = instant() + Duration::from_secs(20);
    while threads_called("keytide-watcher") > 0 {
        assert!(
            instant() < end,
            "the keeper of deadlines goes when nobody waits"
        );
        std::thread::yield_now();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();

    for least in [Duration::ZERO, Duration::from_secs(1)] {
        for _ in 0..100 {
            let read = cache
                .need()
                .within(Duration::from_secs(3600))
                .lasting(least)
                .get();
            runtime.block_on(read).unwrap();
            cache
                .need()
                .within(Duration::from_secs(3600))
                .lasting(least)
                .blocking()
                .unwrap();
        }
    }

    assert_eq!(threads_called("keytide-watcher"), 0);
}

fn threads_called(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("the threads of this process");
    let named = |task: std::io::Result<std::fs::DirEntry>| {
        let comm = std::fs::read_to_string(task.ok()?.path().join("comm")).ok()?;
        (comm.trim_end() == name).then_some(())
    };
    tasks.filter_map(named).count()
}

fn identity() -> AgentIdentity {
    AgentIdentity {
        agent_type: "starved".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a program that knows no other clock would wait"
)]
fn instant() -> Instant {
    Instant::now()
}

fn without_a_thread_every_wait_is_an_error_at_once() {
    let agent = Agent::builder(identity())
        .observe(|_: &keytide_core::Event| ())
        .build()
        .unwrap();
    let cache = agent.cache(Minute).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();

    let start = instant();
    runtime.block_on(async {
        for _ in 0..3 {
            let waited = cache.get().await.unwrap_err();
            assert_eq!(waited.kind(), ErrorKind::Unavailable, "{waited}");
            let patience = Duration::from_millis(300);
            let patient = cache.need().within(patience).get().await.unwrap_err();
            assert_eq!(patient.kind(), ErrorKind::Unavailable, "{patient}");
            let _ = cache.refresh_now().await.unwrap_err();
        }
        let _ = agent.warm_up(Duration::from_millis(300)).await.unwrap_err();
    });
    let _ = cache.get_blocking(Duration::from_millis(300)).unwrap_err();
    let _ = cache.try_get().unwrap_err();
    runtime.block_on(async {
        let _ = agent.shutdown(Duration::from_millis(300)).await;
        let _ = agent.terminate(Reason::Finished).await;
    });

    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "it took {took:?}");
}

/// The first call runs on a runtime that ends; each of those that wait has its place in turn, and no home.
fn thousands_that_wait_for_a_place_are_no_deeper_a_stack_when_their_home_dies() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let agent = Agent::builder(identity())
        .runtime(runtime.handle().clone())
        .build()
        .unwrap();
    let caches: Vec<_> = (0..30_000)
        .map(|_| agent.cache(Hanging).issuer_limit(1).build().unwrap())
        .collect();
    let mut waiting: Vec<_> = caches.iter().map(|cache| Box::pin(cache.get())).collect();
    let mut context = Context::from_waker(Waker::noop());
    for waiter in &mut waiting {
        assert!(waiter.as_mut().poll(&mut context).is_pending());
    }

    drop(runtime);

    for waiter in &mut waiting {
        let told = waiter.as_mut().poll(&mut context);
        assert!(matches!(told, Poll::Ready(Err(_))), "{told:?}");
    }
}

/// Calls run on a runtime that is there; the second call that is forced within the shortest pace has to wait its turn.
fn a_turn_that_nobody_can_keep_is_an_error_at_once() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let agent = Agent::builder(identity())
        .runtime(runtime.handle().clone())
        .build()
        .unwrap();
    let cache = agent.cache(Minute).build().unwrap();

    runtime.block_on(async {
        cache.get().await.unwrap();
        cache.invalidate(1);
        // The issuer gives the same again.
        assert_eq!(cache.get().await.unwrap().generation(), 1);
        cache.invalidate(1);
        let told = cache.get().await.unwrap_err();
        assert_eq!(told.kind(), ErrorKind::Unavailable, "{told}");
        assert!(told.to_string().contains("no thread can be had"), "{told}");
    });
}

/// Never answers.
struct Hanging;

impl ProvideCredential for Hanging {
    fn profile(&self) -> Profile {
        Profile::bearer("hanging").issuer("https://hanging.example")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, keytide_core::Error> {
        std::future::pending().await
    }
}

const STARVED: &str = "starved";
