//! A connection that yields, whatever the peer sends: [`Paced`].

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use zeroize::Zeroizing;

/// The interim answers (1xx) of one request, counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Interim(Arc<AtomicUsize>);

impl Interim {
    pub(super) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn are_too_many(&self) -> bool {
        self.0.load(Ordering::Relaxed) > MOST_INTERIM
    }
}

/// Hands what is read to HTTP in small pieces, few at a time.
///
/// hyper takes interim answers out of what was read for as long as there are any, and reads on for as long as there is
/// something to read, all in one poll: a peer that sends them without end would hold the thread for seconds. Here a poll gets
/// 32 KiB at most before it has to yield, and nothing once there were too many.
pub(super) struct Paced<S> {
    stream: S,
    interim: Interim,
    /// Reads since it last yielded.
    reads: usize,
    piece: Zeroizing<Vec<u8>>,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, interim: Interim) -> Self {
        Self {
            stream,
            interim,
            reads: 0,
            piece: Zeroizing::new(vec![0; PIECE]),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.interim.are_too_many() {
            return Poll::Ready(Err(io::Error::other("too many interim answers")));
        }
        if this.reads == READS {
            this.reads = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let most = into.remaining().min(PIECE);
        let mut piece = ReadBuf::new(&mut this.piece[..most]);
        let read = Pin::new(&mut this.stream).poll_read(context, &mut piece);
        if read.is_pending() {
            this.reads = 0;
        }
        ready!(read)?;
        this.reads += 1;
        into.put_slice(piece.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// What is read at once: some 500 of the shortest answers fit.
const PIECE: usize = 8 << 10;
/// How often there is something to read until it yields.
const READS: usize = 4;
/// The most interim answers before the answer itself.
pub(in crate::client) const MOST_INTERIM: usize = 100;

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Always has more.
    struct Endless;

    impl AsyncRead for Endless {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            into: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let more = vec![b'x'; into.remaining()];
            into.put_slice(&more);
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn what_never_ends_yields_after_thirty_two_kibibytes() {
        let mut paced = Paced::new(Endless, Interim::default());
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            let mut bytes = 0;
            loop {
                let mut buffer = vec![0; 1 << 20];
                let mut into = ReadBuf::new(&mut buffer);
                match Pin::new(&mut paced).poll_read(&mut context, &mut into) {
                    Poll::Ready(read) => read.unwrap(),
                    Poll::Pending => break,
                }
                bytes += into.filled().len();
                assert!(bytes <= 1 << 20, "it never yields");
            }
            assert_eq!(bytes, 32 << 10);
        }
    }

    #[test]
    fn after_a_hundred_interim_answers_nothing_is_read() {
        let interim = Interim::default();
        let mut paced = Paced::new(Endless, interim.clone());
        let mut context = Context::from_waker(Waker::noop());
        let mut read = |paced: &mut Paced<Endless>| {
            let mut buffer = [0; 16];
            let mut into = ReadBuf::new(&mut buffer);
            Pin::new(paced).poll_read(&mut context, &mut into)
        };
        (0..100).for_each(|_| interim.count());
        assert!(matches!(read(&mut paced), Poll::Ready(Ok(()))));

        interim.count();

        assert!(matches!(read(&mut paced), Poll::Ready(Err(_))));
    }
}
