//! A client over reqwest that outlives its tokens, and will not be led astray.
//!
//! ```text
//! cargo run -p keytide-examples-http --example reqwest_client
//! ```
//!
//! What to look at: tokens live for a second, the client is built once, and nothing in it is ever told of a rotation. A
//! redirect to a stranger, and a request to one, are errors that name the rule.

use std::error::Error;
use std::time::Duration;

use keytide_examples_http::{Api, Issuer, agent};
use keytide_http::{AuthorizedClient, Destination};
use tokio::time::Instant;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let issuer = Issuer::new(Duration::from_secs(1));
    let api = Api::start(&issuer).await?;
    let origin = api.origin();
    let token = agent("reqwest-client")?
        .cache(issuer.clone())
        .min_interval(Duration::from_millis(100))
        .build()?;

    let http = AuthorizedClient::builder(reqwest::Client::builder(), token)
        .destination(Destination::new(&origin).methods([http::Method::GET]))
        .build()?;

    let (start, mut requests) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(3) {
        let response = http.get(format!("{origin}/hello")).send().await?;
        assert!(response.status().is_success(), "{}", response.status());
        requests += 1;
    }

    // A token that its server stopped accepting: reported, replaced, and the request sent once more.
    issuer.reject_all();
    let response = http.get(format!("{origin}/hello")).send().await?;
    println!("after a 401: {}", response.status());

    for refused in [
        http.get("https://stranger.example/").send().await,
        http.get(format!("{origin}/away")).send().await,
        http.post(format!("{origin}/hello")).body("x").send().await,
    ] {
        match refused {
            Ok(response) => panic!("it was sent: {}", response.status()),
            Err(error) => println!("refused: {error}"),
        }
    }
    println!(
        "reqwest_client: {requests} requests, {} rotations, 0 failures",
        issuer.rotations()
    );
    Ok(())
}
