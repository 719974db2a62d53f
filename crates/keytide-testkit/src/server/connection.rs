//! One connection, from its first byte to its end.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::fault::{Fault, What};
use super::plan::plan;
use super::play::{End, gone, play};
use super::request::{Progress, Received};
use super::shared::Shared;
#[cfg(feature = "tls")]
pub(super) use super::tls::Acceptors;
#[cfg(feature = "tls")]
use super::tls::TlsFault;

/// How TLS connections are accepted: not without the feature.
#[cfg(not(feature = "tls"))]
pub(super) type Acceptors = std::convert::Infallible;

/// Serves a connection. How it ends for the client is the fault's affair, so errors are nobody's.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>, tls: Option<Arc<Acceptors>>) {
    let (open, fault) = shared.accepted();
    let _ = stream.set_nodelay(true);
    let _ = converse(stream, &shared, fault.as_ref(), tls.as_deref()).await;
    drop(open);
}

async fn converse(
    mut stream: TcpStream,
    shared: &Arc<Shared>,
    fault: Option<&Fault>,
    tls: Option<&Acceptors>,
) -> io::Result<()> {
    match fault.map(|fault| &fault.what) {
        Some(What::Reset(_)) => return reset(stream),
        Some(What::Hang(_)) => return gone(&mut stream).await,
        #[cfg(feature = "tls")]
        Some(What::Tls(TlsFault::Hangs)) => return gone(&mut stream).await,
        #[cfg(feature = "tls")]
        Some(What::Tls(TlsFault::PlainText)) => {
            let text = format!("HTTP/1.1 400 Bad Request\r\n\r\n{}", shared.canary);
            stream.write_all(text.as_bytes()).await?;
            stream.shutdown().await?;
            return gone(&mut stream).await;
        }
        _ => {}
    }
    match tls {
        None => {
            let end = requests(&mut stream, shared).await?;
            close(stream, end).await
        }
        #[cfg(not(feature = "tls"))]
        Some(never) => match *never {},
        #[cfg(feature = "tls")]
        Some(acceptors) => {
            let fault = match fault.map(|fault| &fault.what) {
                Some(What::Tls(fault)) => Some(*fault),
                _ => None,
            };
            let mut stream = acceptors.accept(stream, fault).await?;
            let end = requests(&mut stream, shared).await?;
            if end == End::Close {
                // The end of TLS before the end of TCP, so that a body that ends with the connection is whole.
                stream.shutdown().await?;
            }
            close(stream.into_inner().0, end).await
        }
    }
}

/// Answers requests until the connection is to end.
async fn requests<S>(stream: &mut S, shared: &Arc<Shared>) -> io::Result<End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = Vec::new();
    let Some(asked) = Received::read(stream, &mut buffer).await? else {
        return Ok(End::Close);
    };
    let (asked, fault) = shared.arrived(asked);
    let over = Over(Arc::clone(&asked.progress));
    let steps = plan(&fault, &shared.good, &asked, shared.now(), &shared.canary);
    let end = play(stream, steps, &asked.progress).await?;
    drop(over);
    if end == End::CloseAtNext {
        stream.read_u8().await?;
        return Ok(End::Reset);
    }
    Ok(end)
}

async fn close(mut stream: TcpStream, end: End) -> io::Result<()> {
    match end {
        End::Reset | End::CloseAtNext => reset(stream),
        End::Close => {
            stream.shutdown().await?;
            // What the client still sends is read: else its end would come as a reset, and take the answer with it.
            let _ = tokio::time::timeout(LINGER, gone(&mut stream)).await;
            Ok(())
        }
    }
}

/// Closes with a TCP RST.
fn reset(stream: TcpStream) -> io::Result<()> {
    stream.set_zero_linger()?;
    drop(stream);
    Ok(())
}

/// Marks an answer as over, also when the client hung up or the server stops.
struct Over(Arc<Progress>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.end();
    }
}

const LINGER: std::time::Duration = std::time::Duration::from_secs(1);
