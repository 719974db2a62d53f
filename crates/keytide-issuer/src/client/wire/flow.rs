//! One request on one connection: [`talk`], and the body of its answer, [`Flow`].

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::fault::Fault;
use super::paced::{Interim, Paced};

/// A connection, of whatever it is made.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The body of an answer, as it comes. Whoever reads it drives the connection: there is no task beside it that could live on,
/// and dropping it closes the connection.
pub(in crate::client) struct Flow {
    connection: Driven,
    body: Incoming,
}

/// A connection until it is over.
struct Driven(Option<Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>>);

impl Driven {
    /// What went wrong is told to the request.
    fn poll(&mut self, context: &mut Context<'_>) {
        if let Some(connection) = &mut self.0
            && connection.as_mut().poll(context).is_ready()
        {
            self.0 = None;
        }
    }
}

/// Sends a request on a connection that takes no other, and waits for the head of its answer.
pub(super) async fn talk(
    stream: Box<dyn Stream>,
    mut request: http::Request<Full<Bytes>>,
) -> Result<http::Response<Flow>, Fault> {
    let interim = Interim::default();
    let counted = interim.clone();
    hyper::ext::on_informational(&mut request, move |_| counted.count());
    let paced = TokioIo::new(Paced::new(stream, interim.clone()));
    let told = |error| {
        if interim.are_too_many() {
            Fault::Interim
        } else {
            Fault::Broken(error)
        }
    };

    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MOST_HEAD)
        .handshake(paced)
        .await
        .map_err(told)?;
    let mut connection = Driven(Some(Box::pin(connection)));
    let mut sent = pin!(sender.send_request(request));
    let response = poll_fn(|context| {
        connection.poll(context);
        sent.as_mut().poll(context)
    })
    .await
    .map_err(told)?;
    // They may have come all at once, with the answer behind them.
    if interim.are_too_many() {
        return Err(Fault::Interim);
    }
    Ok(response.map(|body| Flow { connection, body }))
}

impl Flow {
    /// How many bytes the answer says that it has, where it does.
    pub(in crate::client) fn announced(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// The next bytes of the body; `None` at its end.
    pub(in crate::client) async fn chunk(&mut self) -> Result<Option<Bytes>, hyper::Error> {
        loop {
            let frame = poll_fn(|context| self.poll_frame(context)).await;
            match frame.transpose()?.map(hyper::body::Frame::into_data) {
                None => return Ok(None),
                Some(Ok(data)) => return Ok(Some(data)),
                // Trailers say nothing that is read here.
                Some(Err(_)) => {}
            }
        }
    }

    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, hyper::Error>>> {
        self.connection.poll(context);
        Pin::new(&mut self.body).poll_frame(context)
    }
}

/// The most of a head that is read, a little above what is accepted of one.
const MOST_HEAD: usize = 80 << 10;
