//! The client for what is near.

use std::ptr;
use std::time::Duration;

use keytide_core::ErrorKind;

use crate::client::IssuerClient;

#[test]
fn the_process_has_one_quick_client_for_each_limit() {
    let quick = |millis| IssuerClient::quick(Duration::from_millis(millis));

    for (answer, connection) in [
        (20, 10),
        (900, 450),
        (2000, 1000),
        (5000, 2000),
        (600_000, 2000),
    ] {
        let client = quick(answer).unwrap();
        let settings = client.wire().settings();
        assert_eq!(settings.answer_timeout, Duration::from_millis(answer));
        assert_eq!(settings.connect_timeout, Duration::from_millis(connection));
        let again = quick(answer).unwrap();
        assert!(ptr::eq(client.wire(), again.wire()), "{answer}");
    }
    for wrong in [0, 19, 600_001] {
        let error = quick(wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{wrong}");
    }
}
