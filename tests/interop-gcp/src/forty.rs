//! A metadata server that hands out a token with 40 s left, three times, and then another.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use keytide_gcp::MetadataServer;
use keytide_interop::{Failure, check};
use keytide_testkit::server::{FaultServer, Received, Reply};
use serde_json::json;
use tokio::time::Instant;

/// Reads for those 40 s: six calls at most, and the token is never served past its end.
pub(crate) async fn seconds() -> Result<(), Failure> {
    let began = Arc::new(OnceLock::new());
    let since = Arc::clone(&began);
    let server = FaultServer::start(move |asked: &Received| {
        let began = since.get_or_init(Instant::now);
        let (token, left) = match asked.number() {
            1..=3 => ("first".to_owned(), LEFT.saturating_sub(began.elapsed())),
            number => (format!("later-{number}"), Duration::from_secs(3599)),
        };
        let body =
            json!({ "access_token": token, "expires_in": left.as_secs(), "token_type": "Bearer" });
        Reply::json(200, &body).header("metadata-flavor", "Google")
    });
    let provider = MetadataServer::access_token(["https://www.googleapis.com/auth/logging.write"])
        .host(server.address().to_string())
        .build()?;
    let cache = crate::readers::agent()?.cache(provider).build()?;

    let (mut reads, mut failed, mut late) = (0, 0, 0);
    cache.get().await?;
    let end = *began.get().ok_or("nothing was asked")? + LEFT;
    // And a second more, in which it is not served.
    while Instant::now() < end + Duration::from_secs(1) {
        let asked = Instant::now();
        match cache.get().await {
            Ok(credential) => {
                let first = credential.expose_bearer("check").unwrap() == b"first";
                late += u32::from(first && asked >= end);
            }
            Err(_) => failed += 1,
        }
        reads += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let calls = server.count();

    println!("== a token with {LEFT:?} left, three times");
    check(
        failed == 0 && late == 0,
        format_args!("{reads} reads: {failed} failed, {late} were of a token past its end"),
    )?;
    check(
        (4..=6).contains(&calls),
        format_args!("{calls} calls in {LEFT:?}"),
    )
}

const LEFT: Duration = Duration::from_secs(40);
