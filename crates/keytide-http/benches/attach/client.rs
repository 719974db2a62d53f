//! Over reqwest: a GET over a kept-alive connection to this machine.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use http::Method;
use http::header::AUTHORIZATION;
use keytide_core::Cache;
use keytide_http::reqwest::{Client, Request};
use keytide_http::{AuthorizedClient, AuthorizedClientBuilder};
use tokio::runtime::Runtime;

use crate::{Send, value};

/// A client's thread, and a server.
pub(crate) struct Bench {
    runtime: Runtime,
    origin: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        Self {
            runtime,
            origin: serve(),
        }
    }

    pub(crate) fn fixed(&self) -> Send<'_> {
        let client = Client::builder().no_proxy().build().expect("a client");
        let value = value();
        Box::new(move || {
            self.runtime.block_on(async {
                let mut request = self.request();
                request.headers_mut().insert(AUTHORIZATION, value.clone());
                let response = client.execute(request).await.expect("a response");
                response.bytes().await.expect("a body");
            });
        })
    }

    pub(crate) fn ours(
        &self,
        cache: &Cache,
        configure: impl FnOnce(AuthorizedClientBuilder) -> AuthorizedClientBuilder,
    ) -> Send<'_> {
        let builder = AuthorizedClient::builder(Client::builder(), cache.clone());
        let client = configure(builder.destination(&*self.origin))
            .build()
            .expect("a client");
        Box::new(move || {
            self.runtime.block_on(async {
                let response = client.execute(self.request()).await.expect("a response");
                response.bytes().await.expect("a body");
            });
        })
    }

    fn request(&self) -> Request {
        Request::new(Method::GET, self.origin.parse().expect("a URL"))
    }
}

/// Answers each request with an empty 200, by threads of its own.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(|| answer(stream.expect("a connection")));
        }
    });
    origin
}

fn answer(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().expect("a connection"));
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
        if line == "\r\n" {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).expect("an answer is sent");
        }
        line.clear();
    }
}
