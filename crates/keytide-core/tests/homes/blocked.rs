//! T36: a home that does not answer for a second is set aside, whoever blocks it.

use std::time::Duration;

use keytide_core::{Agent, EventKind, Reason};
use keytide_testkit::{Answer, Recorder};

use crate::{
    Does, Gate, HOUR, SECOND, agent, alone, current_thread, eventually, gate, now, scripted, token,
};

/// Whoever holds the thread: a new cache is served, one at hand is refreshed, and the agent is told whose code it is.
fn others_go_on(agent: &Agent, recorder: &Recorder, by: Option<&'static str>) {
    let (good, script) = scripted(agent, "good", Answer::token(HOUR));

    assert_eq!(good.get_blocking(4 * SECOND).unwrap().generation(), 1);

    assert_eq!(script.calls(), 1, "its call was never made twice");
    let told = recorder.wait_for(|kind| matches!(kind, EventKind::Blocked { .. }));
    assert_eq!(told.kind, EventKind::Blocked { by });
    assert_eq!(told.cache, None);
}

#[test]
fn a_revocation_that_blocks_holds_up_nobody() {
    let _alone = alone();
    let (gate, _opens) = gate();
    let (agent, recorder) = agent();
    let blocking = gate.clone();
    let revoker = Does::new("revoker", move || {
        let gate = blocking.clone();
        async move {
            Ok(token(HOUR).revoke_with(move |_| {
                gate.block();
                async { Ok(()) }
            }))
        }
    });
    let revoked = agent.cache(revoker).build().unwrap();
    revoked.get_blocking(5 * SECOND).unwrap();
    let telling = revoked.revoke();
    let teller = std::thread::spawn(move || current_thread().block_on(telling));
    eventually("the issuer is being told", || gate.came() == 1);

    others_go_on(&agent, &recorder, Some("revoker"));

    gate.open();
    assert!(teller.join().unwrap().issuer.unwrap().is_ok());
}

/// The end of an agent tells all at once, and waits ten seconds for them.
#[test]
fn a_revocation_that_blocks_keeps_no_other_issuer_from_being_told() {
    let _alone = alone();
    let (gate, _opens) = gate();
    let (agent, _) = agent();
    let caches: Vec<_> = (0..4)
        .map(|number| {
            let gate = gate.clone();
            let provider = Does::new("revoker", move || {
                let gate = gate.clone();
                async move {
                    Ok(token(HOUR).revoke_with(move |_| {
                        if number == 0 {
                            gate.block();
                        }
                        async { Ok(()) }
                    }))
                }
            });
            let cache = agent.cache(provider).build().unwrap();
            cache.get_blocking(5 * SECOND).unwrap();
            cache
        })
        .collect();
    let start = now();

    let report = current_thread().block_on(agent.terminate(Reason::Finished));

    let took = start.elapsed();
    assert!(took >= 9 * SECOND && took < 14 * SECOND, "{took:?}");
    let told = report
        .revoked
        .iter()
        .filter(|revoked| revoked.issuer.as_ref().is_some_and(Result::is_ok));
    assert_eq!((told.count(), caches.len()), (3, 4));
}

#[test]
fn a_task_that_a_provider_spawned_and_that_blocks_holds_up_nobody() {
    let _alone = alone();
    let (gate, _opens) = gate();
    let (agent, recorder) = agent();
    let blocking = gate.clone();
    let spawner = Does::new("spawner", move || {
        let gate = blocking.clone();
        async move {
            tokio::spawn(async move { gate.block() });
            Ok(token(HOUR))
        }
    });
    let spawner = agent.cache(spawner).build().unwrap();
    spawner.get_blocking(5 * SECOND).unwrap();
    eventually("it blocks", || gate.came() == 1);

    others_go_on(&agent, &recorder, None);
}

/// Nothing is under way when the thread is lost: the first reader of a credential whose timer is late has it noticed.
#[test]
fn a_thread_that_is_lost_at_rest_is_noticed_by_a_timer_that_is_late() {
    let _alone = alone();
    let (gate, _opens) = gate();
    let (agent, recorder) = agent();
    let (short, script) = scripted(&agent, "short", Answer::token(12 * SECOND));
    short.get_blocking(5 * SECOND).unwrap();
    let blocking = gate.clone();
    let spawner = Does::new("spawner", move || {
        let gate = blocking.clone();
        async move {
            tokio::spawn(async move { gate.block() });
            Ok(token(HOUR))
        }
    });
    let spawner = agent.cache(spawner).build().unwrap();
    spawner.get_blocking(5 * SECOND).unwrap();
    eventually("it blocks", || gate.came() == 1);

    let end = now() + 13 * SECOND;
    while now() < end {
        short.try_get().expect("it is refreshed in time");
        std::thread::park_timeout(Duration::from_millis(10));
    }

    assert!(script.calls() > 1);
    recorder.wait_for(|kind| *kind == EventKind::Blocked { by: None });
}

struct BlocksInDrop(Gate);

impl Drop for BlocksInDrop {
    fn drop(&mut self) {
        self.0.block();
    }
}

#[test]
fn a_call_whose_drop_blocks_holds_up_nobody() {
    let _alone = alone();
    let (gate, _opens) = gate();
    let (agent, recorder) = agent();
    let blocking = gate.clone();
    let dropper = Does::new("dropper", move || {
        let held = BlocksInDrop(blocking.clone());
        async move {
            std::future::pending::<()>().await;
            drop(held);
            Ok(token(HOUR))
        }
    });
    let dropper = agent.cache(dropper).flight_limit(SECOND).build().unwrap();
    let _ = dropper.try_get();
    eventually("its limit has passed", || gate.came() == 1);

    others_go_on(&agent, &recorder, Some("dropper"));
}

struct BlocksInLog(Gate);

impl tracing::Subscriber for BlocksInLog {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "blocks"
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.block();
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_log_that_blocks_holds_up_nobody_but_who_writes_it() {
    let _alone = alone();
    let (gate, _opens) = gate();
    tracing::subscriber::set_global_default(BlocksInLog(gate.clone())).unwrap();
    let (agent, recorder) = agent();
    let writer = Does::new("writer", || async {
        tracing::info!(target: "blocks", "here");
        Ok(token(HOUR))
    });
    let writer = agent.cache(writer).build().unwrap();
    let _ = writer.try_get();
    eventually("it writes", || gate.came() == 1);

    others_go_on(&agent, &recorder, Some("writer"));

    gate.open();
    assert_eq!(writer.get_blocking(5 * SECOND).unwrap().generation(), 1);
}
