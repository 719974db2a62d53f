//! A file that is put right after a failure is not left until the backoff is over, whichever provider reads it.

use std::path::Path;
use std::time::Duration;

use keytide_core::{EventKind, ProvideCredential, Trigger};
use keytide_gcp::{ApplicationDefault, Env, ExternalAccount, ServiceAccountKey, UserCredentials};
use keytide_testkit::{Recorder, TestClock};
use serde_json::json;

use crate::support::{POOL, STORAGE, write};

/// Nobody listens there: each call fails once its files are good.
const NOBODY: &str = "http://127.0.0.1:9";

async fn is_tried_again(what: &str, provider: impl ProvideCredential, mend: impl FnOnce()) {
    let (clock, seen) = (TestClock::new(), Recorder::new());
    let agent = clock.agent().observe(seen.observer()).build().unwrap();
    let cache = agent.cache(provider).danger_allow_static().build().unwrap();
    // The paused clock stands still while a thread reads.
    let (held, released) = std::sync::mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || released.recv());
    cache.get().await.unwrap_err();
    drop(held);
    let changed = |kind: &EventKind| {
        let by = Trigger::Changed;
        matches!(kind, EventKind::Started { trigger } if *trigger == by)
    };
    clock.advance(Duration::from_secs(60)).await;
    assert!(!seen.kinds().iter().any(changed), "{what}: nothing changed");

    mend();
    for _ in 0..30 {
        clock.advance(Duration::from_secs(1)).await;
        // The thread that reads comes along, or is waited for below.
        std::thread::sleep(Duration::from_millis(3));
        clock.settle().await;
        if seen.kinds().iter().any(changed) {
            return;
        }
    }
    seen.wait_for(changed);
}

fn federation(subject: &Path) -> serde_json::Value {
    json!({
        "type": "external_account",
        "audience": POOL,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{NOBODY}/v1/token"),
        "credential_source": { "file": subject },
    })
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_mended_ends_the_backoff_of_each_provider_that_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let key = ServiceAccountKey::danger_from_file(at("key")).scopes([STORAGE]);
    is_tried_again("a key", key.build().unwrap(), || {
        write(directory.path(), "key", "{}");
    })
    .await;

    let login = UserCredentials::danger_from_file(at("login"), [STORAGE]);
    is_tried_again("a login", login.build().unwrap(), || {
        write(directory.path(), "login", "{}");
    })
    .await;

    let subject = ExternalAccount::builder(POOL)
        .scopes([STORAGE])
        .subject_file(at("subject"))
        .token_url(format!("{NOBODY}/v1/token"))
        .danger_allow_endpoint(NOBODY);
    is_tried_again("a subject", subject.build().unwrap(), || {
        write(directory.path(), "subject", "\n");
    })
    .await;

    // The file that a variable names, and the one that this one names.
    let found = |path: &Path| {
        ApplicationDefault::builder([STORAGE])
            .env(Env::of([("GOOGLE_APPLICATION_CREDENTIALS", path)]))
            .danger_allow_endpoint(NOBODY)
            .build()
            .unwrap()
    };
    is_tried_again("a configuration", found(&at("config")), || {
        write(directory.path(), "config", "{}");
    })
    .await;
    let config = write(
        directory.path(),
        "named",
        federation(&at("of a configuration")),
    );
    is_tried_again("a subject of a configuration", found(&config), || {
        write(directory.path(), "of a configuration", "\n");
    })
    .await;
}
