//! T38: one thread serves the observers of all agents until one of them blocks; no end is lost; queues are bounded.

use std::collections::HashSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::{self, ThreadId};
use std::time::Duration;

use keytide_core::{Agent, AgentIdentity, Cache, Event, EventKind, Observe, Reason};
use keytide_testkit::{Answer, Recorder, ScriptedProvider};

use crate::{HOUR, eventually};

/// An agent with this observer, and a cache that tells it something when asked to.
fn watched_by(observer: impl Observe, queue: usize) -> (Agent, Cache) {
    let identity = AgentIdentity {
        agent_type: "watched".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    let agent = Agent::builder(identity)
        .observer_queue(queue)
        .observe(observer)
        .build()
        .unwrap();
    let cache = cache_of(&agent);
    (agent, cache)
}

fn cache_of(agent: &Agent) -> Cache {
    let provider = ScriptedProvider::new(Answer::token(HOUR)).0;
    agent.cache(provider).build().unwrap()
}

/// Tells the observer of `cache` this.
fn tell(cache: &Cache, what: impl ToString) {
    cache.sender().report_refused(&what.to_string(), "test");
}

/// What was told by [`tell`].
fn told(kind: &EventKind) -> Option<&str> {
    match kind {
        EventKind::Refused { destination, .. } => Some(destination),
        _ => None,
    }
}

/// Holds up whoever comes, until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar, AtomicUsize)>);

impl Gate {
    fn pass(&self) {
        let (open, changed, came) = &*self.0;
        came.fetch_add(1, Ordering::SeqCst);
        let open = open.lock().unwrap();
        drop(changed.wait_while(open, |open| !*open).unwrap());
    }

    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn came(&self) -> usize {
        self.0.2.load(Ordering::SeqCst)
    }
}

/// Remembers, behind a gate.
fn gated(gate: &Gate, recorder: &Recorder) -> impl Observe + use<> {
    let (gate, mut to) = (gate.clone(), recorder.observer());
    move |event: &Event| {
        gate.pass();
        to.observe(event);
    }
}

/// Runs `test`, which is the one of that name, in a process where no other does.
fn in_a_process_of_its_own(name: &str, test: impl FnOnce()) {
    const ALONE: &str = "KEYTIDE_TEST_ALONE";
    #[expect(clippy::disallowed_methods, reason = "how the child knows what it is")]
    let alone = std::env::var_os(ALONE).is_some();
    if alone {
        return test();
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}{complaint}");
    assert!(shown.contains("1 passed"), "{shown}");
}

/// The threads of this process that serve observers, with how often each has gone to sleep.
fn threads() -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let read = |file| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        if read("comm").starts_with("keytide-obser") {
            let status = read("status");
            let slept = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            let slept = slept.and_then(|count| count.trim().parse().ok());
            let name = task.file_name().to_string_lossy().into_owned();
            found.push((name, slept.unwrap_or_default()));
        }
    }
    found.sort();
    found
}

#[test]
#[cfg(target_os = "linux")]
fn a_thousand_observers_are_served_by_a_handful_of_threads_that_rest_with_them() {
    let name =
        "observers::a_thousand_observers_are_served_by_a_handful_of_threads_that_rest_with_them";
    in_a_process_of_its_own(name, || {
        let seen = Arc::new(AtomicUsize::new(0));
        let agents: Vec<_> = (0..1000)
            .map(|_| {
                let seen = Arc::clone(&seen);
                let count = move |_: &Event| {
                    seen.fetch_add(1, Ordering::SeqCst);
                };
                watched_by(count, 64)
            })
            .collect();

        thread::scope(|scope| {
            for part in agents.chunks(250) {
                scope.spawn(move || {
                    for number in 0..20 {
                        part.iter().for_each(|(_, cache)| tell(cache, number));
                    }
                });
            }
        });

        eventually("all is told", || seen.load(Ordering::SeqCst) == 20_000);
        // One serves, one stands by; a machine that stands still for a while may make it one or two more.
        assert!(threads().len() <= 4, "{:?}", threads());

        // At rest nothing wakes them: two looks that far apart find them as they were.
        let mut before = Vec::new();
        eventually("they rest", || {
            thread::park_timeout(Duration::from_millis(600));
            let now = threads();
            std::mem::replace(&mut before, now.clone()) == now
        });
        assert!((1..=2).contains(&before.len()), "{before:?}");

        drop(agents);
        eventually("the ends are told too", || {
            seen.load(Ordering::SeqCst) == 21_000
        });
        eventually("the threads end with the last observer", || {
            threads().is_empty()
        });
        let again = Recorder::new();
        let (_agent, cache) = watched_by(again.observer(), 64);
        tell(&cache, "again");
        again.wait_for(|kind| told(kind).is_some());
    });
}

#[test]
fn an_observer_that_blocks_holds_up_no_other_though_nothing_happens_afterwards() {
    let gate = Gate::default();
    let (blocked, healthy) = (Recorder::new(), Recorder::new());
    let (_first, blocking) = watched_by(gated(&gate, &blocked), 64);
    let others: Vec<_> = (0..20)
        .map(|_| watched_by(healthy.observer(), 64))
        .collect();

    tell(&blocking, "first");
    for (_, cache) in &others {
        tell(cache, "early");
    }
    eventually("the others are told", || healthy.events().len() == 20);
    eventually("the one is inside", || gate.came() == 1);
    for (_, cache) in &others {
        tell(cache, "late");
    }
    eventually("the others are told again", || healthy.events().len() == 40);

    assert!(blocked.events().is_empty());
    gate.open();
    blocked.wait_for(|kind| told(kind) == Some("first"));
}

#[test]
#[cfg(target_os = "linux")]
fn fifty_observers_that_block_have_a_thread_each_and_the_others_go_on() {
    let name = "observers::fifty_observers_that_block_have_a_thread_each_and_the_others_go_on";
    in_a_process_of_its_own(name, || {
        let gate = Gate::default();
        let (blocked, healthy) = (Recorder::new(), Recorder::new());
        let blocking: Vec<_> = (0..FIFTY)
            .map(|_| watched_by(gated(&gate, &blocked), 64))
            .collect();
        let others: Vec<_> = (0..FIFTY)
            .map(|_| watched_by(healthy.observer(), 64))
            .collect();

        for ((_, blocking), (_, other)) in blocking.iter().zip(&others) {
            (0..3).for_each(|number| tell(blocking, number));
            tell(other, "early");
        }
        eventually("the others are told", || healthy.events().len() == FIFTY);
        eventually("all fifty are inside", || gate.came() == FIFTY);
        for (_, other) in &others {
            tell(other, "late");
        }
        eventually("the others are told again", || {
            healthy.events().len() == 2 * FIFTY
        });

        assert!(blocked.events().is_empty());
        eventually("no thread is more than they need", || {
            threads().len() <= FIFTY + 2
        });
        gate.open();
        eventually("all that waited is told", || {
            blocked.events().len() == 3 * FIFTY
        });
        eventually("the threads too many end", || threads().len() <= 2);
    });
}

#[test]
fn the_order_of_events_is_kept_when_another_thread_tells_them() {
    let gate = Gate::default();
    let seen: Arc<Mutex<Vec<(String, ThreadId)>>> = Arc::default();
    let (held, kept) = (gate.clone(), Arc::clone(&seen));
    let observer = move |event: &Event| {
        if let Some(text) = told(&event.kind) {
            if text == "5" {
                held.pass();
            }
            let entry = (text.to_owned(), thread::current().id());
            kept.lock().unwrap().push(entry);
        }
    };
    let (_agent, cache) = watched_by(observer, 100_000);
    let other = Recorder::new();
    let (_other, witness) = watched_by(other.observer(), 64);

    (0..10).for_each(|number| tell(&cache, number));
    eventually("it is inside", || gate.came() == 1);
    tell(&witness, "another thread has taken over");
    other.wait_for(|kind| told(kind).is_some());
    (10..20).for_each(|number| tell(&cache, number));
    gate.open();
    let mut number = 20;
    eventually("another thread tells it", || {
        tell(&cache, number);
        number += 1;
        let threads: HashSet<_> = seen.lock().unwrap().iter().map(|(_, by)| *by).collect();
        threads.len() > 1
    });
    eventually("all is told", || seen.lock().unwrap().len() == number);

    let told: Vec<_> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|(text, _)| text.clone())
        .collect();
    let all: Vec<_> = (0..number).map(|number| number.to_string()).collect();
    assert_eq!(told, all);
}

#[tokio::test]
async fn every_end_is_told_although_the_queue_is_full() {
    let gate = Gate::default();
    let recorder = Recorder::new();
    let (agent, cache) = watched_by(gated(&gate, &recorder), 1);
    let more: Vec<_> = (0..40).map(|_| cache_of(&agent)).collect();
    tell(&cache, "inside");
    eventually("it is inside", || gate.came() == 1);
    (0..10).for_each(|number| tell(&cache, number));

    agent.terminate(Reason::Compromised).await;
    drop(more);
    gate.open();

    let end = EventKind::Terminated {
        reason: Some(Reason::Compromised),
    };
    recorder.wait_for(|kind| *kind == end);
    let kinds = recorder.kinds();
    let told: Vec<_> = kinds.iter().filter_map(told).collect();
    assert_eq!(told, ["inside", "0"]);
    assert_eq!(kinds[1], EventKind::Lost { events: 9 });
    let revoked = |kind: &&EventKind| matches!(kind, EventKind::Revoked { .. });
    assert_eq!(kinds.iter().filter(revoked).count(), 41);
    assert_eq!(kinds.last(), Some(&end));
}

#[test]
fn what_was_lost_is_told_before_the_queue_is_closed() {
    let gate = Gate::default();
    let recorder = Recorder::new();
    let ended = Arc::new(AtomicBool::new(false));
    let mut observer = gated(&gate, &recorder);
    let mark = OnDrop(Some(Box::new({
        let ended = Arc::clone(&ended);
        move || ended.store(true, Ordering::SeqCst)
    })));
    let observer = move |event: &Event| {
        let _ = &mark;
        observer.observe(event);
    };
    let (agent, cache) = watched_by(observer, 2);
    tell(&cache, "inside");
    eventually("it is inside", || gate.came() == 1);
    (0..10).for_each(|number| tell(&cache, number));

    drop((agent, cache));
    gate.open();

    eventually("the observer is dropped", || ended.load(Ordering::SeqCst));
    let kinds = recorder.kinds();
    assert_eq!(told(&kinds[0]), Some("inside"));
    assert_eq!(kinds[1], EventKind::Lost { events: 8 });
    assert_eq!(told(&kinds[2]), Some("0"));
    assert_eq!(told(&kinds[3]), Some("1"));
    assert_eq!(kinds[4], EventKind::Terminated { reason: None });
    assert_eq!(kinds.len(), 5);
}

#[test]
fn a_queue_is_bounded_in_bytes() {
    // (how many wait at most, of what length, how many of a hundred are told)
    for (queue, length, fewest, most) in
        [(64, 8, 64, 64), (64, 1024, 30, 63), (1000, 1024, 100, 100)]
    {
        let gate = Gate::default();
        let recorder = Recorder::new();
        let (agent, cache) = watched_by(gated(&gate, &recorder), queue);
        tell(&cache, "inside");
        eventually("it is inside", || gate.came() == 1);

        (0..100).for_each(|_| tell(&cache, "x".repeat(length)));
        drop((agent, cache));
        gate.open();

        recorder.wait_for(|kind| matches!(kind, EventKind::Terminated { .. }));
        let kinds = recorder.kinds();
        let lost = kinds.iter().map(|kind| match kind {
            EventKind::Lost { events } => usize::try_from(*events).unwrap(),
            _ => 0,
        });
        let lost: usize = lost.sum();
        let told = kinds.iter().filter_map(told);
        let told = told.filter(|text| text.starts_with('x')).count();
        assert_eq!(told + lost, 100);
        assert!((fewest..=most).contains(&told), "{told} of {length} bytes");
    }
}

#[test]
fn a_queue_that_never_empties_starves_no_other() {
    let name = "observers::a_queue_that_never_empties_starves_no_other";
    in_a_process_of_its_own(name, || {
        let stop = Arc::new(AtomicBool::new(false));
        let own: Arc<OnceLock<Cache>> = Arc::default();
        let (stopped, refilled) = (Arc::clone(&stop), Arc::clone(&own));
        let endless = move |_: &Event| {
            if !stopped.load(Ordering::SeqCst)
                && let Some(cache) = refilled.get()
            {
                tell(cache, "and on");
            }
        };
        let (_agent, cache) = watched_by(endless, 64);
        own.set(cache.clone()).unwrap();
        let other = Recorder::new();
        let (_other, witness) = watched_by(other.observer(), 64);

        tell(&cache, "on");
        tell(&witness, "one");
        other.wait_for(|kind| told(kind) == Some("one"));
        tell(&witness, "two");
        other.wait_for(|kind| told(kind) == Some("two"));

        stop.store(true, Ordering::SeqCst);
    });
}

/// If each of them were waited for as long as the first, that would take longer than [`eventually`].
const FIFTY: usize = 50;

/// Does something when it is dropped.
struct OnDrop(Option<Box<dyn FnOnce() + Send>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(act) = self.0.take() {
            act();
        }
    }
}

#[test]
fn an_observer_whose_drop_blocks_or_panics_holds_up_no_other() {
    let gate = Gate::default();
    let held = gate.clone();
    let blocks = OnDrop(Some(Box::new(move || held.pass())));
    let panics = OnDrop(Some(Box::new(|| panic!("an observer's own bug"))));
    let other = Recorder::new();
    let (_other, witness) = watched_by(other.observer(), 64);

    for drops in [panics, blocks] {
        let observer = move |_: &Event| {
            let _ = &drops;
        };
        drop(watched_by(observer, 64));
    }
    eventually("one is inside its drop", || gate.came() == 1);
    tell(&witness, "one");

    other.wait_for(|kind| told(kind) == Some("one"));
    gate.open();
}

#[test]
fn an_observer_may_drop_the_last_of_its_own_agent() {
    let own: Arc<Mutex<Option<(Agent, Cache)>>> = Arc::default();
    let kept = Arc::clone(&own);
    let recorder = Recorder::new();
    let mut to = recorder.observer();
    let ended = Arc::new(AtomicBool::new(false));
    let mark = OnDrop(Some(Box::new({
        let ended = Arc::clone(&ended);
        move || ended.store(true, Ordering::SeqCst)
    })));
    let observer = move |event: &Event| {
        let _ = &mark;
        to.observe(event);
        drop(kept.lock().unwrap().take());
    };
    let (agent, cache) = watched_by(observer, 64);
    let handle = cache.clone();
    *own.lock().unwrap() = Some((agent, cache));

    tell(&handle, "one");
    drop(handle);

    recorder.wait_for(|kind| *kind == EventKind::Terminated { reason: None });
    eventually("it is dropped", || ended.load(Ordering::SeqCst));
}
