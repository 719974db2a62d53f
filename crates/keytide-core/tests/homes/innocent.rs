//! T37: nobody's call is dropped, failed or blamed for another's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keytide_core::{Agent, ErrorKind, EventKind};
use keytide_testkit::Answer;

use crate::{
    Does, HOUR, SECOND, agent, alone, current_thread, eventually, gate, now, scripted, token,
};

#[test]
fn the_first_call_to_a_slow_issuer_lands_beside_a_provider_that_blocks_in_each_call() {
    let _alone = alone();
    let (agent, recorder) = agent();
    let blocking = Answer::token(2 * SECOND).blocking(Duration::from_millis(1400));
    let (blocker, _) = scripted(&agent, "blocker", blocking);
    let slow = Answer::token(HOUR).after(Duration::from_millis(2500));
    let (slow, script) = scripted(&agent, "slow", slow);
    let _ = slow.try_get();
    eventually("the slow issuer is asked", || script.calls() == 1);
    let reads = Arc::new(AtomicBool::new(true));
    let reading = Arc::clone(&reads);
    let reader = std::thread::spawn(move || {
        while reading.load(Ordering::Relaxed) {
            let _ = blocker.try_get();
            std::thread::park_timeout(Duration::from_millis(20));
        }
    });

    let got = slow.get_blocking(60 * SECOND);

    reads.store(false, Ordering::Relaxed);
    reader.join().unwrap();
    assert_eq!(got.unwrap().generation(), 1);
    assert_eq!((script.calls(), script.dropped()), (1, 0));
    recorder.wait_for(|kind| {
        *kind
            == EventKind::Blocked {
                by: Some("blocker"),
            }
    });
}

#[test]
fn one_among_twenty_that_block_is_served_in_a_few_seconds() {
    let _alone = alone();
    let (agent, _) = agent();
    let (warm, _) = scripted(&agent, "warm", Answer::token(HOUR));
    warm.get_blocking(5 * SECOND).unwrap();
    let blockers: Vec<_> = (0..20)
        .map(|_| {
            let blocking = Answer::token(HOUR).blocking(Duration::from_millis(1400));
            scripted(&agent, "blocker", blocking)
        })
        .collect();
    let (innocent, script) = scripted(&agent, "innocent", Answer::token(HOUR));
    for (blocker, _) in &blockers {
        let _ = blocker.try_get();
    }
    let start = now();

    innocent.get_blocking(60 * SECOND).unwrap();

    let took = start.elapsed();
    // A few seconds where nothing else runs. Behind the others it would be the sum of all.
    assert!(took < 20 * SECOND, "the sum of all is 28 s: {took:?}");
    assert_eq!(script.calls(), 1);
    warm.try_get().unwrap();
    eventually("each that blocks has its answer too", || {
        blockers
            .iter()
            .all(|(blocker, _)| blocker.try_get().is_ok())
    });
    assert!(blockers.iter().all(|(_, script)| script.calls() == 1));
}

/// Its call has begun on the thread that is lost: after a few seconds it is made anew, and the late answer is ignored.
#[test]
fn a_call_that_has_begun_is_not_stuck_on_a_thread_that_never_comes_back() {
    let _alone = alone();
    let (gate, opens) = gate();
    let (agent, recorder) = agent();
    let (slow, script) = scripted(
        &agent,
        "slow",
        Answer::token(HOUR).after(Duration::from_millis(300)),
    );
    let blocking = gate.clone();
    let blocker = Does::new("blocker", move || {
        let gate = blocking.clone();
        async move {
            gate.block();
            Ok(token(HOUR))
        }
    });
    let blocker = agent.cache(blocker).build().unwrap();
    let _ = slow.try_get();
    eventually("the slow issuer is asked", || script.calls() == 1);
    let _ = blocker.try_get();
    eventually("the thread is blocked", || gate.came() == 1);

    assert_eq!(slow.get_blocking(60 * SECOND).unwrap().generation(), 1);

    assert_eq!(script.calls(), 2);
    let told = recorder.wait_for(|kind| {
        matches!(
            kind,
            EventKind::Orphaned {
                blocked_by: Some("blocker")
            }
        )
    });
    assert_eq!(told.cache.as_deref(), Some(&*slow.key()));
    drop(opens);
    eventually("what was left behind is dropped", || script.running() == 0);
    assert_eq!(slow.try_get().unwrap().generation(), 1);
}

#[test]
fn a_shutdown_waits_for_a_provider_that_blocks_whatever_thread_it_is_on() {
    let _alone = alone();
    let (gate, _opens) = gate();
    let (agent, recorder) = agent();
    let blocking = gate.clone();
    let blocker = Does::new("blocker", move || {
        let gate = blocking.clone();
        async move {
            gate.block();
            Ok(token(HOUR))
        }
    });
    let blocker = agent.cache(blocker).build().unwrap();
    let _ = blocker.try_get();
    recorder.wait_for(|kind| matches!(kind, EventKind::Blocked { .. }));
    // Another thread is the common one now.
    let (good, _) = scripted(&agent, "good", Answer::token(HOUR));
    good.get_blocking(5 * SECOND).unwrap();
    let runtime = current_thread();

    let start = now();
    let error = runtime.block_on(agent.shutdown(SECOND)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(start.elapsed() >= SECOND);

    gate.open();
    runtime.block_on(agent.shutdown(10 * SECOND)).unwrap();
}

/// Many readers find at once that the runtime which was named has ended.
#[test]
fn a_runtime_that_ended_before_its_first_use_is_given_up_by_many_readers_at_once() {
    let _alone = alone();
    let (identity, _) = agent();
    for _ in 0..50 {
        let home = current_thread();
        let builder = Agent::builder(identity.identity().clone()).runtime(home.handle().clone());
        drop(home);
        let agent = builder.build().unwrap();
        let caches: Vec<_> = (0..8)
            .map(|_| scripted(&agent, "good", Answer::token(HOUR)).0)
            .collect();
        std::thread::scope(|scope| {
            for cache in &caches {
                scope.spawn(|| cache.get_blocking(10 * SECOND).unwrap());
            }
        });
    }
}

/// A runtime of the user's with one thread: what had begun there lands there.
#[test]
fn a_provider_that_blocks_a_runtime_that_was_named_costs_nobody_a_call() {
    let _alone = alone();
    let runtime = current_thread();
    let builder = Agent::builder(agent().0.identity().clone()).runtime(runtime.handle().clone());
    let agent = builder.build().unwrap();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let driver = std::thread::spawn(move || {
        runtime.block_on(async {
            while ended.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    });
    let slow = Answer::token(HOUR).after(Duration::from_millis(500));
    let (slow, script) = scripted(&agent, "slow", slow);
    let _ = slow.try_get();
    eventually("the slow issuer is asked", || script.calls() == 1);
    let blocking = Answer::token(HOUR).blocking(3 * SECOND);
    let (blocker, blocks) = scripted(&agent, "blocker", blocking);
    let _ = blocker.try_get();
    eventually("the runtime is blocked", || blocks.calls() == 1);
    let (good, _) = scripted(&agent, "good", Answer::token(HOUR));

    good.get_blocking(Duration::from_millis(2500)).unwrap();
    slow.get_blocking(10 * SECOND).unwrap();

    assert_eq!((script.calls(), script.dropped()), (1, 0));
    drop(end);
    driver.join().unwrap();
}
