//! A machine without root certificates.
//!
//! The environment of a process is set by whoever starts it, so the test runs itself again in a process of its own.

use std::process::Command;

use keytide_http::ErrorKind;

use crate::server::{Server, ok};
use crate::{Mint, builder};

#[test]
fn a_client_to_this_machine_is_built_where_there_are_no_root_certificates() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "no_roots::without_certificates", "--ignored"])
        .env("SSL_CERT_FILE", "/nowhere/at/all")
        .env("SSL_CERT_DIR", "/nowhere/at/all");

    let output = command.output().unwrap();

    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}

#[tokio::test]
#[ignore = "run by the test above it"]
async fn without_certificates() {
    let server = Server::start(|_| ok()).await;
    let cache = Mint::default().cache();
    let http = builder(&cache)
        .destination(server.origin())
        .build()
        .unwrap();

    let response = http.get(server.url("/")).send().await.unwrap();

    assert_eq!(response.status(), 200);
    // Where TLS may be needed, what it lacks is told when the client is built.
    let secure = builder(&cache)
        .destination(server.origin())
        .destination("https://api.example.com")
        .build();
    assert_eq!(secure.unwrap_err().kind(), ErrorKind::InvalidArgument);
}
