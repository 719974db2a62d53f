//! The layer around a channel of tonic, against a server of tonic with TLS.

use std::time::Duration;

use http::uri::PathAndQuery;
use keytide_core::Cache;
use keytide_examples_http::{ECHO, Grpc, Issuer, TextCodec, WATCH, agent};
use keytide_http::{Authorize, AuthorizeLayer, AuthorizeLayerBuilder, StreamWatch};
use tonic::client::Grpc as Client;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use tower::Layer;

struct Given {
    issuer: Issuer,
    server: Grpc,
    token: Cache,
}

async fn given() -> Given {
    let issuer = Issuer::new(Duration::from_secs(3600));
    Given {
        server: Grpc::start(&issuer).await.unwrap(),
        token: agent("grpc")
            .unwrap()
            .cache(issuer.clone())
            .build()
            .unwrap(),
        issuer,
    }
}

impl Given {
    fn layer(&self) -> AuthorizeLayerBuilder {
        AuthorizeLayer::builder(self.token.clone()).destination(self.server.origin())
    }

    fn channel(&self) -> Channel {
        let trusted = Certificate::from_pem(self.server.certificate());
        Endpoint::from_shared(self.server.origin())
            .unwrap()
            .tls_config(ClientTlsConfig::new().ca_certificate(trusted))
            .unwrap()
            .connect_lazy()
    }
}

async fn echo(client: &mut Client<Authorize<Channel>>) -> Result<String, Status> {
    client.ready().await.unwrap();
    let request = Request::new("hello".to_owned());
    let answer = client.unary(request, PathAndQuery::from_static(ECHO), TextCodec);
    answer.await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_call_carries_the_current_token_by_a_path_alone_and_by_a_whole_uri() {
    let given = given().await;
    let origin = given.server.origin();

    let relative = given.layer().relative_to(&origin).build().unwrap();
    let mut client = Client::new(relative.layer(given.channel()));
    assert_eq!(echo(&mut client).await.unwrap(), "hello");

    given.token.refresh_now().await.unwrap();
    let whole = given.layer().build().unwrap();
    let mut client = Client::with_origin(whole.layer(given.channel()), origin.parse().unwrap());
    assert_eq!(echo(&mut client).await.unwrap(), "hello");
    assert_eq!((given.issuer.rotations(), given.server.refused()), (2, 0));
}

#[tokio::test]
async fn unauthenticated_is_reported_and_the_next_call_bears_a_new_token() {
    let given = given().await;
    let layer = given
        .layer()
        .relative_to(given.server.origin())
        .build()
        .unwrap();
    let mut client = Client::new(layer.layer(given.channel()));
    echo(&mut client).await.unwrap();

    given.issuer.reject_all();
    let refused = echo(&mut client).await.unwrap_err();
    let healed = echo(&mut client).await;

    assert_eq!(refused.code(), Code::Unauthenticated);
    assert_eq!(healed.unwrap(), "hello");
    assert_eq!((given.issuer.rotations(), given.server.refused()), (2, 1));
}

#[tokio::test]
async fn a_call_to_another_origin_is_refused_and_nothing_is_sent() {
    let (ours, theirs) = (given().await, given().await);
    let layer = ours.layer().build().unwrap();
    let elsewhere = theirs.server.origin().parse().unwrap();
    let mut client = Client::with_origin(layer.layer(theirs.channel()), elsewhere);

    let status = echo(&mut client).await.unwrap_err();

    assert!(
        status.message().contains("is not a destination"),
        "{status:?}"
    );
    assert_eq!(theirs.server.refused(), 0);
}

#[tokio::test]
async fn a_stream_lives_through_a_rotation_and_ends_with_a_revocation() {
    let given = given().await;
    let layer = given
        .layer()
        .relative_to(given.server.origin())
        .watch_streams()
        .build()
        .unwrap();
    let mut client = Client::new(layer.layer(given.channel()));
    client.ready().await.unwrap();
    let request = Request::new("tick".to_owned());
    let path = PathAndQuery::from_static(WATCH);
    let response = client
        .server_streaming(request, path, TextCodec)
        .await
        .unwrap();
    let mut watch = response.extensions().get::<StreamWatch>().unwrap().clone();
    let mut stream = response.into_inner();

    given.token.refresh_now().await.unwrap();
    assert_eq!(watch.rotated().await, Some(2));
    for _ in 0..3 {
        let tick = watch.unless_revoked(stream.message()).await.unwrap();
        assert_eq!(tick.unwrap().unwrap(), "tick");
    }
    drop(given.token.revoke());
    let start = tokio::time::Instant::now();
    let error = watch.unless_revoked(stream.message()).await.unwrap_err();

    assert_eq!(error.kind(), keytide_http::ErrorKind::Revoked);
    assert!(start.elapsed() < Duration::from_secs(1));
}
