//! Sends an answer step by step: [`play`].

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::plan::Step;
use super::request::Progress;

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// All was sent: the connection is closed in order.
    Close,
    /// The connection is reset.
    Reset,
    /// Another request may come on this connection, and gets no answer.
    CloseAtNext,
}

pub(super) async fn play<S>(
    stream: &mut S,
    steps: Vec<Step>,
    progress: &Progress,
) -> io::Result<End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for step in steps {
        match step {
            Step::Send(bytes) => send(stream, &bytes, progress).await?,
            Step::Pause(time) => pause(stream, time).await?,
            Step::Dribble(bytes, time) => {
                for byte in bytes {
                    send(stream, &[byte], progress).await?;
                    tokio::time::sleep(time).await;
                }
            }
            Step::Repeat(bytes, None) => loop {
                send(stream, &bytes, progress).await?;
            },
            Step::Repeat(bytes, Some(total)) => {
                let mut left = usize::try_from(total).unwrap_or(usize::MAX);
                while left > 0 {
                    let part = bytes.get(..left.min(bytes.len())).unwrap_or_default();
                    send(stream, part, progress).await?;
                    left -= part.len();
                }
            }
            Step::Hang => gone(stream).await?,
            Step::Reset => return Ok(End::Reset),
            Step::CloseAtNext => {
                stream.flush().await?;
                return Ok(End::CloseAtNext);
            }
        }
    }
    stream.flush().await?;
    Ok(End::Close)
}

async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    mut bytes: &[u8],
    progress: &Progress,
) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = stream.write(bytes).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        progress.add(written);
        bytes = bytes.get(written..).unwrap_or_default();
    }
    stream.flush().await
}

/// Waits, but not for a client that has gone away.
async fn pause<S: AsyncRead + Unpin>(stream: &mut S, time: Duration) -> io::Result<()> {
    match tokio::time::timeout(time, gone(stream)).await {
        Ok(Ok(())) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(()),
    }
}

/// Until the client hangs up.
pub(super) async fn gone<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<()> {
    let mut thrown_away = [0; 1024];
    while stream.read(&mut thrown_away).await? > 0 {}
    Ok(())
}
