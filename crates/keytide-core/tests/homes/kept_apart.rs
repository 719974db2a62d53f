//! T37: who was caught blocking has one thread of its own, and never two.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use keytide_core::{ErrorKind, EventKind};
use keytide_testkit::Answer;

use crate::{Does, HOUR, SECOND, agent, alone, eventually, gate, now, scripted, token};

/// How many threads of the library's run calls.
fn threads() -> usize {
    threads_named("keytide")
}

fn threads_named(wanted: &str) -> usize {
    let names = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == wanted).count()
}

#[test]
fn a_provider_that_never_returns_holds_one_thread_and_is_not_asked_again() {
    let _alone = alone();
    eventually("threads of other tests end", || threads() <= 1);
    let (gate, _opens) = gate();
    let (agent, _) = agent();
    let blocking = gate.clone();
    let provider = Does::new("stuck", move || {
        let gate = blocking.clone();
        async move {
            gate.block();
            Ok(token(HOUR))
        }
    });
    let calls = Arc::clone(&provider.calls);
    let stuck = agent.cache(provider).flight_limit(SECOND).build().unwrap();
    let (good, _) = scripted(&agent, "good", Answer::token(HOUR));
    let error = crate::current_thread().block_on(stuck.get()).unwrap_err();
    assert!(error.to_string().contains("beyond its limit"), "{error}");

    for _ in 0..20 {
        let error = crate::current_thread().block_on(stuck.get()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        let error = error_by_name(&stuck);
        assert!(error.contains("stuck"), "{error}");
        assert!(error.contains("former call"), "{error}");
    }

    assert_eq!(calls.load(Ordering::SeqCst), 1);
    good.get_blocking(5 * SECOND).unwrap();
    assert!(threads() <= 2, "{}", threads());
    eventually("nobody watches a thread that is lost", || {
        threads_named("keytide-watcher") == 0
    });
    gate.open();
    eventually("it has an answer once its thread is back", || {
        stuck.get_blocking(SECOND).is_ok()
    });
    eventually("its thread ends", || threads() <= 1);
}

/// Asks by name, whatever the backoff.
fn error_by_name(cache: &keytide_core::Cache) -> String {
    let error = crate::current_thread().block_on(cache.refresh_now());
    error.unwrap_err().to_string()
}

/// A task has no name, so its cache is kept apart on suspicion; there it is proven.
#[test]
fn a_provider_whose_tasks_never_return_holds_two_threads_at_most() {
    let _alone = alone();
    eventually("threads of other tests end", || threads() <= 1);
    let (gate, _opens) = gate();
    let (agent, _) = agent();
    let blocking = gate.clone();
    let provider = Does::new("spawner", move || {
        let gate = blocking.clone();
        async move {
            tokio::spawn(async move { gate.block() });
            Ok(token(HOUR))
        }
    });
    let spawner = agent.cache(provider).build().unwrap();
    let (good, _) = scripted(&agent, "good", Answer::token(HOUR));
    let runtime = crate::current_thread();

    for _ in 0..6 {
        let _ = runtime.block_on(spawner.refresh_now());
        std::thread::park_timeout(Duration::from_millis(100));
        runtime.block_on(good.refresh_now()).unwrap();
    }

    assert!(threads() <= 3, "{}", threads());
    assert!(gate.came() <= 2, "{}", gate.came());
}

#[test]
fn a_provider_that_was_caught_blocks_nobody_a_second_time() {
    let _alone = alone();
    let (agent, recorder) = agent();
    let blocking = Answer::token(HOUR).blocking(Duration::from_millis(1800));
    let (blocker, script) = scripted(&agent, "blocker", blocking);
    blocker.get_blocking(5 * SECOND).unwrap();
    recorder.wait_for(|kind| matches!(kind, EventKind::Blocked { .. }));
    let runtime = crate::current_thread();

    let again = {
        let blocker = blocker.clone();
        std::thread::spawn(move || crate::current_thread().block_on(blocker.refresh_now()))
    };
    eventually("it is asked again", || script.calls() == 2);
    let (good, _) = scripted(&agent, "good", Answer::token(HOUR));
    let start = now();
    runtime.block_on(good.get()).unwrap();

    let took = start.elapsed();
    assert!(took < Duration::from_millis(900), "{took:?}");
    assert_eq!(again.join().unwrap().unwrap().generation(), 2);
}

/// Each of them takes its thread for ever, and there are no more than that.
#[test]
fn twenty_that_never_return_hold_twenty_threads_and_nobody_else() {
    let _alone = alone();
    eventually("threads of other tests end", || threads() <= 1);
    let (gate, _opens) = gate();
    let (agent, _) = agent();
    let blockers: Vec<_> = (0..20)
        .map(|_| {
            let gate = gate.clone();
            let blocker = Does::new("blocker", move || {
                let gate = gate.clone();
                async move {
                    gate.block();
                    Ok(token(HOUR))
                }
            });
            let builder = agent.cache(blocker).flight_limit(SECOND);
            builder.build().unwrap()
        })
        .collect();
    for blocker in &blockers {
        let _ = blocker.try_get();
    }
    let (innocent, script) = scripted(&agent, "innocent", Answer::token(HOUR));
    let start = now();

    innocent.get_blocking(20 * SECOND).unwrap();

    let took = start.elapsed();
    assert!(took < 8 * SECOND, "{took:?}");
    assert_eq!(script.calls(), 1);
    eventually("all are blocked", || gate.came() == 20);
    for _ in 0..100 {
        for blocker in &blockers {
            let _ = blocker.try_get();
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    assert_eq!(gate.came(), 20, "none is asked again");
    eventually("spare threads end", || threads() <= 21);
}

/// The call that blocks is retired before it is caught: the next one waits behind it, and is not moved to another thread.
#[test]
fn a_call_behind_a_former_one_that_blocks_takes_no_second_thread() {
    let _alone = alone();
    let (gate, _opens) = gate();
    let (agent, _) = agent();
    let blocking = gate.clone();
    let first = std::sync::atomic::AtomicBool::new(true);
    let provider = Does::new("stuck", move || {
        let (gate, first) = (blocking.clone(), first.swap(false, Ordering::SeqCst));
        async move {
            if !first {
                gate.block();
            }
            Ok(token(HOUR))
        }
    });
    let cache = agent.cache(provider).build().unwrap();
    cache.get_blocking(5 * SECOND).unwrap();
    let refreshing = cache.clone();
    let refresher =
        std::thread::spawn(move || crate::current_thread().block_on(refreshing.refresh_now()));
    eventually("it blocks", || gate.came() == 1);
    cache.invalidate(1);

    let error = crate::current_thread().block_on(cache.get()).unwrap_err();

    assert!(error.to_string().contains("former call"), "{error}");
    assert_eq!(gate.came(), 1);
    gate.open();
    let _ = refresher.join().unwrap();
}
