//! Assertions that are signed here.

use std::collections::HashSet;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keytide_core::{ErrorKind, EventKind, Trigger};
use keytide_oauth::AssertionKey;
use keytide_oauth::ClientCredentials;
use keytide_testkit::server::{Fault, FaultServer, Good, Received};
use keytide_testkit::{Recorder, TestClock};
use tokio::time::timeout;

use crate::support::{
    TestKey, builder, cache, ed25519, now, p256, p256_sec1, p384, part, patient, rsa, signed,
};

fn assertion(asked: &Received) -> String {
    let form = asked.form();
    let mut found = form.iter().filter(|(name, _)| name == "client_assertion");
    found.next().unwrap().1.clone()
}

fn verified(token: &str, key: &TestKey, algorithm: &'static dyn VerificationAlgorithm) -> bool {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(algorithm, &key.public)
        .verify(message.as_bytes(), &signature)
        .is_ok()
}

#[tokio::test]
async fn every_kind_of_key_signs_what_its_public_key_verifies() {
    let kinds: [(&str, TestKey, &'static dyn VerificationAlgorithm); 5] = [
        ("RS256", rsa(), &RSA_PKCS1_2048_8192_SHA256),
        ("ES256", p256(), &ECDSA_P256_SHA256_FIXED),
        ("ES256", p256_sec1(), &ECDSA_P256_SHA256_FIXED),
        ("ES384", p384(), &ECDSA_P384_SHA384_FIXED),
        ("EdDSA", ed25519(), &ED25519),
    ];
    for (name, key, algorithm) in kinds {
        let server = FaultServer::start(Good::oauth("token-"));

        cache(signed(&server.url("/token"), &key))
            .get()
            .await
            .unwrap();

        let token = assertion(&server.requests()[0]);
        assert!(verified(&token, &key, algorithm), "{name}");
        let header = part(&token, 0);
        assert_eq!(header, serde_json::json!({ "alg": name, "typ": "JWT" }));
    }
}

#[tokio::test]
async fn an_assertion_says_what_the_standard_asks_for_and_each_has_its_own_number() {
    let server = FaultServer::start(Good::oauth("token-"));
    let key = p256();
    let builder = ClientCredentials::builder(server.url("/token"), "reader")
        .private_key_jwt(AssertionKey::from_pem(&key.pem).unwrap().key_id("2026-11"))
        .assertion_audience("https://login.example.com")
        .assertion_lifetime(Duration::from_secs(120))
        .client(patient());
    let cache = cache(builder);
    server.then(Fault::status(503)).then(Fault::none());

    for _ in 0..6 {
        let _ = cache.refresh_now().await;
    }

    let mut numbers = HashSet::new();
    for asked in server.requests() {
        let token = assertion(&asked);
        let claims = part(&token, 1);
        assert_eq!(part(&token, 0)["kid"], "2026-11");
        assert_eq!(claims["iss"], "reader");
        assert_eq!(claims["sub"], "reader");
        assert_eq!(claims["aud"], "https://login.example.com");
        let (made, end) = (
            claims["iat"].as_u64().unwrap(),
            claims["exp"].as_u64().unwrap(),
        );
        assert_eq!(end - made, 120);
        assert!(made.abs_diff(now()) <= 2);
        let number = claims["jti"].as_str().unwrap().to_owned();
        assert!(number.len() >= 22, "128 bits: {number}");
        assert!(numbers.insert(number), "used before");
    }
    assert_eq!(numbers.len(), 6, "after a failure too");

    let plain = FaultServer::start(Good::oauth("token-"));
    let url = plain.url("/token");
    super::support::cache(signed(&url, &key))
        .get()
        .await
        .unwrap();
    let token = assertion(&plain.requests()[0]);
    assert_eq!(part(&token, 1)["aud"], url.as_str());
}

#[tokio::test]
async fn assertions_are_dated_by_the_issuers_clock_as_soon_as_an_answer_tells_it() {
    const AHEAD: Duration = Duration::from_secs(7200);
    #[expect(
        clippy::disallowed_methods,
        reason = "the issuer's clock is the machine's, moved"
    )]
    fn ahead() -> SystemTime {
        SystemTime::now() + AHEAD
    }
    let server = FaultServer::start(Good::oauth("token-"));
    server.time_from(ahead);
    server.then(Fault::status(401));
    let cache = cache(signed(&server.url("/token"), &p256()));

    cache.get().await.unwrap_err();
    cache.refresh_now().await.unwrap();

    let made: Vec<_> = server
        .requests()
        .iter()
        .map(|asked| part(&assertion(asked), 1)["iat"].as_u64().unwrap())
        .collect();
    assert!(made[0].abs_diff(now()) <= 2, "nothing was known yet");
    assert!(made[1].abs_diff(now() + AHEAD.as_secs()) <= 3, "{made:?}");
}

#[tokio::test]
async fn a_key_file_that_is_replaced_signs_the_next_assertion() {
    let server = FaultServer::start(Good::oauth("token-"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client.pem");
    let builder = ClientCredentials::builder(server.url("/token"), "reader")
        .private_key_jwt(AssertionKey::from_pem_file(&path))
        .client(patient());
    let cache = cache(builder);

    let missing = cache.get().await.unwrap_err();
    assert_eq!(
        missing.kind(),
        ErrorKind::Unavailable,
        "it may be about to be written"
    );
    assert!(missing.to_string().contains("client.pem"), "{missing}");
    for key in [p256(), p256()] {
        std::fs::write(&path, &key.pem).unwrap();
        cache.refresh_now().await.unwrap();
        let token = assertion(server.requests().last().unwrap());
        assert!(verified(&token, &key, &ECDSA_P256_SHA256_FIXED));
    }
    for (what, odd) in [
        ("a directory", directory.path()),
        ("a device", "/dev/zero".as_ref()),
    ] {
        let key = AssertionKey::from_pem_file(odd);
        let builder = ClientCredentials::builder(server.url("/token"), "reader");
        let error = super::support::cache(builder.private_key_jwt(key))
            .get()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{what}: {error}");
    }
    std::fs::write(&path, vec![b'x'; (64 << 10) + 1]).unwrap();
    let large = cache.refresh_now().await.unwrap_err();
    assert!(format!("{large:?}").contains("over 64 KiB"), "{large:?}");
    std::fs::write(&path, "canary, no key").unwrap();
    let broken = cache.refresh_now().await.unwrap_err();
    assert_eq!(broken.kind(), ErrorKind::Misconfigured);
    assert!(!format!("{broken:?}").contains("canary"), "{broken:?}");
    cache.get().await.unwrap();
}

/// A file that is put right after a failure is not left until the backoff is over.
#[tokio::test(start_paused = true)]
async fn a_key_file_that_is_mended_ends_the_backoff() {
    let (clock, seen) = (TestClock::new(), Recorder::new());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client.pem");
    let provider = ClientCredentials::builder("http://127.0.0.1:9/token", "reader")
        .private_key_jwt(AssertionKey::from_pem_file(&path))
        .client(patient())
        .build()
        .unwrap();
    let agent = clock.agent().observe(seen.observer()).build().unwrap();
    let cache = agent.cache(provider).build().unwrap();
    // The paused clock stands still while a thread reads.
    let (held, released) = mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || released.recv());
    let missing = cache.get().await.unwrap_err();
    assert!(missing.to_string().contains("is not there"), "{missing}");
    drop(held);
    let changed = |kind: &EventKind| {
        let by = Trigger::Changed;
        matches!(kind, EventKind::Started { trigger } if *trigger == by)
    };
    clock.advance(Duration::from_secs(60)).await;
    assert!(!seen.kinds().iter().any(changed));

    std::fs::write(&path, &p256().pem).unwrap();
    for _ in 0..30 {
        clock.advance(Duration::from_secs(1)).await;
        std::thread::sleep(Duration::from_millis(2));
    }

    seen.wait_for(changed);
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_cannot_be_read_is_told_from_one_that_is_not_there() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::os::unix::fs::symlink;

    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    mknodat(
        CWD,
        path("pipe"),
        FileType::Fifo,
        Mode::RUSR | Mode::WUSR,
        0,
    )
    .unwrap();
    symlink("circle", path("circle")).unwrap();
    symlink("nowhere", path("dangling")).unwrap();
    for (name, kind) in [
        ("absent", ErrorKind::Unavailable),
        ("dangling", ErrorKind::Unavailable),
        ("circle", ErrorKind::Misconfigured),
        ("pipe", ErrorKind::Misconfigured),
    ] {
        let builder = ClientCredentials::builder("https://login.example.com/token", "reader");
        let cache = cache(builder.private_key_jwt(AssertionKey::from_pem_file(path(name))));

        let answer = timeout(Duration::from_secs(20), cache.get()).await;

        let error = answer.expect("it waits").unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error}");
        let named = path(name).display().to_string();
        assert!(error.to_string().contains(&named), "{error}");
    }
}

#[test]
fn a_key_file_is_read_on_no_thread_of_the_blocking_pool() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let taken = runtime.spawn_blocking(move || held.recv().is_ok());
    let key = AssertionKey::from_pem_file("/nowhere/client.pem");
    let provider = ClientCredentials::builder("https://login.example.com/token", "reader")
        .private_key_jwt(key)
        .build()
        .unwrap();
    let agent = builder().runtime(runtime.handle().clone()).build().unwrap();
    let cache = agent.cache(provider).build().unwrap();

    let answer = runtime.block_on(async { timeout(Duration::from_secs(20), cache.get()).await });

    let error = answer.expect("it waits for the pool").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    drop(release);
    runtime.block_on(taken).unwrap();
}
