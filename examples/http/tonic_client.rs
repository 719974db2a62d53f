//! A tonic client whose token rotates underneath, against a tonic server with TLS.
//!
//! ```text
//! cargo run -p keytide-examples-http --example tonic_client
//! ```
//!
//! What to look at: the layer stands around the channel. tonic's requests say a path only, and the channel adds where
//! they go: `relative_to` says the same to the layer. A call that is refused with `UNAUTHENTICATED` is reported, and the
//! next one bears a new token; tonic's bodies cannot be copied, so none is sent twice. A stream is opened with the token
//! of that moment, lives on through rotations, and is closed when the credential is revoked.

use std::error::Error;
use std::time::Duration;

use http::uri::PathAndQuery;
use keytide_examples_http::{ECHO, Grpc, Issuer, TextCodec, WATCH, agent};
use keytide_http::{AuthorizeLayer, StreamWatch};
use tokio::time::Instant;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use tonic::{Code, Request};
use tower::Layer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let issuer = Issuer::new(Duration::from_secs(1));
    let server = Grpc::start(&issuer).await?;
    let token = agent("tonic-client")?
        .cache(issuer.clone())
        .min_interval(Duration::from_millis(100))
        .build()?;

    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(server.certificate()));
    let channel = Endpoint::from_shared(server.origin())?
        .tls_config(tls)?
        .connect_lazy();
    let layer = AuthorizeLayer::builder(token.clone())
        .destination(server.origin())
        .relative_to(server.origin())
        .watch_streams()
        .build()?;
    // A generated client takes this in place of the channel: `EchoClient::new(layer.layer(channel))`.
    let mut client = tonic::client::Grpc::new(layer.layer(channel));

    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(3) {
        client.ready().await?;
        let request = Request::new("hello".to_owned());
        let path = PathAndQuery::from_static(ECHO);
        let answer = client.unary(request, path, TextCodec).await?;
        assert_eq!(answer.get_ref(), "hello");
        calls += 1;
    }

    issuer.reject_all();
    for expected in [Code::Unauthenticated, Code::Ok] {
        client.ready().await?;
        let request = Request::new("again".to_owned());
        let path = PathAndQuery::from_static(ECHO);
        let answered = client.unary(request, path, TextCodec).await;
        let code = answered.map_or_else(|status| status.code(), |_| Code::Ok);
        println!("after the server forgot the token: {code:?}");
        assert_eq!(code, expected);
        // The report of a refusal counts at once; what comes of it takes a moment.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    client.ready().await?;
    let request = Request::new("tick".to_owned());
    let path = PathAndQuery::from_static(WATCH);
    let response = client.server_streaming(request, path, TextCodec).await?;
    let mut watch = response
        .extensions()
        .get::<StreamWatch>()
        .cloned()
        .ok_or("a watch was asked for")?;
    let (mut ticks, mut stream) = (0, response.into_inner());
    let revoking = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(token.revoke());
        Instant::now()
    });
    while let Ok(Ok(Some(tick))) = watch.unless_revoked(stream.message()).await {
        assert_eq!(tick, "tick");
        ticks += 1;
    }
    let closed = revoking.await?.elapsed();
    println!("the stream ticked {ticks} times, and ended {closed:?} after the revocation");
    println!(
        "tonic_client: {calls} calls, {} rotations, 0 failures",
        issuer.rotations()
    );
    Ok(())
}
