//! For any URL, and wherever it is redirected to: what is not a destination never receives the header.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use keytide_http::{AuthorizeLayer, Cloned, Destination, NamedHeader};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};
use tower_http::follow_redirect::FollowRedirectLayer;

use crate::{Mint, builder};

/// Remembers all bytes that it receives. Redirects once to where it is told, or answers.
struct Peer {
    address: SocketAddr,
    received: Arc<Mutex<Vec<String>>>,
    redirect: Arc<Mutex<Option<String>>>,
}

impl Peer {
    async fn start(address: &str) -> Option<Self> {
        let listener = TcpListener::bind(address).await.ok()?;
        let peer = Self {
            address: listener.local_addr().ok()?,
            received: Arc::default(),
            redirect: Arc::default(),
        };
        let (received, redirect) = (Arc::clone(&peer.received), Arc::clone(&peer.redirect));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (received, redirect) = (Arc::clone(&received), Arc::clone(&redirect));
                tokio::spawn(async move {
                    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
                    while !all.windows(4).any(|end| end == b"\r\n\r\n") {
                        match stream.read(&mut buffer).await {
                            Ok(0) | Err(_) => break,
                            Ok(read) => all.extend_from_slice(&buffer[..read]),
                        }
                        // The start of a TLS handshake is not answered.
                        if all.first() == Some(&0x16) {
                            break;
                        }
                    }
                    received
                        .lock()
                        .unwrap()
                        .push(String::from_utf8_lossy(&all).into_owned());
                    let answer = match redirect.lock().unwrap().take() {
                        Some(to) => format!(
                            "HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}\r\ncontent-length: 0\r\n\
                             connection: close\r\n\r\n"
                        ),
                        None => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                            .into(),
                    };
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Some(peer)
    }

    fn port(&self) -> u16 {
        self.address.port()
    }

    fn with_secret(&self) -> Vec<String> {
        let received = self.received.lock().unwrap();
        let secret = |request: &&String| request.contains("token-");
        received.iter().filter(secret).cloned().collect()
    }
}

/// URLs made of what parsers disagree about. `A` is the port of the destination, `B` that of a stranger, `N` that of a
/// destination with one path.
fn urls() -> impl Strategy<Value = String> {
    let one_of = |parts: &'static [&'static str]| proptest::sample::select(parts);
    let scheme = one_of(&[
        "http://",
        "http://",
        "http://",
        "HTTP://",
        "http:/\\",
        "http:\\\\",
        "http:",
        "http:///",
        "https://",
        "ws://",
        "//",
        "/",
        "",
    ]);
    let user = one_of(&[
        "",
        "",
        "",
        "",
        "u@",
        "u:p@",
        "@",
        "127.0.0.1:A@",
        "127.0.0.1:A\\@",
        "127.0.0.1%3aA@",
        "127.0.0.1:A#@",
        "127.0.0.1:A/@",
        "127.0.0.1:A?@",
        "\t",
    ]);
    let host = one_of(&[
        "127.0.0.1",
        "127.0.0.1",
        "127.0.0.1",
        "127.0.0.2",
        "127.1",
        "0x7f000001",
        "017700000001",
        "localhost",
        "LocalHost",
        "localhost.",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0.0.0.0",
        "0",
        "①27.0.0.1",
        "127。0。0。1",
        "127%2e0.0.1",
        "127.0.0.1\\",
        "127.0.0.1%00",
        "[::1%25lo]",
        "",
    ]);
    let port = one_of(&[
        ":A",
        ":A",
        ":A",
        ":B",
        ":B",
        ":N",
        ":N",
        ":0A",
        ":",
        "",
        ":A@127.0.0.1:B",
        ":A.",
        ":+A",
        ":A\\@127.0.0.1:B",
        ":B#:A",
        ":B?:A",
    ]);
    let plain = one_of(&["http://127.0.0.1:A", "http://127.0.0.1:N/v1"]);
    let path = proptest::collection::vec(
        one_of(&[
            "/",
            "/",
            "/v1",
            "/v1",
            "/v1/",
            "/x",
            "/..",
            "/.",
            "/%2e%2e",
            "/..%2f",
            "/%2F",
            "/%5c",
            "\\",
            "//",
            "//127.0.0.1:B",
            "/\\127.0.0.1:B",
            "@127.0.0.1:B",
            ";",
            "?",
            "#",
            "%",
            "%00",
            "%252e",
            "\t",
            "\n",
            " ",
            "..",
            "é",
            "．．／",
            "http://127.0.0.1:B/",
        ]),
        0..6,
    );
    let odd =
        (scheme, user, host, port, path.clone()).prop_map(|(scheme, user, host, port, path)| {
            format!("{scheme}{user}{host}{port}{}", path.concat())
        });
    let plain = (plain, path).prop_map(|(start, path)| format!("{start}{}", path.concat()));
    prop_oneof![3 => odd, 2 => plain]
}

#[test]
fn whatever_the_url_the_header_is_absent_where_it_may_not_go() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let start = |address: String| runtime.block_on(async move { Peer::start(&address).await });
    let ours = start("127.0.0.1:0".to_owned()).unwrap();
    let stranger = start("127.0.0.1:0".to_owned()).unwrap();
    let narrow = start("127.0.0.1:0".to_owned()).unwrap();
    // The same ports on other addresses of this machine.
    let twins: Vec<Peer> = ["127.0.0.2", "[::1]"]
        .into_iter()
        .filter_map(|address| start(format!("{address}:{}", ours.port())))
        .collect();
    let cache = Mint::default().cache();
    let origin = |peer: &Peer| format!("http://127.0.0.1:{}", peer.port());
    let narrow_rule = || Destination::new(origin(&narrow)).path("/v1");
    let client = |named: bool| {
        let http = builder(&cache)
            .destination(origin(&ours))
            .destination(narrow_rule());
        let http = if named {
            http.credential_header("x-api-key")
        } else {
            http
        };
        http.build().unwrap()
    };
    let clients = [client(false), client(true)];
    let layer = AuthorizeLayer::builder(cache.clone())
        .destination(origin(&ours))
        .destination(narrow_rule())
        .attach(NamedHeader::new("x-api-key").unwrap())
        .copy_body(Cloned)
        .build()
        .unwrap();
    let hyper = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let below = FollowRedirectLayer::new().layer(layer.layer(hyper));

    let fill = |text: &str| {
        text.replace('A', &ours.port().to_string())
            .replace('B', &stranger.port().to_string())
            .replace('N', &narrow.port().to_string())
    };
    let mut runner = TestRunner::new(Config {
        cases: 700,
        failure_persistence: None,
        ..Config::default()
    });
    let case = (urls(), proptest::option::weighted(0.7, urls()));
    let result = runner.run(&case, |(url, onward)| {
        let url = fill(&url);
        let onward = onward
            .map(|url| fill(&url))
            .filter(|url| !url.bytes().any(|byte| byte.is_ascii_control()));
        let prepare = || {
            for peer in [&ours, &narrow] {
                peer.redirect.lock().unwrap().clone_from(&onward);
            }
        };
        runtime.block_on(async {
            for http in &clients {
                prepare();
                let _ = http.get(&url).timeout(Duration::from_secs(5)).send().await;
            }
            if let Ok(uri) = url.parse::<Uri>() {
                prepare();
                let mut request = http::Request::new(Empty::new());
                *request.uri_mut() = uri;
                let sending = below.clone().oneshot(request);
                let _ = tokio::time::timeout(Duration::from_secs(5), sending).await;
            }
        });
        for peer in [&stranger].into_iter().chain(&twins) {
            let leaked = peer.with_secret();
            prop_assert!(leaked.is_empty(), "{url:?} {onward:?}: {leaked:?}");
        }
        for request in narrow.with_secret() {
            let path = request.split(' ').nth(1).unwrap();
            let clear = path == "/v1" || path.starts_with("/v1/") || path.starts_with("/v1?");
            let path = path.split('?').next().unwrap().to_ascii_lowercase();
            let odd = ["%2e", "%2f", "%5c", "%25", "//", "\\", ";"]
                .into_iter()
                .any(|odd| path.contains(odd));
            let dots = path
                .split('/')
                .any(|segment| segment == "." || segment == "..");
            prop_assert!(!dots, "{url:?} {onward:?}: {path}");
            prop_assert!(clear && !odd, "{url:?} {onward:?}: {path}");
        }
        Ok(())
    });

    result.unwrap();
    // It is no wonder that nothing leaks where nothing is sent.
    assert!(
        ours.with_secret().len() > 100,
        "{}",
        ours.with_secret().len()
    );
    assert!(
        narrow.with_secret().len() > 10,
        "{}",
        narrow.with_secret().len()
    );
}
