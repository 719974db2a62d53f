//! The way of a request, once for all faces: attach, send, judge the answer, and once more where that may help.

mod exchange;
mod headers;

use std::future::Future;
use std::sync::Arc;

use keytide_core::Credential;

pub(crate) use self::exchange::Exchange;
pub(crate) use self::headers::ReplayHeaders;
use crate::destination::DestinationId;
use crate::error::Error;
use crate::guard::{Attempt, Verdict};
use crate::peek::LONGEST_LOOK;
use crate::refusal::MOST_OF_A_BODY;

/// A request on its way to a destination that it was admitted to.
pub(crate) struct Unsent<X: Exchange> {
    to: DestinationId,
    request: X::Request,
    replay: Option<X::Replay>,
    supply: Supply,
    may_retry: bool,
}

/// Where the credential of a request comes from.
enum Supply {
    /// The one at hand; waited for where there is none.
    AtHand,
    /// Waited for: there is none at hand.
    #[cfg(feature = "tower")]
    Awaited,
    /// The one that took the place of a refused one.
    Renewed(Arc<Credential>),
}

/// A request that was answered, and what status and headers of the answer say.
pub(crate) struct Judged<X: Exchange> {
    attempt: Attempt,
    response: X::Response,
    /// `None`: the body must be looked at.
    verdict: Option<Verdict>,
    replay: Option<X::Replay>,
    may_retry: bool,
}

/// What came of a request.
#[cfg_attr(
    not(feature = "reqwest"),
    expect(
        dead_code,
        reason = "who follows no redirects needs the response alone"
    )
)]
pub(crate) struct Done<X: Exchange> {
    pub(crate) response: X::Response,
    pub(crate) generation: u64,
    /// What was kept for another request, such as one that a redirect asks for.
    pub(crate) replay: Option<X::Replay>,
    /// Whether another attempt is still to be had.
    pub(crate) may_retry: bool,
}

impl<X: Exchange> Unsent<X> {
    /// A request that goes with the credential at hand.
    #[cfg(feature = "reqwest")]
    pub(crate) fn new(
        exchange: &X,
        to: DestinationId,
        mut request: X::Request,
        may_retry: bool,
    ) -> Self {
        Self {
            to,
            replay: exchange.replay(&mut request, may_retry),
            request,
            supply: Supply::AtHand,
            may_retry,
        }
    }

    /// A request for which there was no credential at hand.
    #[cfg(feature = "tower")]
    pub(crate) fn awaiting(
        to: DestinationId,
        request: X::Request,
        replay: Option<X::Replay>,
    ) -> Self {
        Self {
            to,
            request,
            replay,
            supply: Supply::Awaited,
            may_retry: true,
        }
    }
}

/// Sends a request, and once more where its answer asks for that.
#[expect(
    clippy::manual_async_fn,
    reason = "an async fn moves its arguments once more"
)]
pub(crate) fn run<X: Exchange>(
    exchange: &X,
    mut unsent: Unsent<X>,
) -> impl Future<Output = Result<Done<X>, X::Error>> + Send {
    async move {
        loop {
            let attempt = match attach(exchange, &mut unsent)? {
                Some(attempt) => attempt,
                None => attach_awaited(exchange, unsent.to, &mut unsent.request).await?,
            };
            let sent = exchange.send(unsent.request, &attempt).await;
            let judged = judge(exchange, attempt, sent, unsent.replay, unsent.may_retry)?;
            if judged.is_fine() {
                return Ok(judged.done());
            }
            match settle(exchange, judged).await {
                Next::Done(done) => return Ok(done),
                Next::Again(again) => unsent = again,
            }
        }
    }
}

/// Does what an answer asks for.
#[cfg(feature = "tower")]
pub(crate) async fn conclude<X: Exchange>(
    exchange: &X,
    judged: Judged<X>,
) -> Result<Done<X>, X::Error> {
    match settle(exchange, judged).await {
        Next::Done(done) => Ok(done),
        Next::Again(unsent) => run(exchange, unsent).await,
    }
}

/// Judges an answer by its status and headers, and tells observers of the use that it ends.
#[inline]
pub(crate) fn judge<X: Exchange>(
    exchange: &X,
    mut attempt: Attempt,
    sent: Result<X::Response, X::Error>,
    replay: Option<X::Replay>,
    may_retry: bool,
) -> Result<Judged<X>, X::Error> {
    let guard = exchange.guard();
    let status = sent.as_ref().ok().map(|response| X::head(response).0);
    guard.tell_use(&mut attempt, status);
    let response = sent?;
    let (status, headers) = X::head(&response);
    Ok(Judged {
        verdict: guard.verdict(&attempt, status, headers),
        attempt,
        response,
        replay,
        may_retry,
    })
}

impl<X: Exchange> Judged<X> {
    /// Whether it is the response and nothing is to be done about it, as most are.
    #[inline]
    pub(crate) fn is_fine(&self) -> bool {
        self.verdict == Some(Verdict::Fine)
    }

    #[inline]
    pub(crate) fn done(self) -> Done<X> {
        Done {
            response: self.response,
            generation: self.attempt.generation,
            replay: self.replay,
            may_retry: self.may_retry,
        }
    }
}

/// Attaches the credential of its supply. `None`: wait for one.
fn attach<X: Exchange>(exchange: &X, unsent: &mut Unsent<X>) -> Result<Option<Attempt>, Error> {
    let to = unsent.to;
    let request = &mut unsent.request;
    match &unsent.supply {
        Supply::AtHand => {
            let limit = exchange.time_left();
            exchange.with(request, |guard, sending| guard.bind_now(to, limit, sending))
        }
        #[cfg(feature = "tower")]
        Supply::Awaited => Ok(None),
        Supply::Renewed(credential) => exchange.with(request, |guard, sending| {
            guard.bind(to, credential, sending)
        }),
    }
}

/// Waits for a credential and attaches it; again where it is superseded meanwhile.
async fn attach_awaited<X: Exchange>(
    exchange: &X,
    to: DestinationId,
    request: &mut X::Request,
) -> Result<Attempt, Error> {
    let life = exchange.time_left();
    loop {
        let guard = exchange.guard();
        let credential = guard.credential(to, life, exchange.time_left()).await?;
        let bound = exchange.with(request, |guard, sending| {
            guard.bind(to, &credential, sending)
        });
        if let Some(attempt) = bound? {
            return Ok(attempt);
        }
    }
}

/// What is done about an answer.
enum Next<X: Exchange> {
    Done(Done<X>),
    Again(Unsent<X>),
}

async fn settle<X: Exchange>(exchange: &X, judged: Judged<X>) -> Next<X> {
    let (mut judged, verdict) = examine(exchange, judged).await;
    let newer = match verdict {
        Verdict::Fine => return Next::Done(judged.done()),
        Verdict::AttachAgain => None,
        // The report counts from here on, whether or not anybody waits for what comes of it.
        Verdict::Refused(refusal) => {
            let guard = exchange.guard();
            Some(guard.report(&judged.attempt, &refusal, exchange.time_left()))
        }
    };
    let replay = judged.replay.take().filter(|_| judged.may_retry);
    let again = replay.and_then(|replay| exchange.again(replay, &judged.response));
    let Some(mut request) = again else {
        return Next::Done(judged.done());
    };
    let supply = match newer {
        None => Supply::AtHand,
        Some(newer) => match newer.await {
            Some(credential) => Supply::Renewed(credential),
            None => return Next::Done(judged.done()),
        },
    };
    Next::Again(Unsent {
        to: judged.attempt.to,
        replay: exchange.replay(&mut request, false),
        request,
        supply,
        may_retry: false,
    })
}

/// What an answer says of the credential. One whose body had to be looked at is given back whole.
async fn examine<X: Exchange>(exchange: &X, mut judged: Judged<X>) -> (Judged<X>, Verdict) {
    if let Some(verdict) = judged.verdict.take() {
        return (judged, verdict);
    }
    let guard = exchange.guard();
    let end = guard.sender.pause(LONGEST_LOOK);
    let (bytes, response) = X::peek(judged.response, MOST_OF_A_BODY, end).await;
    let (status, headers) = X::head(&response);
    let verdict = guard.verdict_of_body(&judged.attempt, status, headers, bytes.as_deref());
    (Judged { response, ..judged }, verdict)
}
