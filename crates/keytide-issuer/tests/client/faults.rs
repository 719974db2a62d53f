//! Everything that can come back wrong on the wire.

use std::sync::Arc;
use std::time::Duration;

use keytide_core::ErrorKind;
use keytide_testkit::server::{Fault, FaultServer, Good, Outcome, Reply};

use tokio::sync::Semaphore;

use crate::{asking, cache, failed, whole};

fn good() -> Good {
    Good::new(|asked| Reply::new(200).body(format!("token-{}", asked.number())))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_fault_on_the_wire_is_a_typed_error_that_quotes_nothing() {
    let mut tasks = tokio::task::JoinSet::new();
    // A few at a time: a machine that is busy must not make time limits end what is well.
    let turns = Arc::new(Semaphore::new(8));
    for fault in Fault::all() {
        let server = FaultServer::start(good());
        if fault.not_applicable(server.good(), false).is_some() {
            continue;
        }
        let Outcome::Error(kinds) = fault.outcome() else {
            continue;
        };
        // The body of a success is the provider's to judge.
        if fault.name().starts_with("body-") || ["html-200", "empty-200"].contains(&fault.name()) {
            continue;
        }
        let turn = Arc::clone(&turns);
        tasks.spawn(async move {
            let _turn = turn.acquire_owned().await.unwrap();
            server.set(fault.clone());
            let error = failed(asking(server.url("/token"))).await;
            let text = whole(&error);
            assert!(
                kinds.contains(&error.kind()),
                "{fault}: {:?}: {text}",
                error.kind()
            );
            assert!(!text.contains(server.body_canary()), "{fault}: {text}");
            assert!(
                text.contains("http://127.0.0.1"),
                "{fault} names nobody: {text}"
            );
            assert!(
                server.connections() <= 1,
                "{fault}: {}",
                server.connections()
            );
            println!("{fault}: {:?}: {text}", error.kind());
        });
    }
    let mut tried = 0;
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
        tried += 1;
    }
    assert!(tried > 30, "{tried}");
}

#[tokio::test]
async fn what_is_too_much_is_cut_off() {
    for name in ["endless-body", "huge-body", "endless-headers", "gzip-bomb"] {
        let found = Fault::all().into_iter().find(|fault| fault.name() == name);
        let fault = found.unwrap_or_else(|| panic!("{:?}", Fault::all()));
        let server = FaultServer::start(good());
        server.set(fault);

        let error = failed(asking(server.url("/token"))).await;

        assert_eq!(error.kind(), ErrorKind::Unavailable, "{name}");
        for _ in 0..100 {
            if server
                .requests()
                .iter()
                .all(keytide_testkit::server::Received::is_over)
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let sent = server.requests()[0].sent();
        assert!(sent < 16 << 20, "{name}: {sent} bytes could be sent");
    }
}

#[tokio::test]
async fn an_answer_of_one_mebibyte_is_read_and_one_more_byte_is_not() {
    for (size, fits) in [(1 << 20, true), ((1 << 20) + 1, false)] {
        let answer =
            move |_: &keytide_testkit::server::Received| Reply::new(200).body(vec![b'a'; size]);
        let server = FaultServer::start(answer);

        let result = cache(asking(server.url("/token"))).get().await;

        assert_eq!(result.is_ok(), fits, "{size}");
        if let Err(error) = result {
            assert!(error.to_string().contains("over 1 MiB"), "{error}");
        }
    }
}

#[tokio::test]
async fn sixty_four_kibibytes_of_headers_are_read_and_more_are_not() {
    for (count, fits) in [(60, true), (66, false)] {
        let answer = move |_: &keytide_testkit::server::Received| {
            let reply = Reply::new(200).body("token");
            (0..count).fold(reply, |reply, n| {
                reply.header(format!("x-{n}"), "v".repeat(1000))
            })
        };
        let server = FaultServer::start(answer);

        let result = cache(asking(server.url("/token"))).get().await;

        assert_eq!(result.is_ok(), fits, "{count}");
        if let Err(error) = result {
            assert!(error.to_string().contains("over 64 KiB"), "{error}");
        }
    }
}
