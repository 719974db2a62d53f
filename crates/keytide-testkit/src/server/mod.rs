//! A server on 127.0.0.1 that misbehaves as the test says: [`FaultServer`].
//!
//! It is for tests of whatever asks an issuer over HTTP. The test says what a healthy answer looks like ([`Good`]) and
//! what goes wrong with it ([`Fault`]), and looks at what arrived ([`Received`]).
//!
//! ```
//! use keytide_testkit::server::{Fault, FaultServer, Good};
//!
//! # fn ask(url: &str) -> std::io::Result<String> {
//! #     use std::io::{Read, Write};
//! #     let address = url.trim_start_matches("http://").trim_end_matches("/token");
//! #     let mut stream = std::net::TcpStream::connect(address)?;
//! #     stream.write_all(b"GET /token HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
//! #     let mut text = String::new();
//! #     stream.read_to_string(&mut text)?;
//! #     Ok(text)
//! # }
//! // Given an issuer of OAuth tokens: token-1, token-2, …
//! let server = FaultServer::start(Good::oauth("token-"));
//! assert!(ask(&server.url("/token")).unwrap().contains("token-1"));
//!
//! // … that is busy once, and then down …
//! server.then(Fault::status(429).retry_after("7")).set(Fault::status(503));
//!
//! // … then that is what a client sees …
//! assert!(ask(&server.url("/token")).unwrap().contains("retry-after: 7"));
//! assert!(ask(&server.url("/token")).unwrap().contains("503 Service Unavailable"));
//!
//! // … until it is well again.
//! server.heal();
//! assert!(ask(&server.url("/token")).unwrap().contains("token-4"));
//! assert_eq!(server.requests().len(), 4);
//! ```
//!
//! # Connections
//! Each connection takes one request (`Connection: close`), so that a fault befalls the whole exchange. One fault keeps
//! connections, to close them unasked: [`Fault::closed_keep_alive`].
//!
//! # Time
//! The server has a thread and a runtime of its own and lives in real time, also under a test whose time is paused. A
//! paused runtime that only waits for a socket moves its clock to the next timer at once: a client's time limit then
//! ends every call. Such a test needs real time, or a fault that answers.
//!
//! # TLS
//! With the feature `tls`, `FaultServer::start_tls` serves HTTPS with a certificate of a test authority, whose root the
//! test hands to its client.

mod bomb;
mod connection;
mod fault;
mod field;
mod good;
mod marks;
mod plan;
mod play;
mod reply;
mod request;
mod shared;
mod thread;
#[cfg(feature = "tls")]
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

pub use self::fault::{At, Fault};
pub use self::field::{Change, Field};
pub use self::good::Good;
pub use self::reply::Reply;
pub use self::request::Received;
#[cfg(feature = "gcp")]
pub(crate) use self::request::decoded;
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use self::tls::{TestCa, TlsFault};
pub use crate::outcome::Outcome;

use self::shared::Shared;
#[cfg(feature = "gcp")]
pub(crate) use self::shared::real_time;
use self::thread::Thread;

/// An HTTP server that misbehaves as the test says. It ends when it is dropped.
///
/// Faults are scripted like the answers of a [`Script`](crate::Script): [`set`](Self::set) for all requests from now on,
/// [`then`](Self::then) for the next one that has no other.
#[derive(Debug)]
pub struct FaultServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    thread: Thread,
    tls: bool,
}

impl FaultServer {
    /// Serves HTTP on a free port of 127.0.0.1, with `good` as its answer until it is told otherwise.
    ///
    /// # Panics
    /// When no port or no thread can be had.
    #[must_use]
    pub fn start(good: impl Into<Good>) -> Self {
        Self::with(good.into(), None)
    }

    /// Serves HTTPS on a free port of 127.0.0.1, with a certificate of `ca` for `localhost`, `127.0.0.1` and `::1`.
    ///
    /// # Panics
    /// When no port or no thread can be had.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn start_tls(good: impl Into<Good>, ca: &TestCa) -> Self {
        Self::with(good.into(), Some(Arc::new(ca.acceptors())))
    }

    fn with(good: Good, tls: Option<Arc<connection::Acceptors>>) -> Self {
        let shared = Arc::new(Shared::new(good));
        let speaks_tls = tls.is_some();
        match Thread::start(Arc::clone(&shared), tls) {
            Ok((thread, address)) => Self {
                shared,
                address,
                thread,
                tls: speaks_tls,
            },
            Err(error) => panic!("a fault server needs a port of 127.0.0.1 and a thread: {error}"),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its origin, such as `http://127.0.0.1:40123`, without a slash at the end.
    #[must_use]
    pub fn origin(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The URL of a path, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// From now on every request meets this fault, once what was queued is used up.
    ///
    /// # Panics
    /// When the server cannot show it: see [`Fault::not_applicable`].
    pub fn set(&self, fault: Fault) -> &Self {
        self.shared.always(self.checked(fault));
        self
    }

    /// The next request that has no other meets this fault. One that happens before a request is read takes the next
    /// connection. [`Fault::none`] stands for the good answer.
    ///
    /// # Panics
    /// When the server cannot show it: see [`Fault::not_applicable`].
    pub fn then(&self, fault: Fault) -> &Self {
        self.shared.then(self.checked(fault));
        self
    }

    /// All is well again; what was queued is forgotten.
    pub fn heal(&self) -> &Self {
        self.shared.heal();
        self
    }

    /// Faults befall only the requests that fit, and leave the others alone: for protocols of several calls. Faults
    /// that happen before a request is read befall all.
    pub fn faults_only(&self, fits: impl Fn(&Received) -> bool + Send + Sync + 'static) -> &Self {
        self.shared.only(Arc::new(fits));
        self
    }

    /// The clock that `Date` shows, and that dates in `Retry-After` are reckoned by. Defaults to the machine's.
    pub fn time_from(&self, time: impl Fn() -> SystemTime + Send + Sync + 'static) -> &Self {
        self.shared.time_from(Arc::new(time));
        self
    }

    /// The requests that arrived whole, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.shared.asked()
    }

    /// How many requests arrived whole.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.shared.count()
    }

    /// How many connections came.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections()
    }

    /// How many connections are open now, as far as the server knows: it notices a client that has gone away within
    /// about a second.
    #[must_use]
    pub fn open(&self) -> usize {
        self.shared.open()
    }

    /// Forgets the requests and connections that it counted. [`Received::number`] goes on.
    pub fn forget(&self) {
        self.shared.forget();
    }

    /// What stands in every body that a fault sends, and must not turn up in an error or a log.
    #[must_use]
    pub fn body_canary(&self) -> &str {
        &self.shared.canary
    }

    /// What it answers when all is well.
    #[must_use]
    pub fn good(&self) -> &Good {
        &self.shared.good
    }

    /// Whether it speaks TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Refuses connections and cuts those that are there, until it is [restarted](Self::restart).
    ///
    /// # Panics
    /// When the server's thread has died.
    pub fn stop(&self) {
        if let Err(error) = self.thread.stop() {
            panic!("the fault server could not be stopped: {error}");
        }
    }

    /// Listens again, on the same port.
    ///
    /// # Panics
    /// When the port is taken by somebody else, for five seconds.
    pub fn restart(&self) {
        if let Err(error) = self.thread.listen() {
            panic!(
                "the fault server could not listen on {}: {error}",
                self.address
            );
        }
    }

    fn checked(&self, fault: Fault) -> Fault {
        match fault.not_applicable(self.good(), self.tls) {
            None => fault,
            Some(why) => panic!("this server cannot show the fault {fault}: {why}"),
        }
    }
}
