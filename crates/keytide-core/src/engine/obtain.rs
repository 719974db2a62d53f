//! A reader's way from its wish to a credential: what can be had at once, and the wait for what cannot.

use std::sync::Arc;
use std::time::Duration;

use super::ask::{Limit, Next, passes};
use super::flight::Outcome;
use super::machine::Want;
use super::patience::{Patience, Turn};
use super::shared::Shared;
use crate::credential::Credential;
use crate::error::Error;
use crate::sys::time::Now;

/// What a wish came to without a wait.
pub(crate) enum Asked<'a> {
    Done(Result<Arc<Credential>, Error>),
    Waits(Asking<'a>),
}

/// A wish that has to wait.
pub(crate) struct Asking<'a> {
    want: Want<'a>,
    /// Whether the reader said how long it waits.
    stated: bool,
    patience: Patience,
    since: Now,
    next: Next,
}

impl Shared {
    /// Waits for a credential that fits.
    pub(crate) async fn obtain(
        self: &Arc<Self>,
        want: Want<'_>,
        limit: Limit,
    ) -> Result<Arc<Credential>, Error> {
        match self.ask(want, limit) {
            Asked::Done(result) => result,
            Asked::Waits(asking) => self.answer_to(asking).await,
        }
    }

    /// Takes what can be had at once, which may be the answer of an issuer that is asked here. Else the call is under way.
    pub(crate) fn ask<'a>(self: &Arc<Self>, mut want: Want<'a>, limit: Limit) -> Asked<'a> {
        if !self.could_last(want.least) {
            return Asked::Done(Err(self.too_short(want.least, Duration::ZERO)));
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
            Next::Serve(credential) => return Asked::Done(Ok(credential)),
            Next::Fail(error) => return Asked::Done(Err(error)),
            next => next,
        };
        if let Next::Wait(flight) = &next
            && let Some(Outcome::Issued(credential)) = flight.outcome()
            && let Some(fits) = self.fits_after_answer(&credential, &want, true)
        {
            return Asked::Done(fits.map(|()| credential));
        }
        Asked::Waits(Asking {
            want,
            stated,
            patience,
            since,
            next,
        })
    }

    /// Waits until there is a credential that fits, or none to be had.
    pub(crate) async fn answer_to(
        self: &Arc<Self>,
        asking: Asking<'_>,
    ) -> Result<Arc<Credential>, Error> {
        let Asking {
            want,
            stated,
            mut patience,
            since,
            mut next,
        } = asking;
        let (mut answered, mut first) = (false, true);
        loop {
            match next {
                Next::Serve(credential) => return Ok(credential),
                Next::Fail(error) => return Err(error),
                Next::Later(at, watched, seen) => {
                    match patience.turn(self, at, watched, seen).await {
                        Turn::Came => {}
                        Turn::OutOfPatience => return Err(self.out_of_patience(&patience)),
                        Turn::Unkept => return Err(self.unkept()),
                    }
                }
                Next::Wait(flight) => {
                    // One call has a limit of its own, but not while it waits for a place, nor the call after it.
                    let bounded = !flight.is_underway() || (stated || !first) && !flight.is_over();
                    let alarm = if bounded { patience.alarm(self) } else { None };
                    // What was answered at once has just been judged.
                    let at_once = flight.is_over();
                    match flight.wait(alarm).await {
                        Some(Outcome::Issued(credential)) => {
                            match self.fits_after_answer(&credential, &want, at_once) {
                                Some(fits) => return fits.map(|()| credential),
                                None => answered = true,
                            }
                        }
                        // One that was sent before this reader's refusal says nothing to it.
                        Some(Outcome::Unchanged) => {
                            let sent = flight.launched().map(|(sent, _)| sent);
                            let late = sent.is_some_and(|sent| sent.boot < since.boot);
                            answered = want.beyond.is_none() || !late;
                        }
                        Some(Outcome::Failed(_)) if flight.asked_for_another(want.origin) => {}
                        Some(Outcome::Failed(error)) if stated && passes(&error, &want) => {}
                        Some(Outcome::Failed(error)) => return Err(self.told(error, &want)),
                        Some(Outcome::Void) => {}
                        None => return Err(self.out_of_patience(&patience)),
                    }
                }
            }
            first = false;
            next = self.next(&want, answered, since, first);
        }
    }
}
