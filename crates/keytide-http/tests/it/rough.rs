//! Servers that are in a hurry, and callers who go away.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use keytide_http::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::server::{Server, answer, ok, unauthorized};
use crate::{Mint, Over, agent, builder, builder_over, client_over, over_both};

/// Serves each connection as told. Counts them.
async fn raw<F, S>(serve: F) -> (String, Arc<AtomicU64>, JoinHandle<()>)
where
    F: Fn(TcpStream) -> S + Send + Sync + 'static,
    S: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&connections);
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream));
        }
    });
    (origin, connections, serving)
}

/// What stands before the body.
async fn head(stream: &mut TcpStream) -> std::io::Result<String> {
    let (mut head, mut byte) = (Vec::new(), [0; 1]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).await?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).to_ascii_lowercase())
}

const REFUSAL: &[u8] =
    b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const FINE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_401_before_the_body_was_read_is_answered_with_the_whole_body() {
    const SIZE: usize = 8 << 20;
    let read = Arc::new(AtomicU64::new(0));
    let total = Arc::clone(&read);
    let (origin, _, serving) = raw(move |mut stream| {
        let total = Arc::clone(&total);
        async move {
            let head = head(&mut stream).await?;
            if head.contains("bearer token-1\r\n") {
                // The body stands in the socket's buffers, and beyond.
                stream.write_all(REFUSAL).await?;
                return stream.shutdown().await;
            }
            let mut body = vec![0; SIZE];
            stream.read_exact(&mut body).await?;
            total.fetch_add(
                body.iter().filter(|byte| **byte == b'x').count() as u64,
                Ordering::SeqCst,
            );
            stream.write_all(FINE).await
        }
    })
    .await;
    let (mint, mut fine) = (Mint::default(), 0);
    let cache = mint.cache();
    let http = builder(&cache).destination(&origin).build().unwrap();

    // The connection may break before the answer was read: then that is the error, and the next request is fine.
    for _ in 0..3 {
        match http
            .post(format!("{origin}/"))
            .body(vec![b'x'; SIZE])
            .send()
            .await
        {
            Ok(response) => {
                assert_eq!(response.status(), StatusCode::OK);
                fine += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Transport);
                cache.refresh_now().await.unwrap();
            }
        }
    }

    assert!(fine >= 2, "{fine}");
    assert_eq!(read.load(Ordering::SeqCst), fine * SIZE as u64);
    assert_eq!(mint.calls(), 2);
    serving.abort();
}

#[tokio::test]
async fn a_401_while_a_stream_is_still_being_sent_surfaces_and_is_reported() {
    let (origin, _, serving) = raw(|mut stream| async move {
        head(&mut stream).await?;
        stream.write_all(REFUSAL).await?;
        // It reads no more, and closes when the client does.
        let _ = stream.read(&mut [0; 1]).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        stream.shutdown().await
    })
    .await;
    let mint = Mint::default();
    let cache = mint.cache();
    let http = builder(&cache).destination(&origin).build().unwrap();
    let endless = http_body_util::StreamBody::new(Endless);

    let response = http
        .post(format!("{origin}/"))
        .body(reqwest::Body::wrap(endless))
        .send()
        .await
        .unwrap();

    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        cache
            .sender()
            .need(&origin)
            .get()
            .await
            .unwrap()
            .generation(),
        2
    );
    serving.abort();
}

/// A piece whenever it is asked.
struct Endless;

impl futures_core::Stream for Endless {
    type Item = Result<http_body::Frame<bytes::Bytes>, std::io::Error>;

    fn poll_next(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = bytes::Bytes::from_static(&[b'x'; 1024]);
        Poll::Ready(Some(Ok(http_body::Frame::data(piece))))
    }
}

#[tokio::test]
async fn a_server_that_closes_is_an_error_and_reports_nothing() {
    for cut in [
        &b""[..],
        b"HTTP/1.1 401 Unautho",
        b"HTTP/1.1 401 Unauthorized\r\nwww-auth",
    ] {
        let (origin, connections, serving) = raw(move |mut stream| async move {
            head(&mut stream).await?;
            stream.write_all(cut).await
        })
        .await;
        let mint = Mint::default();
        let cache = mint.cache();
        let http = builder(&cache).destination(&origin).build().unwrap();

        let error = http
            .get(format!("{origin}/?q=secret"))
            .send()
            .await
            .unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Transport);
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        assert_eq!(mint.calls(), 1);
        assert!(connections.load(Ordering::SeqCst) <= 2);
        serving.abort();
    }
}

#[tokio::test]
async fn a_403_whose_body_breaks_off_is_given_back_as_it_came() {
    let (origin, _, serving) = raw(|mut stream| async move {
        head(&mut stream).await?;
        let partial = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 100\r\n\r\n<Error><Code>ExpiredToken</Code>";
        stream.write_all(partial).await
    })
    .await;
    let mint = Mint::default();
    let cache = mint.cache();
    let http = builder(&cache).destination(&origin).build().unwrap();

    let mut response = http.get(format!("{origin}/a?b")).send().await.unwrap();

    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(response.url().as_str(), format!("{origin}/a?b"));
    assert_eq!(
        response.chunk().await.unwrap().unwrap(),
        "<Error><Code>ExpiredToken</Code>"
    );
    response.chunk().await.unwrap_err();
    assert_eq!(mint.calls(), 1, "what did not come whole is not judged");
    serving.abort();
}

#[tokio::test]
async fn a_403_whose_body_never_comes_is_given_back_with_what_came() {
    for status in ["400 Bad Request", "403 Forbidden"] {
        let (origin, _, serving) = raw(move |mut stream| async move {
            head(&mut stream).await?;
            let partial = format!("HTTP/1.1 {status}\r\ncontent-length: 100\r\n\r\n<Error>");
            stream.write_all(partial.as_bytes()).await?;
            std::future::pending().await
        })
        .await;
        let cache = Mint::default().cache();
        let http = builder(&cache).destination(&origin).build().unwrap();
        let sent = http.get(format!("{origin}/")).send();

        // How long it is looked at is told where the clock is a test's: see `layer`.
        let answered = tokio::time::timeout(Duration::from_secs(60), sent).await;

        let mut response = answered.expect("it waits for no body").unwrap();
        assert_eq!(response.status().to_string(), status);
        assert_eq!(response.chunk().await.unwrap().unwrap(), "<Error>");
        serving.abort();
    }
}

async fn a_403_that_is_looked_into_is_given_back_with_all_that_it_had(over: Over) {
    for length in [0, 5, 64 * 1024, 64 * 1024 + 1, 1 << 20] {
        let body = format!("{{\"__type\":\"x\",\"a\":\"{}\"}}", "y".repeat(length));
        let length = body.len();
        let server = Server::start(move |_| {
            let mut forbidden = answer(StatusCode::FORBIDDEN);
            *forbidden.body_mut() = body.clone().into();
            forbidden
                .headers_mut()
                .insert("x-their", "1".parse().unwrap());
            forbidden
        })
        .await;
        let cache = Mint::default().cache();
        let http = client_over(over, &cache, [&server]);

        let response = http.get(server.url("/a?b")).send().await.unwrap();

        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(response.version(), over.version());
        assert_eq!(response.headers()["x-their"], "1");
        assert_eq!(response.url().as_str(), server.url("/a?b"));
        assert_eq!(response.content_length(), Some(length as u64));
        assert!(response.remote_addr().is_some());
        assert_eq!(response.bytes().await.unwrap().len(), length);
    }
}

/// Mints `token-<call>`, and remembers the claims of each call.
#[derive(Clone, Default)]
struct Heeds(Arc<Mutex<Vec<Option<String>>>>);

impl ProvideCredential for Heeds {
    fn profile(&self) -> Profile {
        Profile::bearer("heeds")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let mut seen = self.0.lock().unwrap();
        seen.push(request.claims().map(str::to_owned));
        Ok(Issued::bearer(format!("token-{}", seen.len())).expires_in(Duration::from_secs(900)))
    }
}

async fn the_claims_of_a_challenge_reach_the_provider_and_its_uris_nobody(over: Over) {
    let claims = r#"{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}"#;
    let trap = Server::start(|_| ok()).await;
    let challenge = format!(
        "Bearer realm=\"\", authorization_uri=\"{}\", resource_metadata=\"{}\", error=\"insufficient_claims\", \
         claims=\"{}\"",
        trap.url("/authorize"),
        trap.url("/metadata"),
        STANDARD.encode(claims)
    );
    let server = Server::start(move |seen| {
        if seen.bears(2) {
            return ok();
        }
        let mut refusal = unauthorized();
        let challenge = challenge.parse().unwrap();
        refusal.headers_mut().insert("www-authenticate", challenge);
        refusal
    })
    .await;
    let heeds = Heeds::default();
    let cache = agent().cache(heeds.clone()).build().unwrap();
    let http = client_over(over, &cache, [&server]);

    let response = http.get(server.url("/")).send().await.unwrap();
    cache.refresh_now().await.unwrap();

    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        *heeds.0.lock().unwrap(),
        [None, Some(claims.to_owned()), None]
    );
    assert!(trap.seen().is_empty());
}

/// Answers when it is let.
#[derive(Clone)]
struct Gated(Arc<Semaphore>, Arc<AtomicU64>);

impl ProvideCredential for Gated {
    fn profile(&self) -> Profile {
        Profile::bearer("gated")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let call = self.1.fetch_add(1, Ordering::SeqCst) + 1;
        self.0
            .acquire()
            .await
            .map_err(|_| Error::unavailable("closed"))?
            .forget();
        Ok(Issued::bearer(format!("token-{call}")).expires_in(Duration::from_secs(900)))
    }
}

async fn a_request_that_is_dropped_at_any_poll_leaves_nothing_and_cancels_no_refresh(over: Over) {
    let server = Server::start(|seen| if seen.bears(1) { unauthorized() } else { ok() }).await;
    let mut polls = 0;
    loop {
        let (gate, calls) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicU64::new(0)));
        let provider = Gated(Arc::clone(&gate), Arc::clone(&calls));
        let cache = agent().cache(provider).build().unwrap();
        let http = builder_over(over, &cache)
            .destination(server.origin())
            .build()
            .unwrap();

        // It waits for the first token, is refused, waits for the second, and is sent again.
        let mut done = false;
        {
            let mut request = pin!(http.post(server.url("/")).body("body").send());
            for poll in 0..polls {
                let polled = request
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()));
                done = polled.is_ready();
                if done {
                    break;
                }
                if poll == 2 || poll == 30 {
                    gate.add_permits(1);
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }

        gate.add_permits(10);
        let credential = cache.get().await.unwrap();
        let begun = calls.load(Ordering::SeqCst);
        assert!(begun <= 2, "poll {polls}: {begun} calls");
        assert!(
            credential.generation() <= begun,
            "the call that was left is the one that served"
        );
        let weak = Arc::downgrade(&credential);
        drop((credential, http));
        drop(cache.revoke());
        for _ in 0..1000 {
            if weak.strong_count() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(
            weak.strong_count(),
            0,
            "poll {polls}: the credential is held by nobody"
        );
        if done {
            break;
        }
        polls += 1;
    }
    assert!(polls > 30, "{polls}: the second wait was reached");
}

over_both! {
    a_403_that_is_looked_into_is_given_back_with_all_that_it_had
    the_claims_of_a_challenge_reach_the_provider_and_its_uris_nobody
    a_request_that_is_dropped_at_any_poll_leaves_nothing_and_cancels_no_refresh
}
