//! Root certificates: read when they are needed, and again when they have changed.
//!
//! The environment of a process is set by whoever starts it, so some tests run themselves again in a process of their own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use keytide_core::{ErrorKind, ProvideCredential};
use keytide_issuer::{Env, IssuerClient};
use keytide_testkit::server::{FaultServer, Received, Reply, TestCa};

use crate::{Asking, asking, cache, failed, whole};

fn answer(asked: &Received) -> Reply {
    Reply::new(200).body(format!("token-{}", asked.number()))
}

fn with(client: &IssuerClient, server: &FaultServer) -> Asking {
    Asking {
        client: client.clone(),
        ..asking(server.url("/token"))
    }
}

async fn trusted(provider: impl ProvideCredential) -> bool {
    cache(provider).get().await.is_ok()
}

/// Runs a test of this file again, with these variables.
fn again(test: &str, variables: &[(&str, &Path)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let name = format!("roots::{test}");
    command.args(["--exact", &name, "--ignored", "--nocapture"]);
    command
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR");
    command.envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}

/// An authority that rolls over, while `file` says who is trusted.
async fn rolls_over(client: IssuerClient, file: &Path) {
    let (former, next) = (TestCa::new(), TestCa::new());
    fs::write(file, former.root_pem()).unwrap();
    let server = FaultServer::start_tls(answer, &former);
    assert!(trusted(with(&client, &server)).await);

    let server = FaultServer::start_tls(answer, &next);
    let stranger = failed(with(&client, &server)).await;
    assert!(whole(&stranger).contains("no TLS with"), "{stranger}");
    assert_eq!((server.connections(), server.count()), (1, 0));

    let both = former.root_pem().to_owned() + next.root_pem();
    fs::write(file, both).unwrap();
    assert!(trusted(with(&client, &server)).await);
    assert_eq!((server.connections(), server.count()), (3, 1));
    // Known from now on.
    assert!(trusted(with(&client, &server)).await);
    assert_eq!((server.connections(), server.count()), (4, 2));
}

#[tokio::test]
async fn an_authority_that_rolls_over_in_a_file_of_the_builder_needs_no_restart() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bundle.pem");
    for beside in [true, false] {
        let mut builder = IssuerClient::builder().no_proxy().root_file(&file);
        if !beside {
            builder = builder.without_machine_roots();
        }
        rolls_over(builder.build().unwrap(), &file).await;
    }
}

#[test]
fn an_authority_that_rolls_over_in_the_machines_bundle_needs_no_restart() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bundle.pem");

    again("in_a_process_with_a_bundle", &[("SSL_CERT_FILE", &file)]);
    again(
        "in_a_process_with_a_bundle",
        &[("SSL_CERT_FILE", &file), ("SSL_CERT_DIR", directory.path())],
    );
}

#[tokio::test]
#[ignore = "run by the test above it"]
async fn in_a_process_with_a_bundle() {
    let file = Env::process().path("SSL_CERT_FILE").unwrap();
    let client = IssuerClient::builder().no_proxy().build().unwrap();
    rolls_over(client, &file).await;
}

#[test]
fn an_authority_that_rolls_over_in_a_directory_needs_no_restart() {
    let directory = tempfile::tempdir().unwrap();

    again(
        "in_a_process_with_a_directory",
        &[("SSL_CERT_DIR", directory.path())],
    );
}

#[tokio::test]
#[ignore = "run by the test above it"]
async fn in_a_process_with_a_directory() {
    let directory = Env::process().path("SSL_CERT_DIR").unwrap();
    let client = IssuerClient::builder().no_proxy().build().unwrap();
    // By the name of its hash, as such directories have it.
    rolls_over(client, &directory.join("0a1b2c3d.0")).await;
}

#[tokio::test]
async fn without_the_machines_roots_those_that_were_given_are_trusted_and_no_others() {
    let (mine, other) = (TestCa::new(), TestCa::new());
    let client = IssuerClient::builder()
        .no_proxy()
        .root_certificates(mine.root_pem().as_bytes())
        .unwrap()
        .without_machine_roots()
        .build()
        .unwrap();

    assert!(trusted(with(&client, &FaultServer::start_tls(answer, &mine))).await);
    assert!(!trusted(with(&client, &FaultServer::start_tls(answer, &other))).await);

    let nobody = IssuerClient::builder().without_machine_roots().build();
    assert_eq!(nobody.unwrap_err().kind(), ErrorKind::Misconfigured);
}

#[test]
fn where_there_are_no_root_certificates_plain_http_is_spoken_all_the_same() {
    let nowhere = Path::new("/nowhere/at/all");

    again(
        "in_a_process_without_certificates",
        &[("SSL_CERT_FILE", nowhere), ("SSL_CERT_DIR", nowhere)],
    );
}

#[tokio::test]
#[ignore = "run by the test above it"]
async fn in_a_process_without_certificates() {
    let clear = FaultServer::start(answer);
    let secure = FaultServer::start_tls(answer, &TestCa::new());
    for client in [
        IssuerClient::quick(Duration::from_secs(5)).unwrap(),
        IssuerClient::shared(),
        IssuerClient::builder().build().unwrap(),
    ] {
        assert!(trusted(with(&client, &clear)).await);
        let error = failed(with(&client, &secure)).await;
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
        assert!(error.to_string().contains("SSL_CERT_FILE"), "{error}");
    }
    assert_eq!(secure.connections(), 0);
}
