//! A provider's answer in the making: [`Answering`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use crate::error::Error;
use crate::provider::ProvideFuture;
use crate::provider::issued::Issued;
use crate::provider::request::Learned;
use crate::sync::discard;

/// A provider's answer in the making, with the request that it borrows.
pub(crate) struct Answering {
    asked: Option<ProvideFuture>,
}

/// An answer, and what the request brought beside it.
pub(crate) type Answered = (Result<Issued, Error>, Learned);

impl Answering {
    pub(crate) fn new(asked: ProvideFuture) -> Self {
        Self { asked: Some(asked) }
    }

    /// Polls the provider; a panic is an error, and so is one in what the panic leaves behind.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Answered> {
        let Some(asked) = &mut self.asked else {
            return Poll::Ready(failed("the provider was asked after it had answered"));
        };
        let polled = catch_unwind(AssertUnwindSafe(|| asked.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(answered)) => {
                self.discard();
                Poll::Ready(answered)
            }
            Err(payload) => {
                let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
                self.discard();
                Poll::Ready(failed("the provider panicked"))
            }
        }
    }

    fn discard(&mut self) {
        if let Some(asked) = self.asked.take() {
            discard(asked);
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.discard();
    }
}

fn failed(message: &str) -> Answered {
    (Err(Error::unavailable(message)), Learned::default())
}
