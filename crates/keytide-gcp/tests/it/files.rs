//! Each file that is read here: one that nobody could read to its end is an error at once, that names it.

#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use keytide_core::ErrorKind::{self, Misconfigured, Unavailable};
use keytide_core::{Cache, Error};
use keytide_gcp::{
    ApplicationDefault, Env, ExternalAccountConfig, ServiceAccountKey, UserCredentials,
};
use keytide_testkit::gcp::Google;
use serde_json::json;
use tokio::time::timeout;

use crate::support::{POOL, STORAGE, agent, federated, write};

/// What stands where a file should, and what is made of it.
const BAD: [(&str, ErrorKind); 7] = [
    ("pipe", Misconfigured),
    ("link to pipe", Misconfigured),
    ("directory", Misconfigured),
    ("circle", Misconfigured),
    ("file/below", Misconfigured),
    ("dangling", Unavailable),
    ("absent", Unavailable),
];

fn make(directory: &Path) {
    let at = |name: &str| directory.join(name);
    pipe(&at("pipe"));
    symlink("pipe", at("link to pipe")).unwrap();
    std::fs::create_dir(at("directory")).unwrap();
    symlink("circle", at("circle")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    std::fs::write(at("file"), "{}").unwrap();
}

pub(crate) fn pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// A read that waits for the other end of a pipe would wait for ever.
async fn soon<T>(asked: impl Future<Output = Result<T, Error>>) -> Error {
    let answer = timeout(Duration::from_secs(20), asked).await;
    match answer.expect("it waits") {
        Ok(_) => panic!("it was read"),
        Err(error) => error,
    }
}

fn allowed(provider: impl keytide_core::ProvideCredential) -> Cache {
    let builder = agent().cache(provider).danger_allow_static();
    builder.build().unwrap()
}

#[tokio::test]
async fn what_is_no_file_is_an_error_at_once_wherever_a_file_is_read() {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    let server = Google::new().start();
    for (name, kind) in BAD {
        let path = directory.path().join(name);
        let key = ServiceAccountKey::danger_from_file(&path).scopes([STORAGE]);
        let login = UserCredentials::danger_from_file(&path, [STORAGE]);
        let subject = federated(&server).subject_file(&path);
        let config = json!({
            "type": "external_account",
            "audience": POOL,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": server.url("/v1/token"),
            "credential_source": { "file": &path },
        });
        let config = write(directory.path(), "config.json", config);
        let named = |path: &Path| {
            let env = Env::of([("GOOGLE_APPLICATION_CREDENTIALS", path)]);
            let builder = ApplicationDefault::builder([STORAGE]).env(env);
            let builder = builder.danger_allow_endpoint(server.origin());
            allowed(builder.build().unwrap())
        };

        let errors = [
            soon(allowed(key.build().unwrap()).get()).await,
            soon(allowed(login.build().unwrap()).get()).await,
            soon(allowed(subject.build().unwrap()).get()).await,
            soon(named(&path).get()).await,
            soon(named(&config).get()).await,
            soon(ExternalAccountConfig::from_file(&path)).await,
        ];

        for error in errors {
            assert_eq!(error.kind(), kind, "{name}: {error}");
            let path = path.display().to_string();
            assert!(error.to_string().contains(&path), "{name}: {error}");
        }
    }
    assert_eq!(server.connections(), 0);
}

#[cfg(feature = "bound_tokens")]
#[tokio::test]
async fn a_certificate_that_is_no_file_is_an_error_at_once() {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path());
    let server = Google::new().start();
    for (name, kind) in BAD {
        let path = directory.path().join(name);
        let builder = crate::support::metadata(&server).bind_certificate(&path);

        let error = soon(allowed(builder.build().unwrap()).get()).await;

        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(error.to_string().contains(&path.display().to_string()));
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_configuration_that_is_none_is_named_with_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = write(directory.path(), "config.json", r#"{"type":"canary"}"#);

    let error = ExternalAccountConfig::from_file(&path).await.unwrap_err();

    assert_eq!(error.kind(), Misconfigured);
    assert!(error.to_string().contains(&path.display().to_string()));
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}
