//! A gRPC service over TLS, written by hand: [`Grpc`]. No generated code, so no compiler for protocol buffers.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use http::header::AUTHORIZATION;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{self, NamedService, ServerStreamingService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};
use tower::Service;

use crate::Issuer;

/// A unary method: gives back what it is given.
pub const ECHO: &str = "/example.Echo/Echo";
/// A streaming method: gives back what it is given, again and again.
pub const WATCH: &str = "/example.Echo/Watch";

/// Serves on a port of the loopback address with a certificate of its own, until the runtime ends.
#[derive(Debug)]
pub struct Grpc {
    address: SocketAddr,
    certificate: String,
    refused: Arc<AtomicU64>,
}

impl Grpc {
    /// Starts it.
    ///
    /// # Errors
    /// When no port can be had, or no certificate can be made.
    pub async fn start(issuer: &Issuer) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let refused = Arc::default();
        let tls = ServerTlsConfig::new().identity(Identity::from_pem(&certificate, key));
        let serving = Server::builder()
            .tls_config(tls)?
            .add_service(Echo(issuer.clone(), Arc::clone(&refused)))
            .serve_with_incoming(TcpIncoming::from(listener));
        tokio::spawn(serving);
        Ok(Self {
            address,
            certificate,
            refused,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// Calls that were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::SeqCst)
    }

    /// What a client must trust, in PEM.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }
}

/// Who bears no accepted token is told `UNAUTHENTICATED`.
#[derive(Clone)]
struct Echo(Issuer, Arc<AtomicU64>);

impl NamedService for Echo {
    const NAME: &'static str = "example.Echo";
}

type Answering = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answering {
        if !self.0.accepts(request.headers().get(AUTHORIZATION)) {
            self.1.fetch_add(1, Ordering::SeqCst);
            let refusal = Status::unauthenticated("who are you?").into_http();
            return Box::pin(async move { Ok(refusal) });
        }
        Box::pin(async move {
            let mut answering = server::Grpc::new(TextCodec);
            Ok(match request.uri().path() {
                ECHO => answering.unary(Once, request).await,
                WATCH => answering.server_streaming(Again, request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

struct Once;

impl UnaryService<String> for Once {
    type Response = String;
    type Future = std::future::Ready<Result<Response<String>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        std::future::ready(Ok(Response::new(request.into_inner())))
    }
}

struct Again;

impl ServerStreamingService<String> for Again {
    type Response = String;
    type ResponseStream = ReceiverStream<Result<String, Status>>;
    type Future = std::future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let (sender, receiver) = mpsc::channel(1);
        let text = request.into_inner();
        tokio::spawn(async move {
            while sender.send(Ok(text.clone())).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        std::future::ready(Ok(Response::new(ReceiverStream::new(receiver))))
    }
}

/// Messages that are text and nothing else.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextCodec;

impl Codec for TextCodec {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for TextCodec {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, item: String, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(item.as_bytes());
        Ok(())
    }
}

impl Decoder for TextCodec {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes: Bytes = buffer.copy_to_bytes(buffer.remaining());
        String::from_utf8(bytes.into())
            .map(Some)
            .map_err(|_| Status::invalid_argument("it is not UTF-8"))
    }
}
