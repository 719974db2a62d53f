//! A provider's answer in the making: [`Answering`].

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use crate::error::Error;
use crate::provider::Answer;
use crate::provider::issued::Issued;

/// A provider's answer in the making, with the request that it borrows.
pub(crate) struct Answering {
    answer: Option<Answer<'static>>,
}

impl Answering {
    pub(crate) fn new(
        answer: impl Future<Output = Result<Issued, Error>> + Send + 'static,
    ) -> Self {
        Self {
            answer: Some(Box::pin(answer)),
        }
    }

    /// Polls the provider; a panic is an error, and so is one in what the panic leaves behind.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Issued, Error>> {
        let Some(answer) = &mut self.answer else {
            return Poll::Ready(Err(Error::unavailable(
                "the provider was asked after it had answered",
            )));
        };
        let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(result)) => {
                self.discard();
                Poll::Ready(result)
            }
            Err(payload) => {
                let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
                self.discard();
                Poll::Ready(Err(Error::unavailable("the provider panicked")))
            }
        }
    }

    fn discard(&mut self) {
        let answer = self.answer.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(answer)));
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.discard();
    }
}
