use std::pin::pin;
use std::task::{Context, Poll, Waker};

use keytide_core::{Agent, AgentIdentity};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::file::tests::occupied;

/// A file system that hangs is stood in for by a read that does not end, under the path of the file.
#[cfg(target_os = "linux")]
#[test]
fn a_path_that_hangs_holds_one_thread_and_none_of_tokios() {
    alone(async {
        let agent = agent();
        let path = Path::new("/nowhere/that/hangs/token");
        let release = occupied(path.into()).await;
        let before = threads();

        let mut refreshes = JoinSet::new();
        for number in 0..600 {
            let cache = agent
                .cache(ProjectedToken::builder(path).build().unwrap())
                .key(format!("hanging-{number}"))
                .flight_limit(Duration::from_millis(100))
                .build()
                .unwrap();
            refreshes.spawn(async move { cache.refresh_now().await.unwrap_err().kind() });
        }
        for kind in refreshes.join_all().await {
            assert_eq!(kind, ErrorKind::Unavailable, "nothing was read");
        }

        // Other tests of this process have threads of their own.
        assert!(threads() < before + 50, "{before} and {}", threads());
        let pool = tokio::task::spawn_blocking(|| 7);
        assert_eq!(timeout(PATIENCE, pool).await.unwrap().unwrap(), 7);
        let other = agent.cache(
            ProjectedToken::builder("/nowhere/else/token")
                .build()
                .unwrap(),
        );
        let other = timeout(PATIENCE, other.build().unwrap().get()).await;
        let error = other.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConfigured, "{error}");

        drop(release);
        let again = agent
            .cache(ProjectedToken::builder(path).build().unwrap())
            .build()
            .unwrap();
        let error = timeout(PATIENCE, again.get()).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConfigured, "{error}");
    });
}

#[test]
fn a_read_is_waited_for_while_all_else_goes_on() {
    alone(async {
        let path = Path::new("/nowhere/that/is/slow/token");
        let release = occupied(path.into()).await;
        let cache = agent()
            .cache(ProjectedToken::builder(path).build().unwrap())
            .build()
            .unwrap();
        let mut getting = pin!(cache.get());

        for _ in 0..1_000 {
            let polled = getting
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            assert!(
                matches!(polled, Poll::Pending),
                "it was read in the async thread"
            );
            tokio::task::yield_now().await;
        }

        drop(release);
        let error = timeout(PATIENCE, getting).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConfigured, "{error}");
    });
}

/// In a runtime with this one thread, and one for what blocks.
fn alone(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(test);
}

/// Of the runtime that it is called in.
fn agent() -> Agent {
    let identity = AgentIdentity {
        agent_type: "test".into(),
        version: "0".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    Agent::builder(identity)
        .runtime(tokio::runtime::Handle::current())
        .build()
        .unwrap()
}

#[cfg(target_os = "linux")]
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

const PATIENCE: Duration = Duration::from_secs(20);
