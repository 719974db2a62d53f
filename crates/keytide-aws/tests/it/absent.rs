//! What counts as absent, so that the search goes on, and what ends it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use aws_config::meta::credentials::CredentialsProviderChain;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use keytide_aws::bridge::SdkCredentials;
use keytide_aws::{
    AssumeRole, CallerIdentityToken, ContainerEndpoint, Env, Imds, OutboundToken, WebIdentity,
    WebIdentityToken,
};
use keytide_core::{
    Agent, Cache, Chain, Credential, Error, ErrorKind, ProvideCredential, Subject, SubjectUse,
};
use keytide_testkit::aws::{Container, Sts, refusal};
use keytide_testkit::conformance::Outcome;
use keytide_testkit::server::{Fault, FaultServer};
use keytide_testkit::{Answer, ScriptedProvider};
use tokio::time::timeout;

use crate::machine::Machine;
use crate::support::{ROLE, agent, ask, chain, client, container, identity};

/// Each ends the search where it is set to what is no text.
const VARIABLES: [&str; 14] = [
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "HOME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
];

#[tokio::test]
async fn a_variable_that_is_not_text_ends_the_search() {
    for name in VARIABLES {
        let machine = Machine::new("latin-").set(name, latin());

        let error = machine.failed().await;

        names(&error, ErrorKind::Misconfigured, &[name]);
        assert!(!chain(&error).contains("canary"), "{error}");
        assert_eq!(machine.asked(), 0, "{name}");
    }
}

#[tokio::test]
async fn a_variable_of_one_step_that_is_not_text_ends_that_step() {
    let machine = Machine::new("latin-step-")
        .container()
        .file("token", "a.b.c");
    let token = machine.path("token");
    for name in [
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    ] {
        let machine = Machine::new("latin-token-").container().set(name, latin());
        names(&machine.failed().await, ErrorKind::Misconfigured, &[name]);
        assert_eq!(machine.asked(), 0, "{name}");
    }
    let mode = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
    let imds = Imds::new().env(Env::of([(mode, latin())]));
    names(
        &ask(imds).await.unwrap_err(),
        ErrorKind::Misconfigured,
        &[mode],
    );

    // A profile's region does not stand in for a variable that cannot be read.
    for (name, without) in [
        ("AWS_REGION", ""),
        ("AWS_DEFAULT_REGION", "AWS_REGION"),
        ("AWS_ENDPOINT_URL_STS", ""),
        ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", ""),
        ("AWS_USE_FIPS_ENDPOINT", ""),
        ("AWS_USE_DUALSTACK_ENDPOINT", ""),
    ] {
        let machine = Machine::new("latin-sts-")
            .without(without)
            .config(&format!(
                "[default]\nregion = eu-west-1\nrole_arn = {ROLE}\nweb_identity_token_file = {token}\n"
            ))
            .set(name, latin());
        names(&machine.failed().await, ErrorKind::Misconfigured, &[name]);
        assert_eq!(machine.asked(), 0, "{name}");
    }
}

#[tokio::test]
async fn an_empty_variable_is_one_that_is_not_set() {
    let others = VARIABLES
        .into_iter()
        .filter(|name| !["HOME", "AWS_EC2_METADATA_SERVICE_ENDPOINT"].contains(name));
    let machine = others.fold(Machine::new("empty-"), |machine, name| {
        machine.set(name, "")
    });
    assert_eq!(machine.secret().await, "empty-imds-secret-3");

    // The files of an empty path are those of the home directory, and the profile of no name is the default one.
    let machine = machine.config(&format!(
        "[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n"
    ));
    assert_eq!(machine.secret().await, "empty-sts-secret-1");
}

#[tokio::test]
async fn files_that_are_not_there_are_passed_over() {
    let machine = Machine::new("enoent1-")
        .set("AWS_CONFIG_FILE", "/nowhere/at/all")
        .set("AWS_SHARED_CREDENTIALS_FILE", "~/neither");
    assert_eq!(machine.secret().await, "enoent1-imds-secret-3");

    let homeless = Machine::new("enoent2-").without("HOME");
    assert_eq!(homeless.secret().await, "enoent2-imds-secret-3");
    let configured = homeless.set("AWS_CONFIG_FILE", "~/.aws/config");
    names(
        &configured.failed().await,
        ErrorKind::Misconfigured,
        &["AWS_CONFIG_FILE", "HOME"],
    );

    let named = Machine::new("enoent3-").set("AWS_PROFILE", "gone");
    names(
        &named.failed().await,
        ErrorKind::Misconfigured,
        &["AWS_PROFILE", "gone"],
    );
    assert_eq!(named.asked(), 0);
}

#[tokio::test]
async fn paths_of_configuration_files_lead_where_the_sdk_has_them_lead() {
    let profile =
        format!("[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n");
    let home = Machine::new("path1-")
        .file("elsewhere/config", &profile)
        .set("AWS_CONFIG_FILE", "~/elsewhere/config");
    assert_eq!(home.secret().await, "path1-sts-secret-1");

    let absolute = Machine::new("path2-").file("credentials", &profile);
    let path = absolute.path("credentials");
    let absolute = absolute.set("AWS_SHARED_CREDENTIALS_FILE", path);
    assert_eq!(absolute.secret().await, "path2-sts-secret-1");

    // What the credentials file says goes before what the configuration file says.
    let both = Machine::new("path3-")
        .config("[default]\nrole_arn = wrong\ncredential_source = Ec2InstanceMetadata\n")
        .file(".aws/credentials", &profile);
    assert_eq!(both.secret().await, "path3-sts-secret-1");
}

#[tokio::test]
async fn a_configuration_file_that_cannot_be_read_ends_the_search_and_is_named() {
    for name in [".aws/config", ".aws/credentials"] {
        for broken in BROKEN {
            let machine = Machine::new("broken-").container();
            let path = machine.path(name);
            broken.put(Path::new(&path));

            let error = timeout(PATIENCE, machine.failed()).await;

            let error = error.unwrap_or_else(|_| panic!("{broken:?} is waited for"));
            assert_ne!(error.kind(), ErrorKind::NotConfigured, "{broken:?}");
            let named = match broken {
                // Both files are behind it.
                Broken::DanglingDirectory => machine.path(".aws/config"),
                _ => path,
            };
            assert!(chain(&error).contains(&named), "{broken:?}: {error}");
            assert!(!chain(&error).contains("canary"), "{broken:?}: {error}");
            assert_eq!(machine.asked(), 0, "{broken:?}");
        }
    }
}

#[tokio::test]
async fn a_configuration_file_without_permission_is_an_error() {
    let machine = Machine::new("denied-")
        .container()
        .config("[default]\nregion = eu-west-1\n");
    let path = machine.path(".aws/config");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();

    let answer = ask(machine.provider()).await;

    // Root reads it all the same: then there is nothing to be told.
    if fs::read(&path).is_ok() {
        answer.unwrap();
    } else {
        names(&answer.unwrap_err(), ErrorKind::Misconfigured, &[&path]);
        assert_eq!(machine.asked(), 0);
    }
}

#[tokio::test]
async fn what_could_not_be_looked_at_is_looked_at_again_and_nothing_else_was_taken_meanwhile() {
    for broken in BROKEN {
        let machine = Machine::new("mended-");
        let path = machine.path(".aws/config");
        broken.put(Path::new(&path));
        let cache = agent().cache(machine.provider()).build().unwrap();
        cache.get().await.unwrap_err();
        assert_eq!(machine.asked(), 0, "{broken:?}");

        broken.remove(Path::new(&path));
        let machine = machine.config(&format!(
            "[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n"
        ));
        cache.refresh_now().await.unwrap();

        assert_eq!(secret(&cache.get().await.unwrap()), "mended-sts-secret-1");
        drop(machine);
    }
}

#[tokio::test]
async fn half_of_what_somebody_set_ends_the_search() {
    for (set, named) in [
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
        ("AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"),
        ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
    ] {
        let machine = Machine::new("half-").set(set, "canary");
        let error = machine.failed().await;
        names(&error, ErrorKind::Misconfigured, &[set, named]);
        assert!(!chain(&error).contains("canary"), "{error}");
        assert_eq!(machine.asked(), 0, "{set}");
    }
    for (missing, set) in [
        (
            "AWS_ACCESS_KEY_ID",
            ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
        ),
        (
            "AWS_SECRET_ACCESS_KEY",
            ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"],
        ),
    ] {
        let function = Machine::new("half-lambda-").set("AWS_LAMBDA_FUNCTION_NAME", "f");
        let function = set
            .into_iter()
            .fold(function, |machine, name| machine.set(name, "x"));
        names(
            &function.failed().await,
            ErrorKind::Misconfigured,
            &[missing],
        );
        assert_eq!(function.asked(), 0, "{missing}");
    }
}

#[tokio::test]
async fn a_profile_that_starts_from_what_is_not_here_ends_the_search() {
    let off = ("AWS_EC2_METADATA_DISABLED", "true");
    let no = ("AWS_UNUSED", "x");
    for (source, (name, value)) in [
        ("EcsContainer", no),
        ("Environment", no),
        ("Ec2InstanceMetadata", off),
    ] {
        for roles in [
            format!("[default]\nrole_arn = {ROLE}\ncredential_source = {source}\n"),
            format!(
                "[default]\nrole_arn = {ROLE}\nsource_profile = base\n[profile base]\ncredential_source = {source}\n"
            ),
            format!("[default]\ncredential_source = {source}\n"),
        ] {
            let machine = Machine::new("start-").config(&roles).set(name, value);
            let machine = match source {
                "Ec2InstanceMetadata" => machine.container(),
                _ => machine,
            };
            let error = machine.failed().await;
            names(
                &error,
                ErrorKind::Misconfigured,
                &["the profile ", source, "is not configured here"],
            );
            assert_eq!(machine.asked(), 0, "{source}");
        }
    }

    let bare = Machine::new("start-bare-").container().config(&format!(
        "[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n"
    ));
    bare.instance.set(Fault::answer(
        "no role",
        keytide_testkit::server::Reply::json(
            404,
            &serde_json::json!({"code": "InstanceProfileNotFound"}),
        ),
        Outcome::Either,
    ));
    names(
        &bare.failed().await,
        ErrorKind::Misconfigured,
        &["the profile default", "Ec2InstanceMetadata"],
    );
    assert_eq!(bare.container.count() + bare.sts.count(), 0);
}

#[tokio::test]
async fn a_chain_does_not_pass_over_what_rests_on_a_cache_that_is_not_configured() {
    let agent = agent();
    let nothing = || ContainerEndpoint::new().env(Env::of::<String, String>([]));
    let base = agent.cache(nothing()).build().unwrap();
    let (tokens, _) = ScriptedProvider::new(Answer::fail(Error::not_configured("no tokens here")));
    let tokens = agent.cache(tokens).build().unwrap();
    let other = FaultServer::start(Container::new("rests-other-"));
    let sts = FaultServer::start(Sts::new("rests-sts-"));

    let role = AssumeRole::builder(ROLE, base.clone())
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .build()
        .unwrap();
    let error = first(&agent, role, container(&other)).await;
    names(
        &error,
        ErrorKind::Misconfigured,
        &[
            "assume_role",
            ROLE,
            "container_endpoint",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ],
    );
    for usage in [SubjectUse::Repeatable, SubjectUse::Once] {
        let web = WebIdentity::builder(
            ROLE,
            WebIdentityToken::subject(Subject::new(tokens.clone(), usage)),
        )
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .build()
        .unwrap();
        let error = first(&agent, web, container(&other)).await;
        names(
            &error,
            ErrorKind::Misconfigured,
            &["web_identity", ROLE, "scripted", "no tokens here"],
        );
    }
    assert_eq!(other.count() + sts.count(), 0);

    let (fallback, script) = ScriptedProvider::new(Answer::token(Duration::from_secs(60)));
    let outbound = OutboundToken::builder("audience", base.clone())
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .build()
        .unwrap();
    let error = first(&agent, outbound, fallback).await;
    names(
        &error,
        ErrorKind::Misconfigured,
        &["outbound_token", "container_endpoint"],
    );
    assert_eq!(script.calls(), 0);
    let (fallback, script) = ScriptedProvider::new(Answer::token(Duration::from_secs(60)));
    let google = CallerIdentityToken::builder("//iam", base.clone())
        .region("eu-west-1")
        .build()
        .unwrap();
    let error = first(&agent, google, fallback).await;
    names(
        &error,
        ErrorKind::Misconfigured,
        &["caller_identity_token", "container_endpoint"],
    );
    assert_eq!(script.calls(), 0);

    // What is not configured itself is passed over all the same.
    let passed = Chain::first(nothing()).then(container(&other));
    let credential = agent.cache(passed).build().unwrap().get().await.unwrap();
    assert_eq!(secret(&credential), "rests-other-secret-1");
}

#[tokio::test]
async fn a_chain_of_the_sdk_does_not_pass_over_a_cache_that_is_not_configured() {
    let agent = agent();
    let nothing = ContainerEndpoint::new().env(Env::of::<String, String>([]));
    let cache = agent.cache(nothing).build().unwrap();
    let other = FaultServer::start(Container::new("sdk-other-"));
    let other_cache = agent.cache(container(&other)).build().unwrap();
    let search =
        CredentialsProviderChain::first_try("keytide", SdkCredentials::new(cache).unwrap())
            .or_else("other", SdkCredentials::new(other_cache).unwrap());

    let error = search.provide_credentials().await.unwrap_err();

    assert!(
        matches!(error, CredentialsError::InvalidConfiguration(_)),
        "{error:?}"
    );
    assert_eq!(other.count(), 0);
}

#[tokio::test]
async fn an_answer_of_sts_never_says_that_a_role_is_not_configured() {
    let (agent, sts) = (agent(), FaultServer::start(Sts::new("profile-sts-")));
    let other = FaultServer::start(Container::new("profile-other-"));
    let no = refusal(404, "InstanceProfileNotFound");
    sts.set(Fault::answer("no", no, Outcome::Either));
    let (base, _platform) = crate::support::base(&agent, "profile-base-");
    let role = AssumeRole::builder(ROLE, base)
        .region("eu-west-1")
        .endpoint_url(sts.origin())
        .client(client())
        .build()
        .unwrap();

    let error = first(&agent, role, container(&other)).await;

    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert_eq!(other.count(), 0);
}

#[tokio::test]
async fn a_token_file_that_is_none_is_an_error_and_not_a_wait() {
    let directory = tempfile::tempdir().unwrap();
    let (sts, server) = (
        FaultServer::start(Sts::new("none-sts-")),
        FaultServer::start(Container::new("none-")),
    );
    for broken in BROKEN {
        let path = directory.path().join(format!("{broken:?}")).join("token");
        broken.put(&path);
        let path = path.display().to_string();

        let web = WebIdentity::builder(ROLE, WebIdentityToken::file(&path))
            .region("eu-west-1")
            .endpoint_url(sts.origin())
            .build()
            .unwrap();
        let pod = ContainerEndpoint::new().env(Env::of([
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url("/")),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path.clone()),
        ]));
        let answers = timeout(PATIENCE, async { (ask(web).await, ask(pod).await) }).await;

        let (web, pod) = answers.unwrap_or_else(|_| panic!("{broken:?} is waited for"));
        for error in [web.unwrap_err(), pod.unwrap_err()] {
            assert_ne!(error.kind(), ErrorKind::NotConfigured, "{broken:?}");
            assert!(chain(&error).contains(&path), "{broken:?}: {error}");
            assert!(!chain(&error).contains("canary"), "{broken:?}: {error}");
        }
    }
    assert_eq!(sts.connections() + server.connections(), 0);
}

#[test]
fn six_hundred_attempts_at_files_take_no_thread_of_the_blocking_pool() {
    // One blocking thread, and it is taken: whatever needs another one waits for ever.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (release, held) = mpsc::channel::<()>();
    runtime.spawn_blocking(move || held.recv());
    let home = runtime.handle().clone();
    let agent = Agent::builder(identity("pool"))
        .runtime(home)
        .build()
        .unwrap();
    let machine = Machine::new("pool-");
    for name in [".aws/config", "token"] {
        Broken::Pipe.put(Path::new(&machine.path(name)));
    }
    let token = machine.path("token");

    let attempts = async {
        let mut asked = Vec::new();
        for _ in 0..200 {
            let web = WebIdentity::builder(ROLE, WebIdentityToken::file(&token))
                .region("eu-west-1")
                .build();
            let pod = ContainerEndpoint::new().env(Env::of([
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/"),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.as_str()),
            ]));
            asked.push(agent.cache(web.unwrap()).build().unwrap());
            asked.push(agent.cache(pod).build().unwrap());
            asked.push(agent.cache(machine.provider()).build().unwrap());
        }
        let waiting = asked.iter().map(|cache| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get().await.unwrap_err().kind() })
        });
        for answer in waiting.collect::<Vec<_>>() {
            assert_eq!(answer.await.unwrap(), ErrorKind::Misconfigured);
        }
    };
    runtime.block_on(async {
        timeout(PATIENCE, attempts)
            .await
            .expect("it waits for a thread")
    });

    assert!(reading() <= 50, "{} threads still read", reading());
    drop(release);
}

/// How many threads of this process read a file; those of other tests count too.
fn reading() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let named = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    named
        .filter(|name| name.starts_with("keytide-blockin"))
        .count()
}

/// What may stand where a file should.
#[derive(Debug, Clone, Copy)]
enum Broken {
    Latin,
    Directory,
    Pipe,
    Circle,
    Dangling,
    DanglingDirectory,
    TooLarge,
}

const BROKEN: [Broken; 7] = [
    Broken::Latin,
    Broken::Directory,
    Broken::Pipe,
    Broken::Circle,
    Broken::Dangling,
    Broken::DanglingDirectory,
    Broken::TooLarge,
];

impl Broken {
    fn put(self, path: &Path) {
        let parent = path.parent().unwrap();
        if matches!(self, Self::DanglingDirectory) {
            fs::create_dir_all(parent.parent().unwrap()).unwrap();
            return symlink("nowhere", parent).unwrap();
        }
        fs::create_dir_all(parent).unwrap();
        match self {
            Self::Latin => fs::write(path, b"# canary M\xfcller\n").unwrap(),
            Self::Directory => fs::create_dir(path).unwrap(),
            Self::Pipe => pipe(path),
            Self::Circle => symlink(path.file_name().unwrap(), path).unwrap(),
            Self::Dangling | Self::DanglingDirectory => symlink("nowhere", path).unwrap(),
            Self::TooLarge => fs::write(path, vec![b'#'; (1 << 20) + 1]).unwrap(),
        }
    }

    fn remove(self, path: &Path) {
        match self {
            Self::Directory => fs::remove_dir(path).unwrap(),
            Self::DanglingDirectory => fs::remove_file(path.parent().unwrap()).unwrap(),
            _ => fs::remove_file(path).unwrap(),
        }
    }
}

fn pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

fn latin() -> OsString {
    OsString::from_vec(b"/canary/m\xfcller".to_vec())
}

fn secret(credential: &Arc<Credential>) -> String {
    let key = credential.expose_signing_key("test").unwrap();
    String::from_utf8(key.secret.to_vec()).unwrap()
}

/// What a chain says whose first provider fails, and that has another one behind it.
async fn first(
    agent: &Agent,
    provider: impl ProvideCredential,
    other: impl ProvideCredential,
) -> Error {
    let search = Chain::first(provider).then(other);
    let cache: Cache = agent.cache(search).build().unwrap();
    cache.get().await.unwrap_err()
}

fn names(error: &Error, kind: ErrorKind, named: &[&str]) {
    let text = chain(error);
    assert_eq!(error.kind(), kind, "{text}");
    for name in named {
        assert!(text.contains(name), "no {name} in: {text}");
    }
}

/// Far more than an attempt takes, and far less than for ever.
const PATIENCE: Duration = Duration::from_secs(60);
