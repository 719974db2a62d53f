//! Credentials of the crate `azure_identity` as providers.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Output};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind as SdkKind;
use azure_core::http::StatusCode;
use azure_core::time::OffsetDateTime;
use azure_identity::{AzureCliCredentialOptions, Executor};
use keytide_azure::bridge::{IdentityProvider, IdentityProviderBuilder};
use keytide_core::{ErrorKind, ProvideCredential};
use keytide_testkit::conformance::{self, BadAnswer, Condition, Expires, Fixture, Outcome};

use crate::{VAULT, builder, cache, failed, now, text, whole};

/// A credential that answers as its issuer is.
#[derive(Debug, Clone)]
struct Fake(Arc<Issuer>);

#[derive(Debug)]
struct Issuer {
    condition: Mutex<Condition>,
    made: AtomicU64,
    calls: AtomicU64,
    running: AtomicU64,
    end: OffsetDateTime,
}

impl Issuer {
    fn new(condition: Condition) -> Arc<Self> {
        let hour = now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs()
            + 3600;
        Arc::new(Self {
            condition: Mutex::new(condition),
            made: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            running: AtomicU64::new(0),
            end: OffsetDateTime::from_unix_timestamp(i64::try_from(hour).unwrap()).unwrap(),
        })
    }

    fn provider(self: &Arc<Self>) -> IdentityProviderBuilder {
        let issuer = Arc::clone(self);
        IdentityProvider::builder(VAULT, move || {
            issuer.made.fetch_add(1, Ordering::Relaxed);
            Ok(Arc::new(Fake(Arc::clone(&issuer))))
        })
    }

    fn says(&self, condition: &Condition) -> azure_core::Result<AccessToken> {
        let token = |text: String| Ok(AccessToken::new(text, self.end));
        match condition {
            Condition::Healthy => {
                let number = TOKENS.fetch_add(1, Ordering::Relaxed);
                token(format!("token-of-the-fake-{number:06}"))
            }
            Condition::Throttling(_) => Err(status(StatusCode::TooManyRequests)),
            Condition::Refusing => Err(status(StatusCode::Unauthorized)),
            Condition::Bad(name) => match &**name {
                "bytes" => token(format!("{CANARY}\n")),
                "500" => Err(status(StatusCode::InternalServerError)),
                "403" => Err(status(StatusCode::Forbidden)),
                _ => Err(said(format!(
                    "AzureCliCredential authentication failed. {CANARY}: Please run 'az login' to setup account."
                ))),
            },
            _ => Err(said(format!("it is down: {CANARY}"))),
        }
    }
}

#[async_trait::async_trait]
impl TokenCredential for Fake {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        assert_eq!(scopes, ["https://vault.azure.net/.default"]);
        let issuer = &self.0;
        issuer.calls.fetch_add(1, Ordering::Relaxed);
        issuer.running.fetch_add(1, Ordering::Relaxed);
        let _running = Running(issuer);
        let condition = issuer.condition.lock().unwrap().clone();
        if condition == Condition::Hanging {
            std::future::pending::<()>().await;
        }
        issuer.says(&condition)
    }
}

struct Running<'a>(&'a Issuer);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

fn said(text: String) -> azure_core::Error {
    azure_core::Error::with_message(SdkKind::Credential, text)
}

/// As the SDK hands on an answer: beneath an error of its own, which quotes the body.
fn status(status: StatusCode) -> azure_core::Error {
    let kind = SdkKind::HttpResponse {
        status,
        error_code: Some(CANARY.to_owned()),
        raw_response: None,
    };
    let answer = azure_core::Error::with_message(kind, CANARY);
    azure_core::Error::with_error(SdkKind::Credential, answer, CANARY)
}

/// Finds no program.
#[derive(Debug)]
struct NoProgram;

#[async_trait::async_trait]
impl Executor for NoProgram {
    async fn run(&self, _: &OsStr, _: &[&OsStr]) -> io::Result<Output> {
        Ok(Output {
            status: ExitStatus::from_raw(127 << 8),
            stdout: Vec::new(),
            stderr: CANARY.into(),
        })
    }
}

struct Office(Arc<Issuer>);

impl Fixture for Office {
    type Provider = IdentityProvider;

    fn provider(&self) -> IdentityProvider {
        if *self.0.condition.lock().unwrap() == Condition::NotConfigured {
            let options = AzureCliCredentialOptions {
                executor: Some(Arc::new(NoProgram)),
                ..AzureCliCredentialOptions::default()
            };
            return IdentityProvider::azure_cli(VAULT, Some(options))
                .build()
                .unwrap();
        }
        self.0.provider().build().unwrap()
    }

    fn put(&self, condition: &Condition) -> Result<(), String> {
        if let Condition::Throttling(Some(_)) = condition {
            return Err("the SDK does not say for how long".to_owned());
        }
        *self.0.condition.lock().unwrap() = condition.clone();
        Ok(())
    }

    fn calls(&self) -> Option<u64> {
        Some(self.0.calls.load(Ordering::Relaxed))
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    fn expires(&self) -> Expires {
        Expires::At(self.0.end.into())
    }

    fn running(&self) -> Option<u64> {
        Some(self.0.running.load(Ordering::Relaxed))
    }

    fn bad_answers(&self) -> Vec<BadAnswer> {
        let kinds = [
            ("bytes", &[ErrorKind::Unavailable][..]),
            ("500", &[ErrorKind::Unavailable]),
            ("403", &[ErrorKind::Refused]),
            ("signed-out", &[ErrorKind::Misconfigured]),
        ];
        let answers = kinds.into_iter();
        answers
            .map(|(name, kinds)| BadAnswer::new(name, Outcome::Error(kinds)))
            .collect()
    }

    fn body_canaries(&self) -> Vec<String> {
        vec![CANARY.to_owned()]
    }
}

#[test]
fn an_identity_provider_does_what_every_provider_must() {
    let report = conformance::check(|| Office(Issuer::new(Condition::Healthy)));

    println!("{report}");
    // The SDK does not say what its issuer's clock shows, and reads the answers itself.
    report.assert_all_but(&["no-clock", "stops-reading"]);
}

#[tokio::test]
async fn a_credential_of_azure_identity_is_made_anew_for_each_call() {
    let issuer = Issuer::new(Condition::Healthy);
    let cache = cache(issuer.provider().build().unwrap());

    for _ in 0..3 {
        cache.refresh_now().await.unwrap();
    }

    let counted = |count: &AtomicU64| count.load(Ordering::Relaxed);
    assert_eq!((counted(&issuer.made), counted(&issuer.calls)), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_call_of_azure_identity_is_ended_after_its_time_limit() {
    for (limit, told) in [(None, "within 20s"), (Some(5), "within 5s")] {
        let issuer = Issuer::new(Condition::Hanging);
        let mut provider = issuer.provider();
        if let Some(limit) = limit {
            provider = provider.time_limit(Duration::from_secs(limit));
        }

        let home = tokio::runtime::Handle::current();
        let agent = builder().runtime(home).build().unwrap();
        let cache = agent.cache(provider.build().unwrap()).build().unwrap();
        let error = cache.get().await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains(told), "{error}");
        assert_eq!(issuer.running.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn a_time_limit_is_100_ms_to_10_min() {
    let built = |limit| {
        let issuer = Issuer::new(Condition::Healthy);
        issuer.provider().time_limit(limit).build().map(drop)
    };
    for limit in [Duration::from_millis(100), Duration::from_secs(600)] {
        built(limit).unwrap();
    }
    for limit in [Duration::from_millis(99), Duration::from_millis(600_001)] {
        let error = built(limit).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
    }
}

#[test]
fn a_profile_names_the_sign_in_that_is_asked() {
    for (builder, name) in [
        (IdentityProvider::azure_cli(VAULT, None), "azure_cli"),
        (
            IdentityProvider::azure_developer_cli(VAULT, None),
            "azure_developer_cli",
        ),
        (
            IdentityProvider::developer_tools(VAULT, None),
            "azure_developer_tools",
        ),
        (Issuer::new(Condition::Healthy).provider(), "azure_identity"),
    ] {
        let profile = format!("{:?}", builder.build().unwrap().profile());
        assert!(profile.contains(&format!("name: {name:?}")), "{profile}");
    }
}

/// Runs a test of this file again, in a process on whose path there is no program but these.
fn again(test: &str, programs: &[(&str, String)]) -> tempfile::TempDir {
    let path = tempfile::tempdir().unwrap();
    for (name, script) in programs {
        let program = path.path().join(name);
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("identity::{test}")])
        .args(["--ignored", "--nocapture"])
        .env("PATH", path.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
    path
}

#[test]
fn the_sign_in_of_the_azure_cli_is_asked_at_each_call() {
    let end = now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs()
        + 3600;
    let answer = format!(r#"{{"accessToken":"{CANARY}","expires_on":{end},"tokenType":"Bearer"}}"#);
    let script = format!("echo \"$@\" >> \"${{0%/*}}/asked\"\necho '{answer}'");

    let path = again("signed_in", &[("az", script)]);

    let asked = std::fs::read_to_string(path.path().join("asked")).unwrap();
    let one = "account get-access-token -o json --scope https://vault.azure.net/.default\n";
    assert_eq!(asked, one.repeat(2));
}

#[tokio::test]
#[ignore = "run by the test above it"]
async fn signed_in() {
    let cache = cache(IdentityProvider::azure_cli(VAULT, None).build().unwrap());

    cache.get().await.unwrap();
    assert_eq!(text(&cache), CANARY);
    cache.refresh_now().await.unwrap();
}

#[test]
fn who_is_not_signed_in_is_told_the_command_and_nothing_that_a_program_said() {
    let out = |hint: &str| format!("echo \"{CANARY} {hint}\" >&2\nexit 1");

    again(
        "signed_out",
        &[
            ("az", out("Please run 'az login' to setup account.")),
            ("azd", out("not logged in, run 'azd auth login' to login")),
        ],
    );
}

#[tokio::test]
#[ignore = "run by the test above it"]
async fn signed_out() {
    for (provider, commands) in [
        (
            IdentityProvider::azure_cli(VAULT, None),
            &["`az login`", "troubleshoot#azure-cli"][..],
        ),
        (
            IdentityProvider::azure_developer_cli(VAULT, None),
            &["`azd auth login`", "troubleshoot#azd"],
        ),
        (
            IdentityProvider::developer_tools(VAULT, None),
            &["az login or azd auth login"],
        ),
    ] {
        let error = failed(provider.build().unwrap()).await;

        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
        for command in commands {
            assert!(error.to_string().contains(command), "{error}");
        }
        assert!(!whole(&error).contains(CANARY), "{error:?}");
    }
}

#[test]
fn a_tool_that_is_not_there_is_not_configured() {
    again("without_tools", &[]);
}

#[tokio::test]
#[ignore = "run by the test above it"]
async fn without_tools() {
    for provider in [
        IdentityProvider::azure_cli(VAULT, None),
        IdentityProvider::azure_developer_cli(VAULT, None),
        IdentityProvider::developer_tools(VAULT, None),
    ] {
        let error = failed(provider.build().unwrap()).await;
        assert_eq!(error.kind(), ErrorKind::NotConfigured, "{error}");
    }
}

const CANARY: &str = "canary-of-the-azure-sdk";
/// Each token is given once in this process.
static TOKENS: AtomicU64 = AtomicU64::new(0);
