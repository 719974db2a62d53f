//! What may hang holds no thread of tokio's blocking pool, which others need.

use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

use tokio::time::timeout;

use crate::client::IssuerClient;
use crate::client::names::Names;

/// Runs this where the only thread of the pool is taken.
fn with_no_pool<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (release, held) = mpsc::channel::<()>();
    let (taken, begun) = mpsc::channel();
    runtime.spawn_blocking(move || {
        let _ = taken.send(());
        let _ = held.recv();
    });
    begun.recv().unwrap();
    let in_time = runtime.block_on(async { timeout(Duration::from_secs(60), what).await });
    // Before the runtime goes, which waits for its threads.
    drop(release);
    in_time.expect("it waits for a thread of the pool")
}

#[test]
fn a_look_up_needs_no_thread_of_the_blocking_pool() {
    // Not `localhost`, which is never looked up.
    let found = with_no_pool(Names::system().find("127.0.0.2"));

    assert!(found.unwrap_err().to_string().contains("loopback"));
}

#[test]
fn setting_up_tls_needs_no_thread_of_the_blocking_pool() {
    let client = IssuerClient::builder().no_proxy().build().unwrap();

    with_no_pool(client.wire().prepare()).unwrap();
}
