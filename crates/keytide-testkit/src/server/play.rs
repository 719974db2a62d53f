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
            Step::Repeat(bytes, total) => {
                let mut left = total.unwrap_or(u64::MAX);
                while left > 0 {
                    let most = usize::try_from(left).unwrap_or(usize::MAX);
                    let part = bytes.get(..most.min(bytes.len())).unwrap_or_default();
                    send(stream, part, progress).await?;
                    left -= part.len() as u64;
                    if progress.sent() > AT_FULL_SPEED {
                        tokio::time::sleep(SLOWED).await;
                    }
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

/// Who has read so much has no bound. The rest comes slowly, so that it does not take the machine's memory with it.
const AT_FULL_SPEED: u64 = 64 << 20;
const SLOWED: Duration = Duration::from_millis(10);
