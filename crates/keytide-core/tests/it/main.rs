//! The contract of the cache, promise by promise: `docs/contract.md` says which test shows which rule.

mod agents;
mod chains;
mod clocks;
mod ends;
mod events;
mod flights;
mod generations;
mod herds;
mod left_behind;
mod observers;
mod pace;
mod patience;
mod policies;
mod reading;
mod rejection;
mod runtimes;
mod secrets;
mod simulation;
mod subjects;
mod unfit;
mod users_code;
mod warming;

use std::time::Duration;

use keytide_core::{Agent, Cache, CacheBuilder, Profile};
use keytide_testkit::{Answer, Recorder, Script, ScriptedProvider, TestClock};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// One cache under a clock that moves as the test says.
struct Given {
    clock: TestClock,
    script: Script,
    recorder: Recorder,
    agent: Agent,
    cache: Cache,
}

fn given(always: Answer) -> Given {
    given_with(Profile::bearer("scripted"), always, |builder| builder)
}

fn given_with(
    profile: Profile,
    always: Answer,
    configure: impl FnOnce(CacheBuilder) -> CacheBuilder,
) -> Given {
    let clock = TestClock::new();
    let recorder = Recorder::new();
    let agent = clock.agent().observe(recorder.observer()).build().unwrap();
    let (provider, script) = ScriptedProvider::with_profile(profile, always);
    let cache = configure(agent.cache(provider)).build().unwrap();
    Given {
        clock,
        script,
        recorder,
        agent,
        cache,
    }
}

/// An agent that lives by the system's clock, with flights on the library's own thread.
fn real_agent() -> Agent {
    use keytide_core::AgentIdentity;
    let identity = AgentIdentity {
        agent_type: "real-agent".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    Agent::builder(identity).build().unwrap()
}

/// Waits in real time for what another thread is about to do.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let (lock, never) = (std::sync::Mutex::new(()), std::sync::Condvar::new());
    let mut guard = lock.lock().unwrap();
    for _ in 0..2000 {
        if holds() {
            return;
        }
        guard = never
            .wait_timeout(guard, Duration::from_millis(5))
            .unwrap()
            .0;
    }
    panic!("{what}: not within ten seconds");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
