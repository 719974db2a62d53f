//! Peers that answer without ever answering.

use std::time::Duration;

use keytide_core::ErrorKind;
use keytide_issuer::IssuerClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{Asking, asking, cache, failed};

/// Answers every request with `first`, and then with `again` for as long as somebody reads.
async fn answering(first: String, again: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let again = again.repeat(1000);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (first, again) = (first.clone(), again.clone());
            tokio::spawn(async move {
                let mut asked = [0; 4096];
                let _ = stream.read(&mut asked).await;
                let mut written = stream.write_all(first.as_bytes()).await;
                while written.is_ok() && !again.is_empty() {
                    written = stream.write_all(again.as_bytes()).await;
                }
                // What was not asked for is no reason to hang up.
                let _ = stream.read(&mut asked).await;
            });
        }
    });
    format!("http://127.0.0.1:{port}/token")
}

/// A client whose own limit is longer than the cache waits.
fn patient(endpoint: String) -> Asking {
    Asking {
        client: IssuerClient::builder()
            .answer_timeout(Duration::from_secs(600))
            .build()
            .unwrap(),
        ..asking(endpoint)
    }
}

const EARLY: &str = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\ntoken";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interim_answers_without_end_are_an_error() {
    for endless in [
        "HTTP/1.1 103 \r\n\r\n",
        EARLY,
        "HTTP/1.1 100 Continue\r\n\r\n",
    ] {
        let url = answering(String::new(), endless).await;

        let error = failed(patient(url)).await;

        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(
            error.to_string().contains("over 100 interim answers"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_hundred_interim_answers_are_passed_over_and_one_more_is_not() {
    for (count, fits) in [(0, true), (1, true), (100, true), (101, false)] {
        // All at once: the answer is read before anybody has counted.
        let url = answering(EARLY.repeat(count) + GOOD, "").await;

        let result = cache(patient(url)).get().await;

        assert_eq!(result.is_ok(), fits, "{count}");
        if let Err(error) = result {
            assert!(
                error.to_string().contains("over 100 interim answers"),
                "{error}"
            );
        }
    }
}

/// A head of 64 KiB makes room for much at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_interim_answers_are_counted_too() {
    let large = format!("HTTP/1.1 103 \r\nx: {}\r\n\r\n", "v".repeat(60 << 10));
    let url = answering(large, "HTTP/1.1 103 \r\n\r\n").await;

    let error = failed(patient(url)).await;

    assert!(
        error.to_string().contains("over 100 interim answers"),
        "{error}"
    );
}

#[tokio::test]
async fn the_reason_of_a_failure_is_not_waited_for_as_long_as_an_answer() {
    for status in [400, 403, 500] {
        let head = format!("HTTP/1.1 {status} No\r\ncontent-length: 9\r\n\r\n");
        let url = answering(head, "").await;

        let error = failed(patient(url)).await;

        let told = format!("answers {status}");
        assert!(error.to_string().contains(&told), "{error}");
    }
}
