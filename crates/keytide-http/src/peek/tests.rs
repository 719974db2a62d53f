use std::future::{pending, ready};
use std::task::Waker;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};

use super::*;

#[tokio::test]
async fn a_body_of_known_length_is_looked_at_and_given_back_whole() {
    for (length, seen) in [(0, true), (5, true), (100, true), (101, false)] {
        let body = Bytes::from(vec![b'x'; length]);

        let (looked, whole) = peek(Full::new(body.clone()), 100, pending()).await;

        assert_eq!(looked.is_some(), seen, "{length}");
        if let Some(looked) = looked {
            assert_eq!(looked, body);
        }
        assert_eq!(whole.size_hint().exact(), Some(length as u64));
        assert_eq!(whole.is_end_stream(), length == 0);
        assert_eq!(whole.collect().await.unwrap().to_bytes(), body);
    }
    let (looked, whole) = peek(Empty::<Bytes>::new(), 100, pending()).await;
    assert_eq!(looked.as_deref(), Some(&b""[..]));
    assert!(whole.is_end_stream());
}

#[tokio::test]
async fn a_body_of_unknown_length_is_not_touched() {
    let unknown = Pieces(vec![Ok(b"later")], UNKNOWN);

    let (looked, whole) = peek(unknown, 100, pending()).await;

    assert!(looked.is_none());
    assert_eq!(whole.rest.0.len(), 1);
    assert_eq!(whole.collect().await.unwrap().to_bytes(), "later");
}

const UNKNOWN: u64 = u64::MAX;

/// Says a length, gives these pieces, then perhaps breaks off.
struct Pieces(Vec<Result<&'static [u8], ()>>, u64);

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready((!self.0.is_empty()).then(|| match self.0.remove(0) {
            Ok(piece) => Ok(Frame::data(Bytes::from_static(piece))),
            Err(()) => Err(std::io::Error::other("reset")),
        }))
    }

    fn size_hint(&self) -> SizeHint {
        if self.1 == UNKNOWN {
            SizeHint::default()
        } else {
            SizeHint::with_exact(self.1)
        }
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_given_back_with_what_came_and_the_error() {
    let (looked, mut whole) = peek(
        Pieces(vec![Ok(b"ab"), Ok(b"cd"), Err(())], 10),
        100,
        pending(),
    )
    .await;

    assert!(looked.is_none());
    for piece in ["ab", "cd"] {
        let frame = whole.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), piece);
    }
    let error = whole.frame().await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "reset");
    assert!(whole.frame().await.is_none());
}

#[tokio::test]
async fn a_body_that_lies_about_its_length_is_not_read_to_its_end() {
    let endless = vec![Ok(&b"0123456789"[..]); 1000];

    let (looked, whole) = peek(Pieces(endless, 10), 100, pending()).await;

    assert!(looked.is_none());
    assert!(whole.rest.0.len() > 980, "{} are left", whole.rest.0.len());
    assert_eq!(whole.collect().await.unwrap().to_bytes().len(), 10_000);
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_given_back_with_what_came() {
    let (looked, mut whole) = peek(Stalls(0), 100, ready(())).await;

    assert!(looked.is_none());
    let first = whole.frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "ab");
    let second = whole.frame().await.unwrap().unwrap();
    assert_eq!(second.into_data().unwrap(), "cd", "nothing is lost");
}

/// Gives a piece, has the next one waited for, and gives it then.
struct Stalls(u8);

impl Body for Stalls {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0 += 1;
        let piece = |bytes| Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(bytes)))));
        match self.0 {
            1 => piece(b"ab"),
            2 => Poll::Pending,
            _ => piece(b"cd"),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(4)
    }
}

#[test]
fn a_body_in_pieces_of_nothing_is_handed_over_and_no_poll_takes_long() {
    let nothing = vec![Ok(&b""[..]); 2 * MOST_FRAMES];
    let mut context = Context::from_waker(Waker::noop());
    let mut looking = pin!(peek(Pieces(nothing, 10), 100, pending()));

    let mut polls = 1;
    let (looked, whole) = loop {
        match looking.as_mut().poll(&mut context) {
            Poll::Ready(done) => break done,
            Poll::Pending => polls += 1,
        }
    };

    assert!(looked.is_none());
    assert_eq!(whole.rest.0.len(), MOST_FRAMES);
    assert!(polls >= MOST_FRAMES / FRAMES_A_POLL, "{polls}");
}
