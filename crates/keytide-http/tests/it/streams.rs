//! Streams that outlive a credential.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use keytide_core::Reason;
use keytide_http::{AuthorizeLayer, ErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};

use crate::server::Server;
use crate::{Mint, agent, builder, client};

/// Sends one event of a stream that never ends.
async fn events() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n";
                stream.write_all(head.as_bytes()).await.unwrap();
                // Until the client goes away.
                let _ = stream.read(&mut [0; 1]).await;
            });
        }
    });
    (origin, serving)
}

#[tokio::test]
async fn a_stream_is_told_of_rotations_and_ends_within_a_second_of_a_revocation() {
    let (origin, serving) = events().await;
    let agent = agent();
    let cache = agent.cache(Mint::default()).build().unwrap();
    let http = builder(&cache).destination(&origin).build().unwrap();
    let (mut response, mut watch) = http.get(format!("{origin}/events")).open().await.unwrap();

    let chunk = watch.unless_revoked(response.chunk()).await.unwrap();
    assert_eq!(chunk.unwrap().unwrap(), "data: 1\n\n");
    assert_eq!(watch.generation(), 1);
    cache.refresh_now().await.unwrap();
    assert_eq!(watch.rotated().await, Some(2));

    let reading = tokio::spawn(async move {
        let read = watch.unless_revoked(response.chunk()).await;
        (read.map(|_| ()).unwrap_err(), tokio::time::Instant::now())
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!reading.is_finished(), "a rotation ends no stream");
    let revoked = tokio::time::Instant::now();
    drop(agent.terminate(Reason::Compromised));
    let (error, ended) = reading.await.unwrap();

    assert_eq!(error.kind(), ErrorKind::Revoked);
    assert!(
        ended - revoked < Duration::from_secs(1),
        "{:?}",
        ended - revoked
    );
    serving.abort();
}

#[tokio::test]
async fn a_rotation_or_a_revocation_before_the_watch_is_looked_at_is_told_too() {
    let server = Server::start(|_| crate::server::ok()).await;
    let cache = Mint::default().cache();
    let http = client(&cache, [&server]);

    let (_, mut watch) = http.get(server.url("/")).open().await.unwrap();
    cache.refresh_now().await.unwrap();
    cache.refresh_now().await.unwrap();
    let mut clone = watch.clone();
    // Who waits for a refresh may be woken a moment before the watchers are told of it.
    let mut told = watch.rotated().await;
    if told == Some(2) {
        told = watch.rotated().await;
    }
    assert_eq!(told, Some(3));
    drop(cache.revoke());
    assert_eq!(watch.rotated().await, None);
    assert_eq!(watch.rotated().await, None);
    clone.revoked().await;
    let late = clone.unless_revoked(std::future::ready(1)).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Revoked);
}

#[tokio::test]
async fn the_end_of_a_cache_ends_its_watches() {
    let server = Server::start(|_| crate::server::ok()).await;
    let cache = Mint::default().cache();
    let http = client(&cache, [&server]);
    let (_, mut watch) = http.get(server.url("/")).open().await.unwrap();

    drop((http, cache));

    watch.revoked().await;
}

/// Switches protocols for who bears the first token, and sends back what it is sent.
async fn switching() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut head, mut byte) = (Vec::new(), [0; 1]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).await.unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(head.contains("authorization: bearer token-1"), "{head}");
        let answer =
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.read_exact(&mut byte).await.unwrap();
        stream.write_all(&byte).await.unwrap();
    });
    (origin, serving)
}

#[tokio::test]
async fn a_websocket_handshake_carries_the_credential_and_hands_out_the_connection() {
    let cache = Mint::default().cache();
    let upgrade = |name| match name {
        "connection" => "upgrade",
        "upgrade" => "websocket",
        _ => "13",
    };
    let names = ["connection", "upgrade", "sec-websocket-version"];

    let (origin, serving) = switching().await;
    let hyper = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let layer = AuthorizeLayer::builder(cache.clone())
        .destination(&origin)
        .build()
        .unwrap();
    let mut request = http::Request::get(&origin).body(Empty::new()).unwrap();
    for name in names {
        request
            .headers_mut()
            .insert(name, upgrade(name).parse().unwrap());
    }
    let response = layer.layer(hyper).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut connection = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    let mut echoed = [0; 1];
    connection.write_all(b"x").await.unwrap();
    connection.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"x");
    serving.await.unwrap();

    let (origin, serving) = switching().await;
    let http = builder(&cache).destination(&origin).build().unwrap();
    let mut request = http.get(&origin);
    for name in names {
        request = request.header(name, upgrade(name));
    }
    let (response, watch) = request.open().await.unwrap();
    let mut connection = response.upgrade().await.unwrap();
    connection.write_all(b"y").await.unwrap();
    connection.read_exact(&mut echoed).await.unwrap();
    assert_eq!((&echoed, watch.generation()), (b"y", 1));
    serving.await.unwrap();
}
