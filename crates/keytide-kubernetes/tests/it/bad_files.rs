use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use keytide_core::{Error, ErrorKind, LongLived};
use keytide_kubernetes::ProjectedToken;

use crate::support::{Counted, Volume, agent, claims, now, soon, text, token, token_of};

const AUDIENCE: &str = "https://api.example.com";

/// What stands in place of the token, and what the error says.
struct Bad {
    name: &'static str,
    path: PathBuf,
    kind: ErrorKind,
    says: &'static [&'static str],
}

/// Everything that is made on disk for the table.
fn table(directory: &std::path::Path) -> Vec<Bad> {
    use ErrorKind::{Misconfigured, NotConfigured, Unavailable};
    let at = |name: &str| directory.join(name);
    let file = |name: &'static str, content: &[u8], kind, says| {
        std::fs::write(at(name), content).unwrap();
        Bad {
            name,
            path: at(name),
            kind,
            says,
        }
    };
    let of = |name: &'static str, claims: String, kind, says| {
        file(name, token_of(&claims, "signature").as_bytes(), kind, says)
    };
    let later = now() + 3600;
    std::fs::create_dir(at("directory")).unwrap();
    std::os::unix::fs::symlink(at("gone"), at("dangling")).unwrap();
    std::os::unix::fs::symlink(at("circle"), at("circle")).unwrap();
    make_pipe(&at("pipe"));
    let found = |name: &'static str, kind, says| Bad {
        name,
        path: at(name),
        kind,
        says,
    };
    vec![
        found("absent/token", NotConfigured, &["neither", "absent/token"]),
        found("absent", Unavailable, &["does not exist"]),
        found("dangling", Unavailable, &["a link", "does not exist"]),
        found("dangling/token", Unavailable, &["a link", "does not exist"]),
        found(
            "circle",
            Misconfigured,
            &["circle", "name the token's file"],
        ),
        found(
            "directory",
            Misconfigured,
            &["is a directory", "directory/token"],
        ),
        found("pipe", Misconfigured, &["is a pipe", "regular file"]),
        file("empty", b"", Unavailable, &["is empty"]),
        file("blank", b" \n\n", Unavailable, &["is empty"]),
        file(
            "long",
            &vec![b'a'; 10 << 20],
            Misconfigured,
            &["longer than 64 KiB", "name the token's file"],
        ),
        file(
            "binary",
            &[0, 159, 146, 150, 7],
            Unavailable,
            &["no JWT is made of"],
        ),
        found(
            "binary/token",
            Misconfigured,
            &["as if it were a directory", "name the token's file"],
        ),
        file(
            "text",
            b"correct horse battery staple",
            Unavailable,
            &["no JWT is made of", "0x20 at offset 7"],
        ),
        file(
            "opaque",
            b"correct-horse",
            Unavailable,
            &["three parts of a JWT"],
        ),
        file(
            "pem",
            b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            Unavailable,
            &["no JWT"],
        ),
        of(
            "exp-string",
            format!(r#"{{"aud":"{AUDIENCE}","exp":"{later}"}}"#),
            Misconfigured,
            &["string", "seconds since 1970"],
        ),
        of(
            "exp-millis",
            format!(r#"{{"aud":"{AUDIENCE}","exp":{later}000}}"#),
            Misconfigured,
            &["looks like milliseconds"],
        ),
        of(
            "exp-negative",
            format!(r#"{{"aud":"{AUDIENCE}","exp":-{later}}}"#),
            Misconfigured,
            &["negative"],
        ),
        of(
            "exp-absent",
            format!(r#"{{"aud":"{AUDIENCE}"}}"#),
            Misconfigured,
            &["no exp claim"],
        ),
        of(
            "exp-10000",
            format!(r#"{{"aud":"{AUDIENCE}","exp":253402300800}}"#),
            Misconfigured,
            &["beyond the year 9999"],
        ),
        of(
            "exp-nan",
            format!(r#"{{"aud":"{AUDIENCE}","exp":NaN}}"#),
            Unavailable,
            &["not a JSON object"],
        ),
        of(
            "exp-past",
            format!(r#"{{"aud":"{AUDIENCE}","exp":{}}}"#, now() - 10),
            Unavailable,
            &["expired", "s ago"],
        ),
        of(
            "aud-other",
            format!(r#"{{"aud":"other","exp":{later}}}"#),
            Misconfigured,
            &["\"other\"", AUDIENCE, "serviceAccountToken"],
        ),
        of(
            "aud-others",
            format!(r#"{{"aud":["one","two"],"exp":{later}}}"#),
            Misconfigured,
            &["\"one\", \"two\"", AUDIENCE],
        ),
        of(
            "aud-absent",
            format!(r#"{{"exp":{later}}}"#),
            Misconfigured,
            &["none", AUDIENCE],
        ),
        of(
            "aud-longer",
            format!(r#"{{"aud":"{AUDIENCE}.evil.example","exp":{later}}}"#),
            Misconfigured,
            &["evil"],
        ),
    ]
}

#[tokio::test]
async fn a_bad_file_is_an_error_that_says_what_to_mend() {
    let directory = tempfile::tempdir().unwrap();
    let agent = agent().build().unwrap();
    for bad in table(directory.path()) {
        let (provider, calls) = Counted::new(
            ProjectedToken::builder(&bad.path)
                .audience(AUDIENCE)
                .build()
                .unwrap(),
        );
        let cache = agent.cache(provider).build().unwrap();

        for _ in 0..100 {
            bad.is_told_by(&soon(cache.get()).await.unwrap_err());
        }

        // A hundred readers within about a second: the first call, and perhaps one after the backoff.
        let calls = calls.load(Ordering::Relaxed);
        assert!((1..=4).contains(&calls), "{}: {calls} calls", bad.name);
    }
}

#[tokio::test]
async fn a_bad_file_leaves_the_credential_at_hand_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let agent = agent().build().unwrap();
    for bad in table(directory.path()) {
        let link = directory
            .path()
            .join(format!("link-{}", bad.name.replace('/', "-")));
        let good = directory.path().join("good");
        std::fs::write(&good, token("good")).unwrap();
        std::os::unix::fs::symlink(&good, &link).unwrap();
        let (provider, calls) = Counted::new(
            ProjectedToken::builder(&link)
                .audience(AUDIENCE)
                .build()
                .unwrap(),
        );
        let cache = agent.cache(provider).build().unwrap();
        soon(cache.get()).await.unwrap();

        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&bad.path, &link).unwrap();
        assert!(soon(cache.refresh_now()).await.is_err(), "{}", bad.name);

        for _ in 0..100 {
            let credential = cache.try_get().unwrap();
            assert_eq!(credential.generation(), 1, "{}", bad.name);
            assert_eq!(text(&credential), token_at(&good), "{}", bad.name);
        }
        let calls = calls.load(Ordering::Relaxed);
        assert!((2..=5).contains(&calls), "{}: {calls} calls", bad.name);
    }
}

/// As root nothing is forbidden: what the error says is then tested beside the reader.
#[tokio::test]
async fn a_file_that_may_not_be_read_is_an_error_that_says_what_to_mend() {
    use std::os::unix::fs::PermissionsExt;
    let volume = Volume::with(&token("first"));
    let real = volume.path().join("..data/token");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o000)).unwrap();
    let provider = ProjectedToken::builder(volume.token()).build().unwrap();
    let cache = agent().build().unwrap().cache(provider).build().unwrap();

    let result = soon(cache.get()).await;

    if std::fs::read(&real).is_ok() {
        assert!(result.is_ok(), "root may read it: {result:?}");
    } else {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(error.to_string().contains("securityContext"), "{error}");
    }
}

#[tokio::test]
async fn a_year_long_token_is_refused_with_the_volume_to_use_instead() {
    let volume = Volume::with(&token_of(&claims(365 * 24 * 3600), "signature"));
    let agent = agent().build().unwrap();
    let cache = agent
        .cache(ProjectedToken::builder(volume.token()).build().unwrap())
        .build()
        .unwrap();

    let error = soon(cache.get()).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::LifetimeTooLong);
    let message = error.to_string();
    for line in [
        "volumes:",
        "name: ",
        "projected:",
        "sources:",
        "serviceAccountToken: {audience: ",
        "expirationSeconds: 3600",
        "path: ",
    ] {
        assert!(message.contains(line), "{line} is not in:\n{message}");
    }
    let is_one_line = !message.contains('\n') && !message.contains("\\n");
    assert!(is_one_line && message.len() <= 1024, "{message}");

    // Not by the remaining life alone: it was made for a year, and is near its end.
    let (made, soon_over) = (now() - 365 * 24 * 3600, now() + 3600);
    let claims = format!(r#"{{"exp":{soon_over},"iat":{made}}}"#);
    volume.overwrite(token_of(&claims, "signature").as_bytes());
    let error = soon(cache.refresh_now()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LifetimeTooLong);

    // Who wants it nevertheless says so.
    let cache = agent
        .cache(ProjectedToken::builder(volume.token()).build().unwrap())
        .long_lived(LongLived::Flag)
        .build()
        .unwrap();
    assert!(soon(cache.get()).await.is_ok());
}

#[tokio::test]
async fn a_poll_interval_out_of_range_is_an_error_and_not_another_interval() {
    let volume = Volume::with(&token("first"));
    let with = |interval| {
        let provider = ProjectedToken::builder(volume.token());
        provider.poll_interval(interval).build()
    };

    for wrong in [
        Duration::ZERO,
        Duration::from_millis(99),
        Duration::from_secs(61),
        Duration::MAX,
    ] {
        let error = with(wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(error.to_string().contains("100ms to 60s"), "{error}");
    }
    for right in [Duration::from_millis(100), Duration::from_secs(60)] {
        let cache = agent().build().unwrap().cache(with(right).unwrap());
        assert!(soon(cache.build().unwrap().get()).await.is_ok());
    }
}

impl Bad {
    fn is_told_by(&self, error: &Error) {
        assert_eq!(error.kind(), self.kind, "{}: {error}", self.name);
        let message = error.to_string();
        assert!(message.starts_with("projected_token: "), "{message}");
        assert!(message.contains(self.path.to_str().unwrap()), "{message}");
        for says in self.says {
            assert!(message.contains(says), "{}: {message}", self.name);
        }
        // The chain says each thing once.
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            assert!(!message.contains(&cause.to_string()), "{message}: {cause}");
            source = cause.source();
        }
    }
}

fn token_at(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn make_pipe(path: &std::path::Path) {
    use rustix::fs::{CWD, FileType, Mode};
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}
