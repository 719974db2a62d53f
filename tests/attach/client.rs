//! Over reqwest, to a real server: what one GET or POST allocates on the client's thread.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method};
use keytide_core::Cache;
use keytide_http::reqwest::{self, Body, Request};
use keytide_http::{AuthorizedClient, AuthorizedClientBuilder};
use tokio::runtime::Runtime;

use crate::{NAMES, allocations};

pub(crate) fn attaching_allocates_nothing_over_a_fixed_header(cache: &Cache) {
    let bench = Bench::new();
    let bare = bench.ours(cache, |builder| builder.without_retry().redirects(0));
    let following = bench.ours(cache, AuthorizedClientBuilder::without_retry);
    let owned = || Body::from("owned".to_owned());
    for headers in [0, 1, 20] {
        let fixed = bench.fixed(headers, None);
        assert_eq!(bare(headers, None), fixed, "{headers} headers");
        let fixed = bench.fixed(headers, Some(&owned));
        assert_eq!(
            bare(headers, Some(&owned)),
            fixed,
            "{headers} headers, a body"
        );
    }
    let fixed = bench.fixed(0, None);
    assert_eq!(following(0, None), fixed, "redirects are followed");
    println!("client: attaching_allocates_nothing_over_a_fixed_header: ok");
}

pub(crate) fn what_is_kept_for_a_retry_takes_an_allocation_for_headers_and_none_for_a_body(
    cache: &Cache,
) {
    let bench = Bench::new();
    let retrying = bench.ours(cache, |builder| builder);
    let fixed = &|| Body::from("fixed");
    let once_shared = Bytes::from(vec![b'x'; 100_000]);
    let shared = &|| Body::from(once_shared.clone());
    let owned = &|| Body::from(vec![b'x'; 100_000]);
    for (body, name) in [
        (None, "none"),
        (Some(fixed as &dyn Fn() -> Body), "fixed"),
        (Some(shared), "shared"),
        // reqwest shares it as well, for redirects of its own: what is counted once is not counted again.
        (Some(owned), "owned"),
    ] {
        for (headers, expected) in [(0, 0), (1, 1), (20, 1)] {
            let kept = retrying(headers, body) - bench.fixed(headers, body);

            assert_eq!(kept, expected, "{headers} headers, body: {name}");
        }
    }
    println!(
        "client: what_is_kept_for_a_retry_takes_an_allocation_for_headers_and_none_for_a_body: ok"
    );
}

/// A client's thread and a server.
struct Bench {
    runtime: Runtime,
    origin: String,
    plain: reqwest::Client,
}

type MakeBody<'a> = Option<&'a dyn Fn() -> Body>;

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            runtime,
            origin: serve(),
            plain: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// The allocations of one request by reqwest alone, with a header that was made once.
    fn fixed(&self, headers: usize, body: MakeBody<'_>) -> u64 {
        let value = HeaderValue::from_maybe_shared(Bytes::from_static(b"Bearer token")).unwrap();
        self.least(|| async {
            let mut request = self.request(headers, body);
            request.headers_mut().insert(AUTHORIZATION, value.clone());
            let response = self.plain.execute(request).await.unwrap();
            response.bytes().await.unwrap();
        })
    }

    /// The allocations of one request by a client of this configuration.
    fn ours(
        &self,
        cache: &Cache,
        configure: impl FnOnce(AuthorizedClientBuilder) -> AuthorizedClientBuilder,
    ) -> impl Fn(usize, MakeBody<'_>) -> u64 {
        let builder = AuthorizedClient::builder(reqwest::Client::builder(), cache.clone());
        let client = configure(builder.destination(&*self.origin))
            .build()
            .unwrap();
        move |headers, body| {
            self.least(|| async {
                let request = self.request(headers, body);
                let response = client.execute(request).await.unwrap();
                response.bytes().await.unwrap();
            })
        }
    }

    fn request(&self, headers: usize, body: MakeBody<'_>) -> Request {
        let url = self.origin.parse().unwrap();
        let mut request = Request::new(Method::POST, url);
        for name in NAMES.iter().take(headers) {
            let name = HeaderName::from_static(name);
            let value = HeaderValue::from_static("x");
            request.headers_mut().insert(name, value);
        }
        *request.body_mut() = body.map(|body| body());
        request
    }

    /// The fewest of some requests: now and then one of them also lets a buffer grow, and how often each waits for the other
    /// side depends on what else runs. So it goes on until it gets no better.
    fn least<F: Future<Output = ()>>(&self, send: impl Fn() -> F) -> u64 {
        self.runtime.block_on(async {
            send().await;
            let (mut least, mut unchanged) = (u64::MAX, 0);
            while unchanged < REQUESTS {
                let before = allocations();
                send().await;
                let took = allocations() - before;
                unchanged = if took < least { 0 } else { unchanged + 1 };
                least = least.min(took);
            }
            least
        })
    }
}

/// Answers each request with an empty 200, by threads of its own.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(|| answer(stream.unwrap()));
        }
    });
    origin
}

fn answer(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    let mut length = 0;
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink()).unwrap();
            length = 0;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .unwrap();
        }
        line.clear();
    }
}

const REQUESTS: usize = 200;
