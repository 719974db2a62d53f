//! What ends the search for an identity, so that no other one stands in.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use keytide_azure::{DefaultIdentity, Env};
use keytide_core::{Chain, Error, ErrorKind};
use keytide_testkit::azure::Imds;
use keytide_testkit::{Answer, ScriptedProvider};
use tokio::time::timeout;

use crate::{CLIENT, TENANT, Tenant, VAULT, agent, builder, cache, client, variables, whole};

/// What a chain ends with, the last of which gives what must not stand in. Within seconds, whatever is read.
async fn end(env: Env) -> Error {
    let (other, _script) = ScriptedProvider::new(Answer::token(Duration::from_secs(3600)));
    let default = DefaultIdentity::builder(VAULT).env(env).build().unwrap();
    let chain = Chain::first(default).then(other);
    let cache = agent().cache(chain).build().unwrap();

    let answer = timeout(Duration::from_secs(20), cache.get()).await;

    answer
        .expect("it waits")
        .expect_err("another principal stood in")
}

#[tokio::test]
async fn a_variable_that_is_not_text_ends_the_search() {
    const FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
    let imds = Imds::new().start();
    let machine = imds.origin();
    for (variable, with) in [
        ("AZURE_CLIENT_SECRET", &[][..]),
        ("AZURE_CLIENT_CERTIFICATE_PATH", &[]),
        ("AZURE_PASSWORD", &[]),
        (FILE, &[]),
        (FILE, &["AZURE_TENANT_ID", "AZURE_CLIENT_ID"]),
        ("AZURE_TENANT_ID", &[FILE, "AZURE_CLIENT_ID"]),
        ("AZURE_CLIENT_ID", &[FILE, "AZURE_TENANT_ID"]),
        (
            "AZURE_AUTHORITY_HOST",
            &[FILE, "AZURE_TENANT_ID", "AZURE_CLIENT_ID"],
        ),
        // The user-assigned identity of the machine.
        ("AZURE_CLIENT_ID", &[]),
        ("IDENTITY_ENDPOINT", &[]),
        ("IDENTITY_HEADER", &[]),
        ("IMDS_ENDPOINT", &[]),
        ("IDENTITY_ENDPOINT", &["IDENTITY_HEADER"]),
        ("IDENTITY_ENDPOINT", &["IMDS_ENDPOINT"]),
        ("IDENTITY_HEADER", &["IDENTITY_ENDPOINT"]),
        ("IDENTITY_SERVER_THUMBPRINT", &[]),
        ("IMDS_ENDPOINT", &["IDENTITY_ENDPOINT"]),
        ("MSI_ENDPOINT", &[]),
        ("MSI_SECRET", &["MSI_ENDPOINT"]),
    ] {
        let latin = OsString::from_vec(b"/home/m\xfcller".to_vec());
        let good = with
            .iter()
            .map(|name| (*name, OsString::from("http://127.0.0.1:1/good")));
        let imds_is = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.clone().into());
        let env = Env::of(good.chain([imds_is, (variable, latin)]));

        let error = end(env).await;

        assert_eq!(
            error.kind(),
            ErrorKind::Misconfigured,
            "{variable}: {error}"
        );
        assert!(error.to_string().contains(variable), "{variable}: {error}");
        assert!(!whole(&error).contains("home"), "{error:?}");
    }
    let latin = OsString::from_vec(b"http://m\xfcller".to_vec());
    let error = end(Env::of([("AZURE_POD_IDENTITY_AUTHORITY_HOST", latin)])).await;
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
    assert_eq!(imds.count(), 0, "another identity stood in");
}

#[tokio::test]
async fn an_empty_variable_is_one_that_is_not_set() {
    let imds = Imds::new().start();
    let machine = imds.origin();
    let env = [
        "AZURE_AUTHORITY_HOST",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_PASSWORD",
        "AZURE_TENANT_ID",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "IDENTITY_SERVER_THUMBPRINT",
        "IMDS_ENDPOINT",
        "MSI_ENDPOINT",
        "MSI_SECRET",
    ];
    let env = env.map(|name| (name, ""));
    let env = [&env[..], &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", &machine)]].concat();
    let provider = DefaultIdentity::builder(VAULT).env(variables(&env));

    cache(provider.build().unwrap()).get().await.unwrap();

    assert!(!imds.requests()[0].target().contains("client_id"));
}

#[tokio::test]
async fn half_a_configuration_ends_the_search_by_the_name_of_the_other_half() {
    const FILE: (&str, &str) = ("AZURE_FEDERATED_TOKEN_FILE", "/run/token");
    const ID: (&str, &str) = ("AZURE_CLIENT_ID", CLIENT);
    const IN: (&str, &str) = ("AZURE_TENANT_ID", TENANT);
    let imds = Imds::new().start();
    let machine = imds.origin();
    for (there, set, missing) in [
        (&[FILE][..], "an assertion", "AZURE_TENANT_ID"),
        (&[FILE, ID], "an assertion", "AZURE_TENANT_ID"),
        (&[FILE, IN], "an assertion", "AZURE_CLIENT_ID"),
        (
            &[FILE, IN, ("AZURE_CLIENT_ID", "")],
            "an assertion",
            "AZURE_CLIENT_ID",
        ),
        (
            &[("IDENTITY_ENDPOINT", "http://127.0.0.1:1/x")],
            "IDENTITY_ENDPOINT",
            "IDENTITY_HEADER",
        ),
        (
            &[("IDENTITY_HEADER", "canary")],
            "IDENTITY_HEADER",
            "IDENTITY_ENDPOINT",
        ),
        (
            &[("IMDS_ENDPOINT", "x")],
            "IMDS_ENDPOINT",
            "IDENTITY_ENDPOINT",
        ),
        (&[("MSI_SECRET", "canary")], "MSI_SECRET", "MSI_ENDPOINT"),
        (
            &[("AZURE_CLIENT_CERTIFICATE_PATH", "/run/app.pem"), ID, IN],
            "AZURE_CLIENT_CERTIFICATE_PATH",
            "workload identity federation",
        ),
        (
            &[("AZURE_PASSWORD", "canary"), ID],
            "AZURE_PASSWORD",
            "workload identity federation",
        ),
    ] {
        let machine = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.as_str())];

        let error = end(variables(&[there, &machine].concat())).await;

        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{there:?}: {error}");
        for named in [set, missing] {
            assert!(error.to_string().contains(named), "{there:?}: {error}");
        }
        assert!(!whole(&error).contains("canary"), "{error:?}");
    }
    assert_eq!(imds.count(), 0, "another identity stood in");
}

#[tokio::test]
async fn half_a_client_secret_that_is_allowed_ends_the_search_too() {
    let secret = ("AZURE_CLIENT_SECRET", "canary");
    for (there, missing) in [
        (
            &[secret, ("AZURE_CLIENT_ID", CLIENT)][..],
            "AZURE_TENANT_ID",
        ),
        (&[secret, ("AZURE_TENANT_ID", TENANT)], "AZURE_CLIENT_ID"),
    ] {
        let provider = DefaultIdentity::builder(VAULT)
            .danger_client_secret()
            .env(variables(there))
            .build()
            .unwrap();
        let cache = agent().cache(provider).danger_allow_static().build();

        let error = cache.unwrap().get().await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
        assert!(error.to_string().contains(missing), "{error}");
        assert!(!whole(&error).contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn a_token_file_that_cannot_be_read_ends_the_search() {
    let imds = Imds::new().start();
    let machine = imds.origin();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    pipe(&path("pipe"));
    symlink("nowhere", path("dangling")).unwrap();
    symlink("circle", path("circle")).unwrap();
    std::fs::write(path("secret"), "canary").unwrap();
    std::fs::set_permissions(path("secret"), std::fs::Permissions::from_mode(0o000)).unwrap();
    for (name, kind) in [
        ("absent", ErrorKind::Unavailable),
        ("dangling", ErrorKind::Unavailable),
        ("circle", ErrorKind::Misconfigured),
        ("pipe", ErrorKind::Misconfigured),
        (".", ErrorKind::Misconfigured),
        // Whoever may read it all the same finds no token in it.
        ("secret", ErrorKind::Misconfigured),
        ("secret/below", ErrorKind::Misconfigured),
    ] {
        let file = path(name).display().to_string();

        let error = end(variables(&[
            ("AZURE_FEDERATED_TOKEN_FILE", &file),
            ("AZURE_TENANT_ID", TENANT),
            ("AZURE_CLIENT_ID", CLIENT),
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", &machine),
        ]))
        .await;

        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(error.to_string().contains(&file), "{name}: {error}");
        assert!(!whole(&error).contains("canary"), "{error:?}");
    }
    assert_eq!(imds.count(), 0, "another identity stood in");
}

#[test]
fn an_assertion_file_is_read_on_no_thread_of_the_blocking_pool() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let tenant = Tenant::start();
    tenant.write("canary, no token");
    let (release, held) = std::sync::mpsc::channel::<()>();
    let taken = runtime.spawn_blocking(move || held.recv().is_ok());
    let agent = builder().runtime(runtime.handle().clone()).build().unwrap();
    let cache = agent.cache(tenant.workload().build().unwrap()).build();

    let answer = runtime.block_on(async {
        let cache = cache.unwrap();
        timeout(Duration::from_secs(20), cache.get()).await
    });

    let error = answer.expect("it waits for the pool").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
    drop(release);
    runtime.block_on(taken).unwrap();
}

#[tokio::test]
async fn a_token_file_that_comes_later_is_used() {
    let tenant = Tenant::start();
    let (file, origin) = (tenant.file.path().to_owned(), tenant.entra.origin());
    let later = file.with_extension("later");
    let env = variables(&[
        ("AZURE_FEDERATED_TOKEN_FILE", later.to_str().unwrap()),
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", CLIENT),
        ("AZURE_AUTHORITY_HOST", &origin),
    ]);
    let provider = DefaultIdentity::builder(VAULT).client(client(&tenant.ca));
    let cache = cache(provider.env(env).build().unwrap());
    cache.get().await.unwrap_err();

    std::fs::copy(&file, &later).unwrap();

    let credential = cache.refresh_now().await;
    std::fs::remove_file(&later).unwrap();
    assert_eq!(credential.unwrap().principal(), Some(CLIENT));
}

fn pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}
