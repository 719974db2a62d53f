//! A process that can have no more threads.

use std::process::Command;
use std::time::Duration;

use keytide_core::ErrorKind;
use keytide_issuer::{IssuerClient, OneAtATime, SmallFile, on_own_thread};
use keytide_testkit::server::{FaultServer, Received, Reply};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::{Asking, asking, cache, failed};

#[test]
fn where_no_thread_can_be_had_what_needs_one_is_an_error_and_nothing_panics() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "threads::in_a_process_without_more_threads",
            "--ignored",
            "--nocapture",
        ])
        .env("RUST_MIN_STACK", LARGE_STACK);

    let output = command.output().unwrap();

    let text = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{told}");
    assert!(text.contains("1 passed"), "{text}");
    assert!(!told.contains("panicked"), "{told}");
}

/// The address space has no room for another stack, which holds for root too.
#[test]
#[ignore = "run by the test above it"]
fn in_a_process_without_more_threads() {
    let server = FaultServer::start(|_: &Received| Reply::new(200).body("token"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // The library's thread runs.
    runtime
        .block_on(cache(asking(server.url("/"))).get())
        .unwrap();
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = status.split(' ').next().unwrap().parse().unwrap();
    let room = Rlimit {
        current: Some(pages * 4096 + (32 << 20)),
        maximum: None,
    };
    setrlimit(Resource::As, room).unwrap();
    // The C library keeps a stack of a thread that has ended.
    let taken = || std::thread::Builder::new().spawn(std::thread::park);
    let most = (0..10).find(|_| taken().is_err());
    assert!(most.is_some(), "there are threads");

    let ask = |url: &str| runtime.block_on(failed(asking(url)));
    let look_up = ask("https://issuer.example/token");
    assert_eq!(look_up.kind(), ErrorKind::Unavailable, "{look_up}");
    let tls = ask("https://127.0.0.1:9/token");
    assert_eq!(tls.kind(), ErrorKind::Unavailable, "{tls}");
    runtime.block_on(async {
        let file = SmallFile::new("/etc/hostname", "the file").read().await;
        assert_eq!(file.unwrap_err().kind(), ErrorKind::Unavailable);
        on_own_thread(|| ()).await.unwrap_err();
        let reads = OneAtATime::<&str, ()>::new();
        reads.run("key", || ()).await.unwrap_err();
        // Nothing is left behind that would keep the key.
        reads.run("key", || ()).await.unwrap_err();
    });
    // What needs no thread goes on.
    let client = IssuerClient::quick(Duration::from_secs(5)).unwrap();
    let near = Asking {
        client,
        ..asking(server.url("/"))
    };
    runtime.block_on(cache(near).get()).unwrap();
}

/// Twice the room that is left.
const LARGE_STACK: &str = "67108864";
