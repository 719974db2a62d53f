//! Looking at a body and giving it back whole: [`ResponseBody`].

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

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
    pub(crate) async fn peeked(self, most: u64) -> (Option<Vec<u8>>, Self) {
        peek(self.rest, most).await
    }
}

/// Reads a body whose length is known and at most `most`. Gives the bytes, if that is so, all of them came and each
/// piece lies in one place; and the body, whole.
pub(crate) async fn peek<B: Body + Unpin>(
    mut body: B,
    most: u64,
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
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
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
        // A body that lies about its length is not read to its end.
        if ahead.size > most {
            bytes = None;
            break;
        }
    }
    let whole = ResponseBody {
        ahead: Some(Box::new(ahead)),
        rest: body,
    };
    (bytes, whole)
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

#[cfg(test)]
mod tests;
