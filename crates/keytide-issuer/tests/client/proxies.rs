//! Proxies: for public issuers only.
//!
//! The environment of a process is set by whoever starts it, so each test runs itself again in a process of its own.

use std::process::Command;

use keytide_core::ErrorKind;
use keytide_issuer::IssuerClient;
use keytide_testkit::server::{FaultServer, Received, Reply};

use crate::{Asking, asking, cache, client, failed};

/// Runs a test of this file again, with these proxies in its environment.
fn again(test: &str, proxy: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        &format!("proxies::{test}"),
        "--ignored",
        "--nocapture",
    ]);
    for name in [
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ] {
        command.env(name, proxy);
    }
    command.env_remove("no_proxy").env_remove("NO_PROXY");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
fn loopback_is_asked_without_the_proxy_of_the_environment() {
    let proxy = FaultServer::start(|_: &Received| Reply::new(200).body("of the proxy"));

    again("loopback_in_a_process_with_a_proxy", &proxy.origin());

    assert_eq!(proxy.connections(), 0);
}

#[tokio::test]
#[ignore = "run by the test above it"]
async fn loopback_in_a_process_with_a_proxy() {
    let server = FaultServer::start(|_: &Received| Reply::new(200).body("of the issuer"));

    let credential = cache(asking(server.url("/token"))).get().await.unwrap();
    assert_eq!(credential.expose_bearer("test").unwrap(), b"of the issuer");
    let named = server.url("/token").replace("127.0.0.1", "localhost");
    cache(asking(named)).get().await.unwrap();
    assert_eq!(server.count(), 2);
}

#[test]
fn metadata_is_asked_without_the_proxy_of_the_environment() {
    let proxy = FaultServer::start(|_: &Received| Reply::new(200).body("of the proxy"));

    again("metadata_in_a_process_with_a_proxy", &proxy.origin());

    assert_eq!(proxy.connections(), 0);
}

#[tokio::test]
#[ignore = "run by the test above it"]
async fn metadata_in_a_process_with_a_proxy() {
    // Whether or not anybody answers there, it is not the proxy.
    for endpoint in ["http://169.254.170.2/", "http://[fd00:ec2::254]/"] {
        if let Ok(credential) = cache(asking(endpoint)).get().await {
            assert_ne!(credential.expose_bearer("test").unwrap(), b"of the proxy");
        }
    }
}

#[test]
fn a_public_issuer_is_asked_through_the_proxy_of_the_environment() {
    let proxy = FaultServer::start(|_: &Received| Reply::new(502));

    again("a_public_issuer_in_a_process_with_a_proxy", &proxy.origin());

    let asked = proxy.requests();
    assert!(!asked.is_empty());
    assert!(
        asked
            .iter()
            .all(|asked| asked.method() == "CONNECT" && asked.target() == "issuer.example:443"),
        "{asked:?}"
    );
}

#[tokio::test]
#[ignore = "run by the test above it"]
async fn a_public_issuer_in_a_process_with_a_proxy() {
    let error = failed(asking("https://issuer.example/token")).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let bare = IssuerClient::builder().no_proxy().build().unwrap();
    let provider = Asking {
        client: bare,
        ..asking("https://issuer.example/token")
    };
    assert_eq!(failed(provider).await.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_proxy_of_the_builder_is_for_public_issuers_alone() {
    let proxy = FaultServer::start(|_: &Received| Reply::new(502));
    let server = FaultServer::start(|_: &Received| Reply::new(200).body("of the issuer"));
    let through = || {
        IssuerClient::builder()
            .proxy(&proxy.origin())
            .unwrap()
            .build()
            .unwrap()
    };
    let with = |endpoint: String| Asking {
        client: through(),
        ..asking(endpoint)
    };

    cache(with(server.url("/token"))).get().await.unwrap();
    assert_eq!(proxy.connections(), 0);
    failed(with("https://issuer.example/token".to_owned())).await;
    assert_eq!(proxy.requests()[0].target(), "issuer.example:443");
    drop(client());
}
