//! What observers are told: uses, and requests that were refused.

use http::Method;
use keytide_core::{Agent, EventKind};
use keytide_http::Destination;
use keytide_testkit::Recorder;

use crate::server::{Server, ok, redirect, unauthorized};
use crate::{Mint, Over, builder_over, identity, over_both};

fn used(destination: &str, generation: u64, method: &str, path: &str, status: u16) -> EventKind {
    EventKind::Used {
        generation,
        destination: destination.to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        status: (status > 0).then_some(status),
    }
}

fn uses(recorder: &Recorder) -> Vec<EventKind> {
    let is_use = |kind: &EventKind| matches!(kind, EventKind::Used { .. });
    recorder.kinds().into_iter().filter(is_use).collect()
}

async fn each_use_is_told_with_its_generation_and_its_path_without_the_query(over: Over) {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/there?secret=1" => redirect(303, "/here?secret=2"),
        "/here?secret=2" if seen.bears(1) => unauthorized(),
        _ => ok(),
    })
    .await;
    let recorder = Recorder::new();
    let agent = Agent::builder(identity())
        .observe_uses(recorder.observer())
        .build()
        .unwrap();
    let cache = agent.cache(Mint::default()).build().unwrap();
    let http = builder_over(over, &cache)
        .destination(server.origin())
        .build()
        .unwrap();

    http.post(server.url("/there?secret=1"))
        .body("x")
        .send()
        .await
        .unwrap();
    let origin = server.origin();
    drop(server);
    let gone = http.get(format!("{origin}/gone")).send().await;
    let sent = gone.is_err();
    drop((http, cache, agent));

    let last = if sent { 0 } else { 200 };
    recorder.wait_for(|kind| *kind == used(&origin, 2, "GET", "/gone", last));
    assert_eq!(
        uses(&recorder),
        [
            used(&origin, 1, "POST", "/there", 303),
            used(&origin, 1, "GET", "/here", 401),
            used(&origin, 2, "GET", "/here", 200),
            used(&origin, 2, "GET", "/gone", last),
        ]
    );
    let counted = |kind: &EventKind| matches!(kind, EventKind::UsesCounted { .. });
    assert!(
        !recorder.kinds().iter().any(counted),
        "either told or counted"
    );
}

async fn a_use_is_told_even_if_whoever_waited_for_it_went_away(over: Over) {
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(2));
    let server = Server::holding(std::sync::Arc::clone(&barrier), 1, |_| ok()).await;
    let recorder = Recorder::new();
    let agent = Agent::builder(identity())
        .observe_uses(recorder.observer())
        .build()
        .unwrap();
    let cache = agent.cache(Mint::default()).build().unwrap();
    let http = builder_over(over, &cache)
        .destination(server.origin())
        .build()
        .unwrap();

    let request = tokio::spawn(http.get(server.url("/x")).send());
    while server.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    request.abort();
    drop(request.await);

    recorder.wait_for(|kind| *kind == used(&server.origin(), 1, "GET", "/x", 0));
}

async fn where_nobody_observes_uses_they_are_counted_for_each_generation(over: Over) {
    let server = Server::start(|_| ok()).await;
    let recorder = Recorder::new();
    let agent = Agent::builder(identity())
        .observe(recorder.observer())
        .build()
        .unwrap();
    let cache = agent.cache(Mint::default()).build().unwrap();
    let http = builder_over(over, &cache)
        .destination(server.origin())
        .build()
        .unwrap();

    for _ in 0..7 {
        http.get(server.url("/")).send().await.unwrap();
    }
    cache.refresh_now().await.unwrap();
    recorder.wait_for(|kind| {
        *kind
            == EventKind::UsesCounted {
                generation: 1,
                uses: 7,
            }
    });
    http.get(server.url("/")).send().await.unwrap();
    http.get(server.url("/")).send().await.unwrap();
    drop(cache.revoke());

    recorder.wait_for(|kind| {
        *kind
            == EventKind::UsesCounted {
                generation: 2,
                uses: 2,
            }
    });
    assert!(uses(&recorder).is_empty());
}

async fn each_refusal_is_told_with_its_rule(over: Over) {
    let stranger = Server::start(|_| ok()).await;
    let away = stranger.url("/x?secret");
    let server = Server::start(move |_| redirect(302, &away)).await;
    let recorder = Recorder::new();
    let agent = Agent::builder(identity())
        .observe(recorder.observer())
        .build()
        .unwrap();
    let cache = agent.cache(Mint::default()).build().unwrap();
    let http = builder_over(over, &cache)
        .destination(
            Destination::new(server.origin())
                .methods([Method::GET])
                .path("/v1"),
        )
        .build()
        .unwrap();

    let (ours, theirs) = (server.origin(), stranger.origin());
    for (request, destination, rule) in [
        (http.get(stranger.url("/v1")), theirs.as_str(), "origin"),
        (http.post(server.url("/v1")), &ours, "method"),
        (http.get(server.url("/v2")), &ours, "path"),
        (http.get(server.url("/v1/%2f")), &ours, "ambiguous-path"),
        (
            http.get(server.url("/v1")).header("host", "x"),
            &ours,
            "header",
        ),
        (http.get(ours.replace("//", "//u@")), &ours, "userinfo"),
        (http.get("ws://x.example/"), "ws://x.example", "scheme"),
        (http.get(server.url("/v1")), &theirs, "origin"),
        (http.get("https://["), "", "url"),
    ] {
        let error = request.send().await.unwrap_err();

        assert_eq!(error.rule().unwrap().name(), rule, "{error}");
        assert!(error.to_string().contains(rule), "{error}");
        let destination = destination.to_owned();
        recorder.wait_for(|kind| {
            *kind
                == EventKind::Refused {
                    destination: destination.clone(),
                    rule,
                }
        });
    }
    let refused = |kind: &&EventKind| matches!(kind, EventKind::Refused { .. });
    assert_eq!(recorder.kinds().iter().filter(refused).count(), 9);
    assert!(stranger.seen().is_empty());
}

over_both! {
    each_use_is_told_with_its_generation_and_its_path_without_the_query
    a_use_is_told_even_if_whoever_waited_for_it_went_away
    where_nobody_observes_uses_they_are_counted_for_each_generation
    each_refusal_is_told_with_its_rule
}
