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
    if std::env::args().any(|argument| argument == LATE) {
        what_blocks_waits_for_a_thread_where_none_can_be_had();
        return ExitCode::SUCCESS;
    }
    a_read_of_what_is_usable_starts_no_thread();
    println!("test a_read_of_what_is_usable_starts_no_thread ... ok");
    let program = std::env::current_exe().expect("the path of this test");
    let mut late = Command::new(&program);
    let output = late.arg(LATE).env(STACK.0, LARGE_STACK).output();
    let output = output.expect("the test starts itself again");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "with the threads that there are: {told}"
    );
    assert!(!told.contains("panicked"), "{told}");
    println!("test what_blocks_waits_for_a_thread_where_none_can_be_had ... ok");
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

/// Looks something up in tokio's pool for what blocks, as most HTTP clients do.
struct LooksUp(u32);

impl ProvideCredential for LooksUp {
    fn profile(&self) -> Profile {
        Profile::bearer("looks-up")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, keytide_core::Error> {
        let looked = (0..self.0).map(|number| tokio::task::spawn_blocking(move || number));
        for number in looked.collect::<Vec<_>>() {
            number.await.expect("a look-up");
        }
        Ok(Issued::bearer("token".to_owned()).expires_in(Duration::from_secs(60)))
    }
}

/// The home runs, and from now on no thread can be had: the address space has no room for another stack, which holds for root
/// too. Whatever spawns on the library's thread then is an error at most, and no panic, which could be an abort.
fn what_blocks_waits_for_a_thread_where_none_can_be_had() {
    std::panic::set_hook(Box::new(|info| {
        eprintln!("panicked: {info}");
        std::process::abort();
    }));
    let agent = Agent::builder(identity()).build().unwrap();
    agent
        .cache(Minute)
        .build()
        .unwrap()
        .get_blocking(Duration::from_secs(20))
        .unwrap();
    let looks_up = agent
        .cache(LooksUp(3))
        .flight_limit(Duration::from_secs(1))
        .build()
        .unwrap();
    // What the pool had beside the home's thread goes.
    let end = instant() + Duration::from_secs(20);
    while threads_called("keytide-pool") + threads_called("keytide-watcher") > 0 {
        assert!(instant() < end, "threads at rest end");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(threads_called("keytide"), 1);
    limit_room(32 << 20);
    // The C library keeps a stack of a thread that has ended.
    let taken = || std::thread::Builder::new().spawn(std::thread::park);
    let most = (0..10).find(|_| taken().is_err());
    assert!(most.is_some(), "there are threads");

    for _ in 0..3 {
        let told = looks_up.get_blocking(Duration::from_secs(5)).unwrap_err();
        assert_eq!(told.kind(), ErrorKind::Unavailable, "{told}");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        // Its call runs, though nobody can be woken by the clock.
        let _ = runtime.block_on(looks_up.refresh_now());
    }

    limit_room(1 << 40);
    let end = instant() + Duration::from_secs(20);
    while looks_up.get_blocking(Duration::from_secs(1)).is_err() {
        assert!(instant() < end, "it works once there are threads");
    }
}

/// Allows this process so many bytes of address space more than it has.
#[expect(unsafe_code, reason = "a limit of this process, through libc")]
fn limit_room(more: u64) {
    let status = std::fs::read_to_string("/proc/self/statm").expect("the size of this process");
    let pages: u64 = status.split(' ').next().unwrap().parse().unwrap();
    let limit = libc::rlimit {
        rlim_cur: pages * 4096 + more,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: it is told a resource and a whole structure, and keeps nothing.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
    assert_eq!(set, 0);
}

const STARVED: &str = "starved";
const LATE: &str = "late";
/// Twice the room that is left.
const LARGE_STACK: &str = "67108864";
