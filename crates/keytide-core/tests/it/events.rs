//! Rule 28: events leave sideways.

use std::sync::{Arc, Condvar, Mutex};

use keytide_core::{Error, ErrorKind, Event, EventKind, Profile, Reason, UseReport};
use keytide_testkit::{Answer, Recorder, ScriptedProvider, TestClock};

use crate::{HOUR, MINUTE, given, given_with};

#[tokio::test(start_paused = true)]
async fn every_event_says_which_agent_which_cache_which_provider_and_which_principal() {
    let answer = Answer::token(HOUR).principal("role/reader");
    let given = given_with(Profile::bearer("scripted"), answer, |builder| {
        builder.key("billing")
    });
    given.cache.get().await.unwrap();
    let _ = given
        .cache
        .try_get()
        .unwrap()
        .expose_bearer("a header")
        .unwrap();
    drop(given.cache.revoke());

    given
        .recorder
        .wait_for(|kind| matches!(kind, EventKind::Revoked { .. }));
    let events = given.recorder.events();

    let kinds: Vec<_> = events
        .iter()
        .map(|event| std::mem::discriminant(&event.kind))
        .collect();
    let expected = [
        EventKind::Started {
            trigger: keytide_core::Trigger::FirstUse,
        },
        EventKind::Issued {
            generation: 0,
            lifetime: None,
            latency: MINUTE,
        },
        EventKind::Scheduled { after: MINUTE },
        EventKind::Exposed {
            generation: 1,
            reason: "a header",
        },
        EventKind::Revoked {
            residual_exposure: MINUTE,
        },
    ];
    assert_eq!(
        kinds,
        expected
            .iter()
            .map(std::mem::discriminant)
            .collect::<Vec<_>>()
    );
    for event in &events {
        assert_eq!(event.instance, given.agent.instance());
        assert_eq!(event.identity.owner, "tests");
        assert_eq!(event.cache.as_deref(), Some("billing"));
        assert_eq!(event.provider, "scripted");
        let known = !matches!(event.kind, EventKind::Started { .. });
        assert_eq!(event.principal.as_deref(), known.then_some("role/reader"));
    }
    assert_eq!(events[3].kind, expected[3]);
}

/// T21.
#[tokio::test(start_paused = true)]
async fn the_order_of_events_is_that_of_publication() {
    let given = given_with(
        Profile::bearer("scripted").answers_at_once(),
        Answer::token(HOUR),
        |builder| builder,
    );
    for _ in 0..200 {
        given.cache.refresh_now().await.unwrap();
    }

    given.recorder.wait_for(|kind| {
        matches!(
            kind,
            EventKind::Issued {
                generation: 200,
                ..
            }
        )
    });

    let issued: Vec<_> = given
        .recorder
        .kinds()
        .into_iter()
        .filter_map(|kind| match kind {
            EventKind::Issued { generation, .. } => Some(generation),
            _ => None,
        })
        .collect();
    assert_eq!(issued, (1..=200).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_calls_back_into_the_cache_does_not_deadlock() {
    let clock = TestClock::new();
    let back = Arc::new(Mutex::new(None::<keytide_core::Cache>));
    let called = Arc::clone(&back);
    let recorder = Recorder::new();
    let agent = clock
        .agent()
        .observe(move |_: &Event| {
            if let Some(cache) = called.lock().unwrap().as_ref() {
                let _ = (
                    cache.try_get(),
                    cache.status(),
                    cache.changes(),
                    cache.invalidate(1),
                );
            }
        })
        .observe(recorder.observer())
        .build()
        .unwrap();
    let cache = agent
        .cache(ScriptedProvider::new(Answer::token(HOUR)).0)
        .build()
        .unwrap();
    *back.lock().unwrap() = Some(cache.clone());

    let first = cache.get().await.unwrap().generation();

    assert_eq!(first, 1);
    recorder.wait_for(|kind| matches!(kind, EventKind::Invalidated { generation: 1 }));
    *back.lock().unwrap() = None;
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_blocks_or_panics_is_isolated_and_its_losses_are_counted() {
    let clock = TestClock::new();
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let (blocked, seen) = (Arc::clone(&gate), Recorder::new());
    let mut to_seen = Some(seen.observer());
    let healthy = Recorder::new();
    let agent = clock
        .agent()
        .observer_queue(8)
        .observe(|_: &Event| panic!("an observer's own bug"))
        .observe(move |event: &Event| {
            let (open, changed) = &*blocked;
            drop(
                changed
                    .wait_while(open.lock().unwrap(), |open| !*open)
                    .unwrap(),
            );
            if let Some(observer) = &mut to_seen {
                keytide_core::Observe::observe(observer, event);
            }
        })
        .build()
        .unwrap();
    let other = clock.agent().observe(healthy.observer()).build().unwrap();
    let cache = agent
        .cache(ScriptedProvider::new(Answer::token(HOUR)).0)
        .build()
        .unwrap();
    let unaffected = other
        .cache(ScriptedProvider::new(Answer::token(HOUR)).0)
        .build()
        .unwrap();

    for _ in 0..100 {
        cache.refresh_now().await.unwrap();
        cache.get().await.unwrap();
    }
    unaffected.get().await.unwrap();
    healthy.wait_for(|kind| matches!(kind, EventKind::Issued { .. }));
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    // Until the queue has been drained, what comes is lost as well.
    let lost = || -> u64 {
        let lost = |event: Event| match event.kind {
            EventKind::Lost { events } => events,
            _ => 0,
        };
        seen.events().into_iter().map(lost).sum()
    };
    while lost() < 250 {
        cache.refresh_now().await.unwrap();
        std::thread::yield_now();
    }
}

#[tokio::test(start_paused = true)]
async fn the_life_of_a_credential_is_told_to_its_end() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();
    given.script.always(Answer::unavailable());
    given.clock.advance(2 * HOUR).await;

    given
        .recorder
        .wait_for(|kind| *kind == EventKind::Expired { generation: 1 });
    given.cache.invalidate(1);
    given
        .recorder
        .wait_for(|kind| *kind == EventKind::Invalidated { generation: 1 });
    given.agent.terminate(Reason::Failed).await;
    given.recorder.wait_for(|kind| {
        *kind
            == EventKind::Terminated {
                reason: Some(Reason::Failed),
            }
    });
    let expired = given
        .recorder
        .kinds()
        .into_iter()
        .filter(|kind| matches!(kind, EventKind::Expired { .. }));
    assert_eq!(expired.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn dropping_an_agent_reports_its_end() {
    let given = given(Answer::token(HOUR));
    given.cache.get().await.unwrap();

    drop((given.agent, given.cache));

    given
        .recorder
        .wait_for(|kind| *kind == EventKind::Terminated { reason: None });
}

#[tokio::test(start_paused = true)]
async fn each_use_is_told_to_those_who_observe_uses_and_to_no_one_else() {
    let clock = TestClock::new();
    let (all, uses) = (Recorder::new(), Recorder::new());
    let agent = clock
        .agent()
        .observe(all.observer())
        .observe_uses(uses.observer())
        .build()
        .unwrap();
    let cache = agent
        .cache(ScriptedProvider::new(Answer::token(HOUR)).0)
        .key("billing")
        .build()
        .unwrap();
    cache.get().await.unwrap();

    assert!(cache.sender().observes_uses());
    for _ in 0..3 {
        cache.sender().report_use(UseReport {
            generation: 1,
            destination: "https://a.example",
            method: "GET",
            path: "/v1",
            status: Some(200),
        });
    }
    cache.sender().report_refused("https://b.example", "origin");

    let used = EventKind::Used {
        generation: 1,
        destination: "https://a.example".to_owned(),
        method: "GET".to_owned(),
        path: "/v1".to_owned(),
        status: Some(200),
    };
    let refused = EventKind::Refused {
        destination: "https://b.example".to_owned(),
        rule: "origin",
    };
    for recorder in [&all, &uses] {
        let event = recorder.wait_for(|kind| *kind == refused);
        assert_eq!(event.cache.as_deref(), Some("billing"));
    }
    let count = |recorder: &Recorder| {
        recorder
            .kinds()
            .iter()
            .filter(|kind| **kind == used)
            .count()
    };
    assert_eq!((count(&all), count(&uses)), (0, 3));
    assert!(!given(Answer::token(HOUR)).cache.sender().observes_uses());
}

#[tokio::test(start_paused = true)]
async fn no_text_of_a_caller_a_destination_or_an_issuer_is_longer_than_a_line_of_a_kibibyte() {
    let given = given(Answer::token(HOUR).principal("p".repeat(9000)));
    let long = format!("https://{}\n.example\u{1b}[2J", "x".repeat(9000));
    given.cache.get().await.unwrap();

    given.cache.sender().report_refused(&long, "origin");
    given
        .script
        .always(Answer::fail(Error::refused(long.clone())));
    let refused = given.cache.rejected(1, &long).await.unwrap_err();
    let known = given.cache.sender().read(&long, |_| ()).unwrap_err();
    assert_eq!(
        known.kind(),
        ErrorKind::Rejected,
        "the same origin is known again"
    );
    given
        .recorder
        .wait_for(|kind| matches!(kind, EventKind::Failed { .. }));

    let mut texts: Vec<String> = vec![refused.to_string(), known.to_string()];
    for event in given.recorder.events() {
        texts.extend(event.principal.map(|principal| principal.to_string()));
        match event.kind {
            EventKind::Refused { destination, .. } => texts.push(destination),
            EventKind::Rejected { origin, .. } => texts.push(origin),
            EventKind::Failed { message, .. } => texts.push(message),
            _ => {}
        }
    }
    assert!(texts.len() >= 8, "{}", texts.len());
    for text in texts {
        // A message of ours may stand before it.
        assert!(text.len() <= 1024 + 200, "{} bytes", text.len());
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}
