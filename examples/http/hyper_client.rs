//! hyper's client, or anything else that takes a `tower` layer.
//!
//! ```text
//! cargo run -p keytide-examples-http --example hyper_client
//! ```
//!
//! What to look at: `layer.layer(client)` is all that binds the credential. `Cloned` lets a request that was refused be
//! sent once more. A layer that follows redirects would be put around the result, never around `client`.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use keytide_examples_http::{Api, Issuer, agent};
use keytide_http::{AuthorizeLayer, Cloned};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let issuer = Issuer::new(Duration::from_secs(1));
    let api = Api::start(&issuer).await?;
    let token = agent("hyper-client")?
        .cache(issuer.clone())
        .min_interval(Duration::from_millis(100))
        .build()?;

    let layer = AuthorizeLayer::builder(token)
        .destination(api.origin())
        .copy_body(Cloned)
        .build()?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut http = layer.layer(client);

    let (start, mut requests) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(3) {
        let request =
            Request::post(format!("{}/hello", api.origin())).body(Full::from("a body"))?;
        let response = http.ready().await?.call(request).await?;
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body().collect().await?;
        requests += 1;
        if requests == 100 {
            issuer.reject_all();
        }
    }

    let elsewhere = Request::get("https://stranger.example/").body(Full::default())?;
    match http.ready().await?.call(elsewhere).await {
        Ok(response) => panic!("it was sent: {}", response.status()),
        Err(error) => println!("refused: {error}"),
    }
    println!(
        "hyper_client: {requests} requests, {} rotations, 0 failures",
        issuer.rotations()
    );
    Ok(())
}
