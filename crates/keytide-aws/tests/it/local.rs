//! Keys that need no network: a function's environment, a command's output.

use std::time::Duration;

use keytide_aws::{CredentialProcess, Env, LambdaEnvironment};
use keytide_core::ErrorKind;
use keytide_testkit::aws::Container;
use keytide_testkit::server::FaultServer;

use crate::support::{agent, ask, chain};

const KEYS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "ASIALAMBDA"),
    ("AWS_SECRET_ACCESS_KEY", "lambda-secret"),
    ("AWS_SESSION_TOKEN", "lambda-session"),
];
const FUNCTION: (&str, &str) = ("AWS_LAMBDA_FUNCTION_NAME", "f");

#[tokio::test]
async fn a_function_finds_the_keys_of_its_role_and_they_are_not_static() {
    let variables = Env::of(KEYS.into_iter().chain([FUNCTION]));
    let provider = LambdaEnvironment::new()
        .env(variables)
        .reading_lasts(Duration::from_secs(600));

    let credential = ask(provider).await.unwrap();

    assert_eq!(credential.key_id(), Some("ASIALAMBDA"));
    assert_eq!(
        credential.expose_signing_key("test").unwrap().secret,
        b"lambda-secret"
    );
    assert_eq!(
        credential.expose_signing_key("test").unwrap().session_token,
        Some(&b"lambda-session"[..])
    );
    assert!(
        credential.lifetime() <= Duration::from_secs(600)
            && credential.lifetime() > Duration::from_secs(590)
    );
}

#[tokio::test]
async fn the_same_variables_elsewhere_are_not_a_functions() {
    for variables in [&KEYS[..], &[FUNCTION]] {
        let env = Env::of(variables.iter().copied());
        let error = ask(LambdaEnvironment::new().env(env)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConfigured, "{error}");
    }
}

#[tokio::test]
async fn a_part_of_a_functions_keys_is_an_error_that_names_what_is_missing() {
    for (missing, _) in KEYS {
        let rest = KEYS.into_iter().filter(|(name, _)| *name != missing);
        let env = Env::of(rest.chain([FUNCTION]));

        let error = ask(LambdaEnvironment::new().env(env)).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{missing}: {error}");
        assert!(error.to_string().contains(missing), "{missing}: {error}");
        assert!(!error.to_string().contains("lambda-"), "{error}");
    }
}

#[tokio::test]
async fn a_container_endpoint_goes_before_the_environment() {
    let server = FaultServer::start(Container::new("snapstart-"));
    let variables = KEYS
        .into_iter()
        .chain([FUNCTION])
        .map(|(name, value)| (name, value.to_owned()))
        .chain([("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url("/"))]);

    let credential = ask(LambdaEnvironment::new().env(Env::of(variables)))
        .await
        .unwrap();

    assert_eq!(
        credential.expose_signing_key("test").unwrap().secret,
        b"snapstart-secret-1"
    );
}

fn printing(json: &str) -> CredentialProcess {
    CredentialProcess::new(format!("printf '%s' '{json}'"))
}

const SESSION: &str = r#"{"Version":1,"AccessKeyId":"ASIAPROC","SecretAccessKey":"proc-secret","SessionToken":"proc-session","Expiration":"2100-01-01T00:00:00Z"}"#;

#[tokio::test]
async fn a_command_prints_keys() {
    let credential = agent()
        .cache(printing(SESSION))
        .long_lived(keytide_core::LongLived::Flag)
        .build()
        .unwrap()
        .get()
        .await
        .unwrap();

    assert_eq!(credential.key_id(), Some("ASIAPROC"));
    assert_eq!(
        credential.expose_signing_key("test").unwrap().secret,
        b"proc-secret"
    );
    assert_eq!(
        credential.expose_signing_key("test").unwrap().session_token,
        Some(&b"proc-session"[..])
    );
}

#[tokio::test]
async fn keys_without_an_end_are_static_and_refused_unless_allowed() {
    let json = r#"{"Version":1,"AccessKeyId":"AKIAPROC","SecretAccessKey":"proc-secret"}"#;

    let error = ask(printing(json)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaticCredential);
    assert!(error.to_string().contains("Expiration"), "{error}");

    let allowed = agent()
        .cache(printing(json))
        .danger_allow_static()
        .build()
        .unwrap();
    assert_eq!(allowed.get().await.unwrap().expires_at(), None);
}

#[tokio::test]
async fn what_a_command_does_wrong_is_said_without_what_it_says() {
    use ErrorKind::{Misconfigured, Unavailable};
    for (command, kind, says) in [
        ("echo canary >&2; exit 3", Unavailable, "code 3"),
        ("canary-no-such-command", Misconfigured, "code 127"),
        ("kill -9 $$; echo canary", Unavailable, "killed"),
        ("true canary", Unavailable, "empty: run the command by hand"),
        (
            "echo canary",
            Unavailable,
            "not a JSON object: run the command by hand",
        ),
        ("echo '{}'; # canary", Misconfigured, "Version"),
        (
            r#"echo '{"Version":2,"AccessKeyId":"canary"}'"#,
            Misconfigured,
            "Version",
        ),
        (
            r#"echo '{"Version":"1","AccessKeyId":"canary"}'"#,
            Unavailable,
            "wrong type",
        ),
        (
            r#"echo '{"Version":1,"AccessKeyId":"canary"}'"#,
            Unavailable,
            "SecretAccessKey",
        ),
        ("yes canary", Unavailable, "64 KiB"),
    ] {
        let error = ask(CredentialProcess::new(command)).await.unwrap_err();

        let text = chain(&error);
        assert_eq!(error.kind(), kind, "{command}: {text}");
        assert!(
            says.split('|').any(|says| text.contains(says)),
            "{command}: {text}"
        );
        assert!(!text.contains("canary"), "{text}");
        assert!(!text.contains("URL"), "{text}");
    }
    assert!(!format!("{:?}", CredentialProcess::new("canary")).contains("canary"));
}

/// A helper may start a daemon that keeps its session, and that inherits its output.
#[tokio::test]
async fn a_command_that_leaves_a_daemon_behind_has_printed_its_keys() {
    let directory = tempfile::tempdir().unwrap();
    let id = directory.path().join("id");
    let started = format!(
        "sleep 600 & echo $! > {}; printf '%s' '{SESSION}'",
        id.display()
    );
    let cache = agent()
        .cache(CredentialProcess::new(started))
        .long_lived(keytide_core::LongLived::Flag)
        .build()
        .unwrap();

    let credential = cache.get().await.unwrap();

    assert_eq!(credential.key_id(), Some("ASIAPROC"));
    let id = std::fs::read_to_string(id).unwrap();
    let id = rustix::process::Pid::from_raw(id.trim().parse().unwrap()).unwrap();
    let lives = rustix::process::kill_process(id, rustix::process::Signal::KILL);
    assert!(lives.is_ok(), "it was ended with the command");
}

#[tokio::test]
async fn a_command_that_hangs_is_killed_when_the_call_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("pid");
    let provider = CredentialProcess::new(format!("echo $$ > {}; exec sleep 600", mark.display()));
    let cache = agent()
        .cache(provider)
        .flight_limit(Duration::from_secs(1))
        .build()
        .unwrap();

    let error = cache.get().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let pid = std::fs::read_to_string(&mark).unwrap();
    let process = format!("/proc/{}", pid.trim());
    for _ in 0..100 {
        // What was killed may wait to be reaped.
        let status = std::fs::read_to_string(format!("{process}/stat")).unwrap_or_default();
        if status.is_empty() || status.contains(") Z ") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the command still runs");
}
