//! The fault server over TLS, seen by reqwest.

use std::error::Error;
use std::time::Duration;

use keytide_testkit::server::{At, Fault, FaultServer, Good, Outcome, TestCa, TlsFault};

fn client(ca: &TestCa) -> reqwest::Client {
    let root = reqwest::Certificate::from_der(ca.root_der()).unwrap();
    reqwest::Client::builder()
        .tls_certs_only([root])
        .no_proxy()
        .timeout(Duration::from_millis(500))
        .build()
        .unwrap()
}

fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_client_that_trusts_the_root_is_answered() {
    let ca = TestCa::new();
    let server = FaultServer::start_tls(Good::oauth("t-"), &ca);
    assert!(server.origin().starts_with("https://127.0.0.1:"));
    let client = client(&ca);

    for url in [
        server.url("/token"),
        format!("https://localhost:{}/token", server.address().port()),
    ] {
        let answer = client.get(url).send().await.unwrap();
        assert!(answer.text().await.unwrap().contains("\"t-"));
    }
    // The body that ends with the connection is whole: TLS was closed in order.
    server.set(Fault::http10());
    let answer = client.get(server.url("/")).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("\"t-3\""));
    // The PEM is the same certificate.
    let pem = reqwest::Certificate::from_pem(ca.root_pem().as_bytes());
    assert!(pem.is_ok());
}

#[tokio::test]
async fn handshakes_fail_as_they_are_told() {
    let ca = TestCa::new();
    let server = FaultServer::start_tls(Good::oauth("t-"), &ca);
    for (fault, says) in [
        (TlsFault::PlainText, "corrupt message"),
        (TlsFault::SelfSigned, "UnknownIssuer"),
        (TlsFault::Expired, "expired"),
        (TlsFault::WrongName, "not valid for name"),
        (TlsFault::Hangs, "timed out"),
    ] {
        server.set(Fault::tls(fault));
        let error = client(&ca)
            .get(server.url("/token"))
            .send()
            .await
            .unwrap_err();
        let chain = chain(&error);
        assert!(chain.contains(says), "{fault:?}: {chain}");
    }
    assert_eq!(server.count(), 0, "no request came through");
    assert_eq!(server.connections(), 5);

    server.heal();
    assert!(client(&ca).get(server.url("/token")).send().await.is_ok());
}

#[tokio::test]
async fn a_reset_over_tls_is_a_reset_of_tcp() {
    let ca = TestCa::new();
    let server = FaultServer::start_tls(Good::oauth("t-"), &ca);
    for at in [At::Accept, At::BeforeHeaders, At::InBody] {
        server.set(Fault::reset(at));
        let sent = client(&ca).get(server.url("/token")).send().await;
        let error = match sent {
            Ok(answer) => answer.bytes().await.unwrap_err(),
            Err(error) => error,
        };
        assert!(chain(&error).contains("reset"), "{at:?}: {}", chain(&error));
    }
}

#[test]
#[should_panic(expected = "cannot show the fault tls-expired: the server speaks no TLS")]
fn a_fault_of_tls_needs_a_server_that_speaks_it() {
    FaultServer::start(Good::oauth("t-")).set(Fault::tls(TlsFault::Expired));
}

#[test]
fn the_table_of_faults_is_the_list_of_faults() {
    let mut table = String::from("| fault | what a client should make of it |\n|---|---|\n");
    for fault in Fault::all() {
        let made = match fault.outcome() {
            Outcome::Error(kinds) => {
                let kinds: Vec<_> = kinds.iter().map(|kind| format!("{kind:?}")).collect();
                format!("an error: {}", kinds.join(", "))
            }
            Outcome::Credential => "the credential".to_owned(),
            Outcome::Either => "an error or the credential".to_owned(),
            other => format!("{other:?}"),
        };
        table.push_str(&format!("| `{fault}` | {made} |\n"));
    }
    assert_eq!(
        include_str!("../../docs/faults.md"),
        table,
        "it should be:\n{table}"
    );
}
