//! Looking at a body and giving it back whole: [`ResponseBody`].

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of a response, as it came. What was read of it to learn why a request was refused comes first.
    pub struct ResponseBody<B: Body> {
        ahead: Option<Box<Ahead<B::Data, B::Error>>>,
        #[pin]
        rest: B,
    }
}

/// What was read already.
struct Ahead<D, E> {
    frames: VecDeque<Frame<D>>,
    /// How the body broke off.
    failed: Option<E>,
    /// Bytes in the frames.
    size: u64,
}

impl<B: Body> ResponseBody<B> {
    pub(crate) fn untouched(body: B) -> Self {
        Self {
            ahead: None,
            rest: body,
        }
    }
}

impl<B: Body + Unpin> ResponseBody<B> {
    /// [`peek`] at one that is untouched.
    #[cfg(feature = "tower")]
    pub(crate) async fn peeked(
        self,
        most: u64,
        end: impl Future<Output = ()>,
    ) -> (Option<Vec<u8>>, Self) {
        peek(self.rest, most, end).await
    }
}

/// Reads a body whose length is known and at most `most`. Gives the bytes, if that is so, all of them came before `end`
/// and each piece lies in one place; and the body, whole: what was read of it by then comes first.
///
/// `end` is asked only where the body is not there yet. However a peer cuts its body up, no poll takes long, and what it
/// sends without an end is handed over.
pub(crate) async fn peek<B: Body + Unpin>(
    mut body: B,
    most: u64,
    end: impl Future<Output = ()>,
) -> (Option<Vec<u8>>, ResponseBody<B>) {
    let Some(length) = body.size_hint().exact().filter(|length| *length <= most) else {
        return (None, ResponseBody::untouched(body));
    };
    let mut bytes = Some(Vec::with_capacity(usize::try_from(length).unwrap_or(0)));
    let mut ahead = Ahead {
        frames: VecDeque::new(),
        failed: None,
        size: 0,
    };
    let mut end = pin!(end);
    loop {
        let next = poll_fn(|context| match Pin::new(&mut body).poll_frame(context) {
            Poll::Ready(frame) => Poll::Ready(Next::Came(frame)),
            Poll::Pending => end.as_mut().poll(context).map(|()| Next::Late),
        });
        let frame = match next.await {
            Next::Came(Some(frame)) => frame,
            Next::Came(None) => break,
            Next::Late => {
                bytes = None;
                break;
            }
        };
        match frame {
            Ok(frame) => {
                if let Some(data) = frame.data_ref() {
                    ahead.size += data.remaining() as u64;
                    match &mut bytes {
                        Some(bytes) if data.chunk().len() == data.remaining() => {
                            bytes.extend_from_slice(data.chunk());
                        }
                        _ => bytes = None,
                    }
                }
                ahead.frames.push_back(frame);
            }
            Err(error) => {
                (ahead.failed, bytes) = (Some(error), None);
                break;
            }
        }
        // A body that lies about its length is not read to its end, nor is one in pieces of nothing.
        if ahead.size > most || ahead.frames.len() >= MOST_FRAMES {
            bytes = None;
            break;
        }
        if ahead.frames.len().is_multiple_of(FRAMES_A_POLL) {
            yield_now().await;
        }
    }
    let whole = ResponseBody {
        ahead: Some(Box::new(ahead)),
        rest: body,
    };
    (bytes, whole)
}

/// What became of the wait for a piece.
enum Next<F> {
    Came(Option<F>),
    Late,
}

/// Lets others run on this thread.
async fn yield_now() {
    let mut is_first = true;
    poll_fn(|context| {
        if std::mem::take(&mut is_first) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        if let Some(ahead) = this.ahead {
            if let Some(frame) = ahead.frames.pop_front() {
                if let Some(data) = frame.data_ref() {
                    ahead.size -= data.remaining() as u64;
                }
                return Poll::Ready(Some(Ok(frame)));
            }
            if let Some(error) = ahead.failed.take() {
                return Poll::Ready(Some(Err(error)));
            }
        }
        *this.ahead = None;
        this.rest.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        let ahead = self.ahead.as_ref();
        ahead.is_none_or(|ahead| ahead.frames.is_empty() && ahead.failed.is_none())
            && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.size_hint();
        let Some(ahead) = &self.ahead else {
            return rest;
        };
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(ahead.size));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(ahead.size));
        }
        hint
    }
}

impl<B: Body> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}

/// For how long a body is waited for that is to be looked at. What refuses a credential is sent in one piece with its
/// headers, or right behind them; whoever holds it back holds up nobody for longer.
pub(crate) const LONGEST_LOOK: Duration = Duration::from_millis(250);
/// Servers send pieces of many bytes: 64 KiB in fewer than 16 each are none that a refusal comes in.
const MOST_FRAMES: usize = 4096;
const FRAMES_A_POLL: usize = 64;

#[cfg(test)]
mod tests;
