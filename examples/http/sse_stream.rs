//! Server-sent events that outlive the token they were opened with, and end when it is revoked.
//!
//! ```text
//! cargo run -p keytide-examples-http --example sse_stream
//! ```
//!
//! What to look at: `open` instead of `send` gives the response and a watch. The watch tells of rotations, which need
//! not end a stream that its server goes on serving, and of the revocation, which does.

use std::error::Error;
use std::time::Duration;

use keytide_core::Reason;
use keytide_examples_http::{Api, Issuer, agent};
use keytide_http::{AuthorizedClient, ErrorKind};
use tokio::time::Instant;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let issuer = Issuer::new(Duration::from_secs(1));
    let api = Api::start(&issuer).await?;
    let agent = agent("sse-stream")?;
    let token = agent
        .cache(issuer.clone())
        .min_interval(Duration::from_millis(100))
        .build()?;
    let http = AuthorizedClient::builder(reqwest::Client::builder(), token.clone())
        .destination(api.origin())
        .build()?;

    let (mut response, mut watch) = http.get(format!("{}/events", api.origin())).open().await?;
    println!("opened with generation {}", watch.generation());

    // Something else uses the credential, so it rotates.
    let using = tokio::spawn(async move {
        while token.get().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let ending = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let ended = Instant::now();
        drop(agent.terminate(Reason::Compromised));
        ended
    });

    let (mut events, mut rotations, mut following) = (0, 0, watch.clone());
    let error = loop {
        tokio::select! {
            read = watch.unless_revoked(response.chunk()) => match read {
                Ok(chunk) => events += usize::from(chunk?.is_some()),
                Err(error) => break error,
            },
            Some(generation) = following.rotated() => {
                rotations += 1;
                println!("rotated to generation {generation}; the stream goes on");
            }
        }
    };
    drop(response);
    let closed = Instant::now();
    let took = closed.duration_since(ending.await?);
    using.await?;

    assert_eq!(error.kind(), ErrorKind::Revoked);
    assert!(took < Duration::from_secs(1), "{took:?}");
    println!("closed {took:?} after the agent ended: {error}");
    println!("sse_stream: {events} events, {rotations} rotations, 0 failures");
    Ok(())
}
