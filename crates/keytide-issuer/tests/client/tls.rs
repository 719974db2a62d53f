//! TLS: whom to trust, and what is said when that fails.

use keytide_core::ErrorKind;
use keytide_issuer::IssuerClient;
use keytide_testkit::server::{Fault, FaultServer, Received, Reply, TestCa, TlsFault};
use std::time::Duration;

use crate::{Asking, asking, cache, failed, whole};

fn answer(asked: &Received) -> Reply {
    Reply::new(200).body(format!("token-{}", asked.number()))
}

fn trusting(ca: &TestCa) -> IssuerClient {
    IssuerClient::builder()
        .answer_timeout(Duration::from_secs(2))
        .connect_timeout(Duration::from_secs(1))
        .root_certificates(ca.root_pem().as_bytes())
        .unwrap()
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_private_root_is_trusted_where_it_was_given() {
    let ca = TestCa::new();
    let server = FaultServer::start_tls(answer, &ca);
    let url = server.url("/token");
    for url in [url.clone(), url.replace("127.0.0.1", "localhost")] {
        let provider = Asking {
            client: trusting(&ca),
            ..asking(url)
        };
        cache(provider).get().await.unwrap();
    }

    let stranger = failed(asking(url)).await;

    assert_eq!(stranger.kind(), ErrorKind::Unavailable);
    assert!(
        whole(&stranger).contains("root certificates"),
        "{}",
        whole(&stranger)
    );
    assert_eq!(server.count(), 2, "nothing was sent without trust");
}

#[tokio::test]
async fn a_handshake_that_fails_says_so_and_nothing_is_sent() {
    for fault in TlsFault::all() {
        let ca = TestCa::new();
        let server = FaultServer::start_tls(answer, &ca);
        server.set(Fault::tls(fault));
        let provider = Asking {
            client: trusting(&ca),
            ..asking(server.url("/token"))
        };

        let error = failed(provider).await;

        let text = whole(&error);
        println!("{fault:?}: {text}");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{fault:?}");
        assert!(
            text.contains("no TLS with https://127.0.0.1") || fault == TlsFault::Hangs,
            "{fault:?}: {text}"
        );
        assert_eq!(server.count(), 0, "{fault:?}");
    }
}

#[tokio::test]
async fn plain_text_is_not_spoken_to_a_port_of_tls_nor_tls_to_one_of_plain_text() {
    let ca = TestCa::new();
    let secure = FaultServer::start_tls(answer, &ca);
    let plain = FaultServer::start(answer);

    let to_secure = failed(asking(secure.url("/token").replace("https", "http"))).await;
    let to_plain = failed(asking(plain.url("/token").replace("http", "https"))).await;

    assert_eq!(to_secure.kind(), ErrorKind::Unavailable);
    assert_eq!(to_plain.kind(), ErrorKind::Unavailable);
    assert_eq!((secure.count(), plain.count()), (0, 0));
}
