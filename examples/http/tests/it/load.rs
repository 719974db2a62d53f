//! The short form of `cargo run -p keytide-examples-http --bin million`: thousands of requests instead
//! of millions. Real time, for sockets wait for no paused clock.

use std::time::Duration;

use keytide_examples_http::{Via, load};

async fn no_request_is_refused_for_its_token(via: Via) {
    let tally = load(via, 3000, 5, Duration::from_secs(1), 8).await.unwrap();

    assert!(tally.requests >= 3000 && tally.rotations >= 5, "{tally:?}");
    assert_eq!(tally.refused, 0, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_through_reqwest_is_refused_over_rotations() {
    no_request_is_refused_for_its_token(Via::Reqwest).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_through_hyper_is_refused_over_rotations() {
    no_request_is_refused_for_its_token(Via::Hyper).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_through_tonic_is_refused_over_rotations() {
    no_request_is_refused_for_its_token(Via::Tonic).await;
}
