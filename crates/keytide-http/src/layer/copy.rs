//! How a body is copied, where it can be: [`CopyBody`].

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Buf;
use http_body::Body;

/// Copies the body of a request, so that it can be sent twice.
///
/// A copy should share the bytes, not duplicate them.
pub trait CopyBody<B>: Clone + Send + Sync + 'static {
    /// A copy that reads as the body does; `None` if there cannot be one, as of a stream.
    fn copy(&self, body: &B) -> Option<B>;
}

/// No body is copied.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCopy;

/// A body is copied by its own `Clone`.
///
/// Only for bodies whose clone reads from the beginning, as `http_body_util::Full` and `Empty` do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cloned;

impl<B> CopyBody<B> for NoCopy {
    fn copy(&self, _: &B) -> Option<B> {
        None
    }
}

impl<B: Clone> CopyBody<B> for Cloned {
    fn copy(&self, body: &B) -> Option<B> {
        Some(body.clone())
    }
}

impl<B, F> CopyBody<B> for F
where
    F: Fn(&B) -> Option<B> + Clone + Send + Sync + 'static,
{
    fn copy(&self, body: &B) -> Option<B> {
        self(body)
    }
}

/// All bytes of a body, where they are at hand: of one that is empty, or of a copy that is ready at once.
pub(super) fn bytes_of<B: Body>(copy: &impl CopyBody<B>, body: &B) -> Option<Vec<u8>> {
    if body.is_end_stream() {
        return Some(Vec::new());
    }
    let mut copy = pin!(copy.copy(body)?);
    let (mut bytes, mut context) = (Vec::new(), Context::from_waker(Waker::noop()));
    loop {
        match copy.as_mut().poll_frame(&mut context) {
            Poll::Ready(None) => return Some(bytes),
            Poll::Ready(Some(Ok(frame))) => {
                if let Ok(mut data) = frame.into_data() {
                    while data.has_remaining() {
                        let chunk = data.chunk();
                        bytes.extend_from_slice(chunk);
                        let read = chunk.len();
                        data.advance(read);
                    }
                }
            }
            Poll::Ready(Some(Err(_))) | Poll::Pending => return None,
        }
    }
}
