//! Everything that can come back wrong.

use std::sync::Arc;
use std::time::Duration;

use keytide_core::{Cache, Credential, ErrorKind};
use keytide_oauth::IssuerClient;
use keytide_testkit::Canary;
use keytide_testkit::server::{Fault, FaultServer, Good, Outcome, Received, Reply};

use tokio::sync::Semaphore;

use crate::support::{cache, p256, signed, text};

/// For every fault: a typed error or a good token, no second call, nothing of the body anywhere, and what is at hand
/// stays in use.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_fault_costs_the_credential_at_hand_or_says_what_was_in_a_body() {
    // The subscriber is installed before anything is logged.
    let _watch = Canary::new();
    let pem = Arc::new(p256());
    // A few at a time: a machine that is busy must not make time limits end what is well.
    let turns = Arc::new(Semaphore::new(8));
    let mut tasks = tokio::task::JoinSet::new();
    for fault in Fault::all() {
        let server = FaultServer::start(Good::oauth("token-"));
        if fault.not_applicable(server.good(), false).is_some() {
            continue;
        }
        let (key, turn) = (Arc::clone(&pem), Arc::clone(&turns));
        tasks.spawn(async move {
            let _turn = turn.acquire_owned().await.unwrap();
            // A path of its own: a client of another test may have known a server that had this port before.
            let path = format!("/token/{fault}");
            // What never ends is cut off soon; nothing else is cut off because a machine is busy.
            let client = IssuerClient::builder();
            let client = if fault.outlasts_patience() {
                client.answer_timeout(Duration::from_secs(2))
            } else {
                client
            };
            let builder = signed(&server.url(&path), &key).client(client.build().unwrap());
            let cache = cache(builder);
            let first = text(&*served(&cache, false).await);
            server.forget();
            server.set(fault.clone());

            let result = cache.refresh_now().await;

            let requests = server.requests();
            let calls = requests.iter().filter(|asked| asked.path() == path).count();
            assert!(calls <= 1, "{fault}: asked {calls} times in one call");
            match (&result, fault.outcome()) {
                (Err(error), Outcome::Error(kinds)) => {
                    // A policy's no is the engine's word, not the provider's.
                    let expected =
                        kinds.contains(&error.kind()) || error.kind() == ErrorKind::LifetimeTooLong;
                    assert!(expected, "{fault}: {:?}: {error}", error.kind());
                }
                (Ok(_), Outcome::Credential) | (_, Outcome::Either) => {}
                other => panic!("{fault}: {other:?}"),
            }
            if let Err(error) = &result {
                let said = format!("{error} {error:?}");
                assert!(!said.contains(server.body_canary()), "{fault}: {said}");
                assert_eq!(text(&cache.get().await.unwrap()), first, "{fault}");
            }
            assert!(!Canary::logged(server.body_canary()), "{fault} was logged");
            server.heal();
            served(&cache, true).await;
        });
    }
    let mut tried = 0;
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
        tried += 1;
    }
    assert!(tried > 70, "{tried}");
}

/// What comes in the end: a call may take longer than its limit on a machine that is busy.
async fn served(cache: &Cache, anew: bool) -> Arc<Credential> {
    let from = tokio::time::Instant::now();
    loop {
        let asked = if anew {
            cache.refresh_now().await
        } else {
            cache.get().await
        };
        match asked {
            Ok(credential) => return credential,
            Err(error) => assert!(from.elapsed() < Duration::from_secs(60), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn each_code_of_the_standard_is_of_its_sort() {
    use ErrorKind::{Refused, Throttled, Unavailable};
    for (code, status, kind) in [
        ("invalid_request", 400, Refused),
        ("invalid_client", 401, Refused),
        ("invalid_client", 400, Refused),
        ("invalid_grant", 400, Refused),
        ("unauthorized_client", 400, Refused),
        ("unsupported_grant_type", 400, Refused),
        ("invalid_scope", 400, Refused),
        ("invalid_target", 400, Refused),
        ("access_denied", 403, Refused),
        ("invalid_client", 200, Refused),
        ("server_error", 500, Unavailable),
        ("temporarily_unavailable", 503, Unavailable),
        ("slow_down", 400, Throttled),
        ("something_else", 400, Unavailable),
        ("something_else", 401, Unavailable),
        ("INVALID_CLIENT", 401, Unavailable),
        // By their status no refusal, whatever they say.
        ("invalid_client", 429, Throttled),
        ("invalid_client", 500, Unavailable),
        ("invalid_grant", 502, Unavailable),
        ("unauthorized_client", 503, Unavailable),
    ] {
        let server = FaultServer::start(move |_: &Received| {
            let body = serde_json::json!({
                "error": code,
                "error_description": "canary",
                "error_uri": "https://example.com/canary",
            });
            Reply::json(status, &body)
        });

        let error = cache(signed(&server.url("/token"), &p256()))
            .get()
            .await
            .unwrap_err();

        assert_eq!(error.kind(), kind, "{status} {code}: {error}");
        let said = format!("{error} {error:?}");
        assert_eq!(
            said.contains(code),
            code != "something_else" && code != "INVALID_CLIENT",
            "{said}"
        );
        assert!(!said.contains("canary"), "{said}");
    }
}

#[tokio::test]
async fn a_failing_issuer_is_not_asked_in_a_loop() {
    let server = FaultServer::start(Good::oauth("token-"));
    server.set(Fault::status(500));
    let cache = cache(signed(&server.url("/token"), &p256()));

    let from = tokio::time::Instant::now();
    while from.elapsed() < Duration::from_millis(1500) {
        cache.get().await.unwrap_err();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    // The first, one for each second and the rest of one at the minimum interval, and the four of the first pauses.
    let took = from.elapsed();
    let most = 1 + took.as_secs() + 1 + 4;
    let calls = server.count();
    assert!(calls <= most, "{calls} calls in {took:?}");
}

#[tokio::test]
async fn neither_key_nor_secret_nor_token_is_logged() {
    let canary = Canary::new();
    let server = FaultServer::start(Good::oauth(canary.secret()));
    let secret = Canary::new();
    let provider = keytide_oauth::ClientCredentials::builder(server.url("/token"), "reader")
        .danger_client_secret_post(secret.secret())
        .build()
        .unwrap();
    let cache = crate::support::agent()
        .cache(provider)
        .danger_allow_static()
        .build()
        .unwrap();

    cache.get().await.unwrap();
    server.set(Fault::status(401));
    cache.refresh_now().await.unwrap_err();

    assert!(
        server.requests()[0]
            .body()
            .ends_with(secret.secret().as_bytes())
    );
}
