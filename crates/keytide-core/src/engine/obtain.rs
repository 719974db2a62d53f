//! A reader's way from its wish to a credential: what can be had at once, and the wait for what cannot.

use std::sync::Arc;
use std::time::Duration;

use super::ask::{Limit, Next, passes};
use super::flight::{Flight, Outcome};
use super::machine::Want;
use super::patience::{Patience, Turn};
use super::shared::Shared;
use crate::credential::Credential;
use crate::error::Error;
use crate::sys::time::Now;

/// What a wish came to without a wait.
pub(crate) enum Attempt<'a> {
    Done(Result<Arc<Credential>, Error>),
    Waits(PendingRead<'a>),
}

/// A wish that has to wait.
pub(crate) struct PendingRead<'a> {
    wish: Wish<'a>,
    patience: Patience,
    next: Next,
}

struct Wish<'a> {
    want: Want<'a>,
    /// Whether the reader said how long it waits.
    stated: bool,
    since: Now,
}

impl Shared {
    /// Waits for a credential that fits.
    pub(crate) async fn obtain(
        self: &Arc<Self>,
        want: Want<'_>,
        limit: Limit,
    ) -> Result<Arc<Credential>, Error> {
        match self.ask(want, limit) {
            Attempt::Done(result) => result,
            Attempt::Waits(pending) => self.answer_to(pending).await,
        }
    }

    /// Takes what can be had at once, which may be the answer of an issuer that is asked here. Else the call is under way.
    pub(crate) fn ask<'a>(self: &Arc<Self>, mut want: Want<'a>, limit: Limit) -> Attempt<'a> {
        if !self.could_last(want.least) {
            return Attempt::Done(Err(self.too_short(want.least, Duration::ZERO)));
        }
        let since = self.context.clock.now_of_reader();
        let (span, own_thread) = match limit {
            Limit::OneCall => (self.options.flight_limit, false),
            Limit::Patience(patience) => (patience, false),
            Limit::OwnThread(patience) => (patience, true),
        };
        let stated = !matches!(limit, Limit::OneCall);
        let patience = Patience::new(span, stated, own_thread, since);
        want.until = stated.then(|| patience.end());
        want.since = Some(since.boot);
        let next = match self.next(&want, false, since, true) {
            Next::Serve(credential) => return Attempt::Done(Ok(credential)),
            Next::Fail(error) => return Attempt::Done(Err(error)),
            Next::Landed(flight, Outcome::Issued(credential)) => {
                if let Some(fits) = self.fits_after_answer(&credential, &want, true) {
                    return Attempt::Done(fits.map(|()| credential));
                }
                Next::Landed(flight, Outcome::Issued(credential))
            }
            next => next,
        };
        let wish = Wish {
            want,
            stated,
            since,
        };
        Attempt::Waits(PendingRead {
            wish,
            patience,
            next,
        })
    }

    /// Waits until there is a credential that fits, or none to be had.
    pub(crate) async fn answer_to(
        self: &Arc<Self>,
        pending: PendingRead<'_>,
    ) -> Result<Arc<Credential>, Error> {
        let PendingRead {
            wish,
            mut patience,
            mut next,
        } = pending;
        let (mut answered, mut first) = (false, true);
        loop {
            let heard = match next {
                Next::Serve(credential) => return Ok(credential),
                Next::Fail(error) => return Err(error),
                Next::Later(at, watched, seen) => {
                    match patience.turn(self, at, watched, seen).await {
                        Turn::Came => None,
                        Turn::OutOfPatience => return Err(self.out_of_patience(&patience)),
                        Turn::Unkept => return Err(self.unkept()),
                    }
                }
                // What was answered at once has just been judged.
                Next::Landed(flight, outcome) => Some((flight, outcome, true)),
                Next::Wait(flight) => {
                    // One call has a limit of its own, but not while it waits for a place, nor the call after it.
                    let bounded =
                        !flight.is_underway() || (wish.stated || !first) && !flight.is_over();
                    let alarm = if bounded { patience.alarm(self) } else { None };
                    let at_once = flight.is_over();
                    let Some(outcome) = flight.wait(alarm).await else {
                        return Err(self.out_of_patience(&patience));
                    };
                    Some((flight, outcome, at_once))
                }
            };
            if let Some((flight, outcome, at_once)) = heard {
                match self.heard(&wish, &flight, outcome, at_once) {
                    Heard::Done(result) => return result,
                    Heard::Answered(by_now) => answered = by_now,
                    Heard::Nothing => {}
                }
            }
            first = false;
            next = self.next(&wish.want, answered, wish.since, first);
        }
    }

    /// What the outcome of a flight means for a wish.
    fn heard(&self, wish: &Wish<'_>, flight: &Flight, outcome: Outcome, at_once: bool) -> Heard {
        let want = &wish.want;
        match outcome {
            Outcome::Issued(credential) => {
                match self.fits_after_answer(&credential, want, at_once) {
                    Some(fits) => Heard::Done(fits.map(|()| credential)),
                    None => Heard::Answered(true),
                }
            }
            // One that was sent before this reader's refusal says nothing to it.
            Outcome::Unchanged => {
                let sent = flight.launched().map(|(sent, _)| sent);
                let late = sent.is_some_and(|sent| sent.boot < wish.since.boot);
                Heard::Answered(want.beyond.is_none() || !late)
            }
            Outcome::Failed(_) if flight.asked_for_another(want.origin) => Heard::Nothing,
            Outcome::Failed(error) if wish.stated && passes(&error, want) => Heard::Nothing,
            Outcome::Failed(error) => Heard::Done(Err(self.told(error, want))),
            Outcome::Void => Heard::Nothing,
        }
    }
}

/// What a reader hears of a flight.
enum Heard {
    Done(Result<Arc<Credential>, Error>),
    /// Look again: whether the issuer has answered since the reader began to wait.
    Answered(bool),
    Nothing,
}
