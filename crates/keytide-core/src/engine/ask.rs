//! A reader that waits: what the machine says is done, until there is a credential that fits or none to be had.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::decide::{Deferred, Words};
use super::flight::{Flight, Outcome};
use super::launch::{By, Launched};
use super::machine::{Ended, Want};
use super::machine::{Failed, Step, Why};
use super::patience::Patience;
use super::read::with_cause;
use super::shared::{REVOKED, SHUT_DOWN, Shared};
use super::state::State;
use super::watched::Watched;
use crate::credential::{Credential, Verdict};
use crate::error::{Error, ErrorKind, RetryAfter};
use crate::sync::slot::Borrowed;
use crate::sys::time::{Boot, Now};

/// What a reader does next.
pub(super) enum Next {
    Serve(Arc<Credential>),
    Fail(Error),
    Wait(Arc<Flight>),
    /// The flight was answered where it was launched.
    Landed(Arc<Flight>, Outcome),
    /// Look again at this instant, or when there is a newer generation than this.
    Later(Boot, Arc<Watched>, u64),
}

/// How long a reader waits, and who keeps the time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    /// For as long as one call may take; it is told of the first failure.
    OneCall,
    /// This long, through failures that may pass.
    Patience(Duration),
    /// The same, and the reader's own thread ends the wait.
    OwnThread(Duration),
}

impl Shared {
    /// Decides under the lock: what was seen without it may have changed.
    pub(super) fn next(
        self: &Arc<Self>,
        want: &Want<'_>,
        answered: bool,
        since: Now,
        first: bool,
    ) -> Next {
        if let Some(error) = self.closed() {
            return Next::Fail(error);
        }
        let now = if first {
            since
        } else {
            self.context.clock.now_of_reader()
        };
        self.mark_demand(now);
        let mut after = Deferred::default();
        let mut state = self.state.lock();
        let borrowed = self.current(&state);
        let step = self.decide_on(
            borrowed.get(),
            &mut state,
            &mut after,
            now,
            Words::default(),
            |machine, seen, effects| machine.ask(seen, want, answered, effects),
        );
        // A refresh that this reader does not wait for is started behind its back.
        if step == Step::Wait
            && let Some(launch) = after.launch.take()
        {
            // Under the lock it is not the last reference.
            drop(borrowed);
            drop(state);
            // Who is woken for a flight that was retired may take any time.
            let decided = after.retired.is_none().then_some(now);
            after.run(self);
            return match launch.enter(self, By::Reader(decided)) {
                Launched::Landed(flight, outcome) => Next::Landed(flight, outcome),
                Launched::UnderWay(flight) => Next::Wait(flight),
            };
        }
        let next = self.done(step, &mut state, borrowed, want, now);
        drop(state);
        if let Next::Serve(credential) = &next {
            self.tell_past_expiry(credential, now);
        }
        after.run(self);
        next
    }

    /// What the machine said, with what it is about.
    fn done(
        &self,
        step: Step,
        state: &mut State,
        borrowed: Borrowed<Credential>,
        want: &Want<'_>,
        now: Now,
    ) -> Next {
        match step {
            Step::Serve(verdict) => {
                let Some(credential) = borrowed.into_owned() else {
                    return Next::Fail(self.error(ErrorKind::Empty, "there is no credential yet"));
                };
                match verdict {
                    Verdict::Usable(remaining) => self.renew_lease(&credential, remaining, now),
                    _ => {
                        credential.past_expiry.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Next::Serve(credential)
            }
            Step::Fail(why) => Next::Fail(self.refusal(why, state, borrowed.get(), want, now)),
            Step::Wait => match &state.flight {
                Some(flight) => Next::Wait(Arc::clone(flight)),
                None => Next::Fail(
                    self.error(ErrorKind::Unavailable, "the flight ended before it began"),
                ),
            },
            Step::Later(at) => {
                let seen = state.machine.generation();
                Next::Later(at, Arc::clone(state.watch()), seen)
            }
        }
    }

    /// Why no call is made for this wish now, or the one that was made did not help.
    fn refusal(
        &self,
        why: Why,
        state: &State,
        current: Option<&Credential>,
        want: &Want<'_>,
        now: Now,
    ) -> Error {
        let cause = state.last_error();
        match (why, cause) {
            (Why::Revoked, _) => self.error(ErrorKind::Revoked, REVOKED),
            (Why::ShutDown, _) => self.error(ErrorKind::ShutDown, SHUT_DOWN),
            (Why::TooShort, cause) => {
                let remaining = current
                    .map(|current| current.remaining_at(now))
                    .unwrap_or_default();
                with_cause(self.too_short(want.least, remaining), cause)
            }
            (Why::Rejected, cause) => {
                let origin = want.origin.unwrap_or("a layer above");
                let message = format!(
                    "{origin} refused the credential, and the issuer has given no newer one"
                );
                with_cause(self.error(ErrorKind::Rejected, &message), cause)
            }
            (Why::Failed(at), Some(cause)) => self.no_attempt_fits(at, cause, want, now),
            (Why::Expired, _) => {
                let message =
                    "the credential has expired; the issuer was asked within the shortest pace";
                self.error(ErrorKind::Expired, message)
            }
            (Why::Failed(_) | Why::NotYet, _) => {
                self.error(ErrorKind::Unavailable, "the issuer is not asked again yet")
            }
        }
    }

    /// The failure that sets the pace. A reader that would wait is also told that no attempt fits into its patience.
    fn no_attempt_fits(&self, at: Boot, cause: &Error, want: &Want<'_>, now: Now) -> Error {
        let Some(until) = want
            .until
            .filter(|_| at != Boot::FAR && failed(cause).may_pass())
        else {
            return cause.clone();
        };
        let (next, left) = (now.boot.until(at), now.boot.until(until));
        let message = format!(
            "the last call failed, and the next, in {next:?}, does not fit into the {left:?} that are left of the reader's patience"
        );
        self.error(cause.kind(), &message)
            .retry_at(RetryAfter::Delay(next))
            .caused_by(cause.clone())
    }

    pub(super) fn out_of_patience(&self, patience: &Patience) -> Error {
        if !patience.is_kept() {
            return self.unkept();
        }
        let limit = patience.limit();
        let message = format!("no credential within {limit:?}; the refresh goes on");
        let error = self.error(ErrorKind::TimedOut, &message);
        with_cause(error, self.state.lock().last_error())
    }

    pub(super) fn unkept(&self) -> Error {
        let message = "no thread can be had to keep the deadline of a reader that waits";
        self.error(ErrorKind::Unavailable, message)
    }

    /// What became of a wish once the issuer has given a new generation; `None`: look again.
    pub(super) fn fits_after_answer(
        &self,
        credential: &Credential,
        want: &Want<'_>,
        at_once: bool,
    ) -> Option<Result<(), Error>> {
        let remaining = if at_once {
            credential.lifetime()
        } else if self.foreign().is_some() {
            return None;
        } else {
            credential.remaining_at(self.context.clock.now_of_reader())
        };
        if self.ended() == Ended::Revoked {
            return None;
        }
        if remaining.is_zero() {
            return None;
        }
        if remaining < want.least {
            return Some(Err(self.too_short(want.least, remaining)));
        }
        Some(Ok(()))
    }

    /// What a failure of the flight means for this wish.
    pub(super) fn told(&self, error: Error, want: &Want<'_>) -> Error {
        if want.least.is_zero() && want.beyond.is_none() && want.origin.is_none() {
            return error;
        }
        let now = self.context.clock.now();
        let borrowed = self.slot.load();
        let usable = borrowed
            .get()
            .map(|current| current.remaining_at(now))
            .filter(|left| !left.is_zero());
        match usable {
            Some(remaining) if remaining < want.least => {
                self.too_short(want.least, remaining).caused_by(error)
            }
            Some(_) if want.origin.is_some() => {
                let message =
                    "the credential was refused, and the issuer could not be asked for a newer one";
                self.error(ErrorKind::Rejected, message).caused_by(error)
            }
            _ => error,
        }
    }
}

/// Whether a reader with patience waits through this failure.
pub(super) fn passes(error: &Error, want: &Want<'_>) -> bool {
    want.beyond.is_none() && !want.by_name && failed(error).may_pass()
}

/// A failure as the machine reckons with it, but for its place in a row.
fn failed(error: &Error) -> Failed {
    Failed {
        kind: error.kind(),
        repeated: false,
        until_changed: error.waits_for_change(),
        pause: None,
        relative: false,
    }
}
