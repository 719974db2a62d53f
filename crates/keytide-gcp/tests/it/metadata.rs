//! Metadata servers, well and odd.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use keytide_core::ErrorKind::{Misconfigured, NotConfigured, Refused, Throttled, Unavailable};
use keytide_core::{Clock as _, ErrorKind, ProvideCredential as _};
use keytide_gcp::{Env, MetadataServer};
use keytide_testkit::gcp::Google;
use keytide_testkit::server::{At, Fault, FaultServer, Outcome, Reply};
use keytide_testkit::{Answer, ScriptedProvider, TestClock};

use crate::support::{API, NEVER, STORAGE, agent, at_once, cache, impatient, metadata, token};

fn odd(status: u16, flavor: Option<&str>, body: &str) -> Fault {
    let mut reply = Reply::new(status).body(body);
    if let Some(flavor) = flavor {
        reply = reply.header("metadata-flavor", flavor);
    }
    Fault::answer("odd", reply, Outcome::Either)
}

#[tokio::test]
async fn odd_answers_are_errors_of_the_right_sort() {
    let page = "<html>log in to this network: canary</html>";
    let good = r#"{"access_token":"canary","expires_in":3599,"token_type":"Bearer"}"#;
    let google = Some("Google");
    for (fault, kind, words) in [
        // A captive portal or a proxy: a page, or a token of nobody knows whom.
        (odd(200, None, page), Unavailable, "Metadata-Flavor"),
        (odd(200, None, good), Unavailable, "Metadata-Flavor"),
        (
            odd(200, Some("google"), good),
            Unavailable,
            "Metadata-Flavor",
        ),
        (odd(404, None, page), Unavailable, "Metadata-Flavor"),
        (odd(403, None, page), Unavailable, "Metadata-Flavor"),
        (
            odd(302, None, page),
            Unavailable,
            "redirects are not followed",
        ),
        (odd(200, google, page), Unavailable, "HTML"),
        (odd(200, google, ""), Unavailable, "empty"),
        (
            odd(200, google, r#"{"access_token":"canary"}"#),
            Unavailable,
            "expires_in",
        ),
        (
            odd(200, google, r#"{"expires_in":3599}"#),
            Unavailable,
            "access_token",
        ),
        (
            odd(404, google, page),
            NotConfigured,
            "no service account is attached",
        ),
        (odd(403, google, page), Refused, "binding"),
        (odd(401, google, page), Refused, "binding"),
        (odd(400, google, page), Refused, "scopes"),
        (odd(429, google, page), Throttled, "patience"),
        (odd(429, None, page), Throttled, "patience"),
        (odd(408, google, page), Unavailable, "408"),
        (odd(500, google, page), Unavailable, "trouble"),
        (odd(503, google, page), Unavailable, "trouble"),
        (odd(504, google, page), Unavailable, "trouble"),
        // Before or after the request was written.
        (Fault::reset(At::Accept), Unavailable, "reset by peer"),
        (Fault::hang(At::BeforeHeaders), Unavailable, "within 300ms"),
    ] {
        let server = Google::new().start();
        server.set(fault.clone());
        let builder = metadata(&server);
        let builder = if fault.outlasts_patience() {
            builder.client(impatient())
        } else {
            builder
        };
        let provider = builder.build().unwrap();

        let error = cache(provider).get().await.unwrap_err();

        let text = format!("{error} {error:?}");
        assert_eq!(error.kind(), kind, "{fault:?}: {text}");
        assert!(text.contains(words), "{words:?}: {text}");
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn an_account_that_is_not_attached_is_a_no_by_name() {
    let server = Google::new().start();
    let named = |email: &str| cache(metadata(&server).service_account(email).build().unwrap());

    let other = named("other@project-1.iam.gserviceaccount.com")
        .get()
        .await
        .unwrap_err();
    let attached = named("agent@project-1.iam.gserviceaccount.com")
        .get()
        .await
        .unwrap();

    assert_eq!(other.kind(), Refused);
    assert_eq!(
        attached.principal(),
        Some("agent@project-1.iam.gserviceaccount.com")
    );
}

#[tokio::test]
async fn silence_in_the_first_seconds_of_a_pod_passes() {
    let server = Google::new().start();
    server.stop();
    let cache = cache(metadata(&server).build().unwrap());
    assert_eq!(cache.get().await.unwrap_err().kind(), Unavailable);

    server.restart();
    let from = Instant::now();
    while cache.get().await.is_err() {
        assert!(from.elapsed() < NEVER, "it never came back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    assert_eq!(
        server.count(),
        1,
        "the first call that it hears is the last"
    );
}

/// The server hands out the same token three times, each time with what is left of 40 s, and then another.
#[tokio::test(start_paused = true)]
async fn a_token_with_40_s_left_is_asked_for_six_times_at_most_and_never_served_past_its_end() {
    let clock = TestClock::new();
    let (provider, script) =
        ScriptedProvider::with_profile(profile(), Answer::token(Duration::from_secs(3599)));
    let end = clock.wall() + Duration::from_secs(40);
    for _ in 0..3 {
        script.then(Answer::same_token_until(end));
    }
    let cache = clock
        .agent()
        .build()
        .unwrap()
        .cache(provider)
        .build()
        .unwrap();

    for _ in 0..400 {
        let credential = cache.get().await.unwrap();
        assert!(
            credential.expires_at().unwrap() > clock.wall(),
            "served past its end"
        );
        clock.advance(Duration::from_millis(100)).await;
    }

    assert!(
        (4..=6).contains(&script.calls()),
        "{} calls",
        script.calls()
    );
    assert_eq!(cache.get().await.unwrap().generation(), 2);
}

fn profile() -> keytide_core::Profile {
    MetadataServer::access_token([STORAGE])
        .env(Env::of([("GCE_METADATA_HOST", "127.0.0.1:1")]))
        .build()
        .unwrap()
        .profile()
}

/// A whole life of 4 s that the server repeats to its very end, in real time.
#[tokio::test]
async fn a_token_that_the_server_repeats_is_asked_for_six_times_at_most() {
    // 4 s, repeated to the end, with what is left in whole seconds.
    let google = Google::new()
        .lifetime(Duration::from_secs(4))
        .repeats_until(Duration::ZERO);
    let server = google.start();
    let cache = cache(metadata(&server).build().unwrap());
    // Its end is this long after some moment of the first call.
    let life = Duration::from_secs(4);
    let asked = Instant::now();
    cache.get().await.unwrap();
    let given = Instant::now();

    let mut calls = server.count();
    let next = loop {
        assert!(asked.elapsed() < NEVER, "there was never another");
        let before = given.elapsed();
        match cache.get().await {
            Ok(credential) if credential.generation() > 1 => break credential,
            // The last second is rounded down to none: until the end the first one is good.
            Ok(_) => {
                assert!(before < life, "it was served past its end");
                calls = server.count();
            }
            Err(error) => assert!(asked.elapsed() > life, "before its end: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };

    assert!(calls <= 6, "{calls} calls");
    assert!(google.accepts(std::str::from_utf8(next.expose_bearer("test").unwrap()).unwrap()));
}

#[tokio::test]
async fn a_warm_scope_is_never_delayed_by_a_cold_one() {
    let server = Google::new().start();
    server.faults_only(|asked| asked.target().contains("logging"));
    server.set(Fault::hang(At::BeforeHeaders));
    let agent = agent();
    let warm = agent
        .cache(metadata(&server).build().unwrap())
        .build()
        .unwrap();
    warm.get().await.unwrap();
    let cold =
        MetadataServer::access_token([crate::support::LOGGING]).host(server.address().to_string());
    let cold = agent.cache(cold.build().unwrap()).build().unwrap();

    let waiting = tokio::spawn(async move { cold.get().await });
    while server.count() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..10_000 {
        assert!(at_once(warm.get()).is_some_and(|read| read.is_ok()));
    }

    assert!(!waiting.is_finished(), "the cold one is still waiting");
    waiting.abort();
}

#[tokio::test]
async fn an_identity_token_tells_its_end_and_its_account() {
    let server = Google::new().account("a@p.iam.gserviceaccount.com").start();
    let provider = MetadataServer::identity_token(API).host(server.address().to_string());
    let cache = cache(provider.build().unwrap());

    let credential = cache.get().await.unwrap();

    assert_eq!(credential.principal(), Some("a@p.iam.gserviceaccount.com"));
    let left = credential.remaining().as_secs();
    assert!((3590..=3600).contains(&left), "{left}");
    assert_eq!(token(&cache).split('.').count(), 3);
}

#[tokio::test]
async fn an_identity_token_for_somebody_else_is_not_taken() {
    let google = Google::new().start();
    let elsewhere = MetadataServer::identity_token("https://other.example.com")
        .host(google.address().to_string())
        .build()
        .unwrap();
    let elsewhere = cache(elsewhere);
    elsewhere.get().await.unwrap();
    let theirs = token(&elsewhere);
    let server = FaultServer::start(move |_: &_| {
        Reply::new(200)
            .header("metadata-flavor", "Google")
            .body(theirs.clone())
    });
    let provider = MetadataServer::identity_token(API).host(server.address().to_string());

    let error = cache(provider.build().unwrap()).get().await.unwrap_err();

    assert_eq!(error.kind(), Unavailable);
    assert!(error.to_string().contains("another audience"), "{error}");
}

#[tokio::test]
async fn the_environment_can_turn_the_server_off_and_set_its_time_limit() {
    let server = Google::new().start();
    let with = |name: &str, value: &str| {
        let host = server.address().to_string();
        let variables = [("GCE_METADATA_HOST", host.as_str()), (name, value)];
        MetadataServer::access_token([STORAGE])
            .env(Env::of(variables))
            .build()
            .unwrap()
    };

    let off = cache(with("NO_GCE_CHECK", "true")).get().await.unwrap_err();
    let on = cache(with("NO_GCE_CHECK", "false")).get().await;

    assert_eq!(off.kind(), NotConfigured);
    assert_eq!(server.count(), 1);
    assert!(on.is_ok());
    for wrong in ["0", "-1", "soon", "601"] {
        let error = cache(with("GCE_METADATA_TIMEOUT", wrong)).get().await;
        assert_eq!(error.unwrap_err().kind(), Misconfigured, "{wrong}");
    }
    assert_eq!(server.count(), 1, "nothing was asked");
    server.set(Fault::hang(At::BeforeHeaders));
    let error = cache(with("GCE_METADATA_TIMEOUT", "1"))
        .get()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Unavailable);
    assert!(error.to_string().contains("within 1s"), "{error}");
}

/// Whatever it was to say: another server, no server, another limit. The documented address must not be asked instead.
#[cfg(unix)]
#[tokio::test]
async fn a_variable_that_is_not_text_is_an_error_that_names_it_and_nothing_is_asked() {
    use std::os::unix::ffi::OsStringExt;
    let server = Google::new().start();
    for name in [
        "GCE_METADATA_HOST",
        "GCE_METADATA_ROOT",
        "GCE_METADATA_IP",
        "GCE_METADATA_TIMEOUT",
        "NO_GCE_CHECK",
    ] {
        let latin = std::ffi::OsString::from_vec(b"m\xfcller".to_vec());
        let provider = MetadataServer::access_token([STORAGE]).env(Env::of([(name, latin)]));
        let after = metadata(&server).build().unwrap();
        let chain = keytide_core::Chain::first(provider.build().unwrap()).then(after);

        let error = cache(chain).get().await.unwrap_err();

        assert_eq!(error.kind(), Misconfigured, "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_host_that_is_given_is_judged_at_once_and_one_of_a_variable_when_it_is_asked() {
    let wrong = "evil.example";
    let given = MetadataServer::access_token([STORAGE]).host(wrong).build();
    let told = MetadataServer::access_token([STORAGE])
        .env(Env::of([("GCE_METADATA_HOST", wrong)]))
        .build()
        .unwrap();

    let error = cache(told).get().await.unwrap_err();

    assert_eq!(given.unwrap_err().kind(), Misconfigured);
    assert_eq!(error.kind(), Misconfigured);
    assert!(error.to_string().contains("GCE_METADATA_HOST"), "{error}");
}

#[test]
fn nothing_is_asked_for_by_default() {
    let kind = |builder: keytide_gcp::MetadataServerBuilder| {
        builder.build().err().map(|error| error.kind())
    };

    assert_eq!(
        kind(MetadataServer::access_token(Vec::<String>::new())),
        Some(Misconfigured)
    );
    assert_eq!(
        kind(MetadataServer::access_token([""])),
        Some(Misconfigured)
    );
    assert_eq!(
        kind(MetadataServer::identity_token("")),
        Some(Misconfigured)
    );
    let wrong_account = MetadataServer::access_token([STORAGE]).service_account("../../x");
    assert_eq!(kind(wrong_account), Some(ErrorKind::Misconfigured));
    assert_eq!(
        kind(MetadataServer::access_token([STORAGE]).instance_details()),
        Some(Misconfigured)
    );
}

/// Tokens of 3,599 s that are repeated until 4 min before their end: about one call an hour, and none that is in vain.
#[tokio::test]
async fn the_window_suits_a_server_that_repeats_its_tokens() {
    static NOW: AtomicU64 = AtomicU64::new(1_800_000_000);
    let google = Google::new()
        .repeats_until(Duration::from_secs(240))
        .time_from(|| std::time::UNIX_EPOCH + Duration::from_secs(NOW.load(Ordering::Relaxed)));
    let server = google.start();
    let provider = metadata(&server).build().unwrap();
    let agent = agent();

    let profile = format!("{:?}", provider.profile());
    assert!(profile.contains("advisory_window: Some(225s)"), "{profile}");
    // At the first instant at which a cache may refresh, the server has a new token to give.
    let cold = agent.cache(provider).build().unwrap();
    let first = cold.get().await.unwrap();
    let window = Duration::from_secs(225);
    NOW.fetch_add((first.lifetime() - window).as_secs() + 1, Ordering::Relaxed);
    let second = cold.refresh_now().await.unwrap();

    assert_ne!(
        second.generation(),
        first.generation(),
        "the server gave the same again"
    );
}
