//! What a waiting reader does next: take what is there, join the flight, start one, or fail.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use super::Ended;
use super::flight::{Flight, Outcome};
use super::read::with_cause;
use super::shared::{Shared, Verdict};
use super::state::State;
use super::timer::After;
use crate::credential::Credential;
use crate::error::{Error, ErrorKind};
use crate::event::{EventKind, Trigger};
use crate::home::deadline::Deadline;
use crate::time::{Boot, Now};

/// What a reader asks for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Want<'a> {
    /// How much life must be left.
    pub(crate) least: Duration,
    /// Where it is to be sent.
    pub(crate) origin: Option<&'a str>,
    /// The issuer must have been asked since this generation was used.
    pub(crate) beyond: Option<u64>,
    /// Ask the issuer in any case.
    pub(crate) by_name: bool,
}

/// What to do next.
enum Step {
    Serve(Arc<Credential>),
    Fail(Error),
    Wait(Arc<Flight>),
    /// Look again at this instant: a call was forced within the shortest pace.
    Later(Boot),
}

impl Shared {
    /// Waits for a credential that fits, for as long as flights take, or until `patience` ends.
    pub(crate) async fn obtain(
        self: &Arc<Self>,
        want: Want<'_>,
        patience: Option<Duration>,
    ) -> Result<Arc<Credential>, Error> {
        if !self.could_last(want.least) {
            return Err(self.too_short(want.least, Duration::ZERO));
        }
        let deadline = patience.map(|patience| Deadline::new(&self.agent.homes, patience));
        let since = self.context.clock.now();
        let mut answered = false;
        loop {
            let flight = match self.next_step(want, answered) {
                Step::Serve(credential) => return Ok(credential),
                Step::Fail(error) => return Err(error),
                Step::Wait(flight) => flight,
                Step::Later(at) => {
                    let turn = self.turn_at(at);
                    if turn.is_kept() && comes_before(&turn, deadline.as_ref()).await {
                        continue;
                    }
                    let ended = Some(&turn).filter(|turn| !turn.is_kept());
                    return Err(self.out_of_patience(patience, ended.or(deadline.as_ref())));
                }
            };
            match flight.wait(deadline.as_ref().map(Deadline::alarm)).await {
                Some(Outcome::Issued(credential)) => {
                    match self.fits_after_answer(&credential, want) {
                        Some(Ok(())) => return Ok(credential),
                        Some(Err(error)) => return Err(error),
                        None => answered = true,
                    }
                }
                // One that was sent before this reader's refusal says nothing to it.
                Some(Outcome::Unchanged) => {
                    let late = flight.sent().is_some_and(|sent| sent.boot < since.boot);
                    answered = want.beyond.is_none() || !late;
                }
                Some(Outcome::Failed(_)) if flight.asked_for_another(want.origin) => {}
                Some(Outcome::Failed(error)) => return Err(self.told(error, want)),
                Some(Outcome::Void) => {}
                None => return Err(self.out_of_patience(patience, deadline.as_ref())),
            }
        }
    }

    fn turn_at(&self, at: Boot) -> Deadline {
        let wait = self.context.clock.now().boot.until(at).max(SHORTEST_WAIT);
        Deadline::new(&self.agent.homes, wait)
    }

    fn out_of_patience(&self, patience: Option<Duration>, deadline: Option<&Deadline>) -> Error {
        if deadline.is_some_and(|deadline| !deadline.is_kept()) {
            let message = "no thread can be had to keep the deadline of a reader that waits";
            return self.error(ErrorKind::Unavailable, message);
        }
        let patience = patience.unwrap_or_default();
        let message = format!("no credential within {patience:?}; the refresh goes on");
        self.error(ErrorKind::TimedOut, &message)
    }

    /// Waits until the issuer may be asked again, but not beyond `limit`. Returns whether it may.
    pub(crate) async fn wait_for_pace(self: &Arc<Self>, limit: Duration) -> bool {
        let next = self.state.lock().pace.next;
        let wait = self.context.clock.now().boot.until(next).max(SHORTEST_WAIT);
        let deadline = Deadline::new(&self.agent.homes, wait.min(limit));
        std::future::poll_fn(|context| deadline.alarm().poll(context.waker())).await;
        deadline.is_kept() && wait <= limit
    }

    /// Decides under the lock: what was seen without it may have changed.
    fn next_step(self: &Arc<Self>, want: Want<'_>, answered: bool) -> Step {
        if let Some(error) = self.closed() {
            return Step::Fail(error);
        }
        let now = self.context.clock.now();
        self.mark_demand(now);
        let mut after = After::default();
        let mut state = self.state.lock();
        let step = self.decide(&mut state, want, answered, now, &mut after);
        drop(state);
        self.tell_past_expiry(now);
        // A refresh that this reader does not wait for is started behind its back.
        let launch = match &step {
            Step::Wait(_) => after.launch.take(),
            Step::Serve(_) | Step::Fail(_) | Step::Later(_) => None,
        };
        after.run();
        if let Some(launch) = launch {
            launch.enter(true);
        }
        step
    }

    fn decide(
        self: &Arc<Self>,
        state: &mut State,
        want: Want<'_>,
        answered: bool,
        now: Now,
        after: &mut After,
    ) -> Step {
        if let Some(error) = self.closed() {
            return Step::Fail(error);
        }
        let borrowed = self.slot.load();
        let trigger = match self.unmet(state, borrowed.get(), want, answered, now) {
            Ok(()) => {
                self.refresh_behind(state, borrowed.get(), now, after);
                return match borrowed.into_owned() {
                    Some(credential) => Step::Serve(credential),
                    None => Step::Fail(self.error(ErrorKind::Empty, "there is no credential yet")),
                };
            }
            Err(trigger) => trigger,
        };
        let current = borrowed.get();
        if self.ended() == Ended::ShutDown {
            return Step::Fail(self.error(
                ErrorKind::ShutDown,
                "the agent was shut down, nothing is refreshed",
            ));
        }
        if let Some(flight) = &state.flight {
            if !flight.is_overdue(now) {
                return Step::Wait(Arc::clone(flight));
            }
            after.retired = state.flight.take();
        }
        if answered && trigger != Trigger::Expired && trigger != Trigger::Invalidated {
            return Step::Fail(self.unhelped(state, trigger, current, want, now));
        }
        let at = self.may_start(state, trigger, current, now).err();
        let paced = self
            .pace_of(state, want.origin, current, trigger)
            .filter(|next| *next > now.boot);
        let forced = matches!(trigger, Trigger::Rejected | Trigger::Invalidated);
        if let Some(at) = at.filter(|at| forced && *at <= self.forced_floor(state))
            && paced.is_none()
        {
            return Step::Later(at);
        }
        if at.is_some() || paced.is_some() || !self.can_help(trigger, current, want.least) {
            return Step::Fail(self.unhelped(state, trigger, current, want, now));
        }
        if std::mem::take(&mut state.idle) {
            self.tell(state, now, EventKind::Resumed);
        }
        if trigger == Trigger::ByName {
            state.pace.reset();
        }
        after.launch = Some(self.begin(state, trigger, want.origin, current, now));
        match &state.flight {
            Some(flight) => Step::Wait(Arc::clone(flight)),
            None => {
                Step::Fail(self.error(ErrorKind::Unavailable, "the flight ended before it began"))
            }
        }
    }

    /// Starts the refresh that is due, for a reader who does not wait for it.
    fn refresh_behind(
        self: &Arc<Self>,
        state: &mut State,
        current: Option<&Credential>,
        now: Now,
        after: &mut After,
    ) {
        let Some(trigger) = self.due_now(state, current, now) else {
            return;
        };
        let free = self.ended() == Ended::No && state.flight.is_none();
        if free && self.may_start(state, trigger, current, now).is_ok() {
            if std::mem::take(&mut state.idle) {
                self.tell(state, now, EventKind::Resumed);
            }
            after.launch = Some(self.begin(state, trigger, None, current, now));
        }
    }

    /// What of the wish the current credential does not meet, as the reason for a call.
    fn unmet(
        &self,
        state: &State,
        current: Option<&Credential>,
        want: Want<'_>,
        answered: bool,
        now: Now,
    ) -> Result<(), Trigger> {
        if want.by_name && !answered {
            return Err(Trigger::ByName);
        }
        let Some(current) = current else {
            return Err(if state.withdrawn().is_some() {
                Trigger::Invalidated
            } else {
                Trigger::FirstUse
            });
        };
        let remaining = match self.judge(current, now) {
            Verdict::Usable(remaining) => remaining,
            Verdict::PastExpiry => {
                self.past_expiry.fetch_add(1, Ordering::Relaxed);
                Duration::ZERO
            }
            Verdict::Expired => return Err(Trigger::Expired),
        };
        if remaining > Duration::ZERO {
            self.renew_lease(current, remaining, now);
        }
        if remaining < want.least {
            return Err(Trigger::TooShort);
        }
        let asked_since = answered || want.beyond.is_none_or(|used| current.generation() > used);
        if !asked_since || state.refuses(want.origin, current.generation()) {
            return Err(Trigger::Rejected);
        }
        Ok(())
    }

    /// What became of a wish once the issuer has given a new generation; `None`: look again.
    fn fits_after_answer(
        &self,
        credential: &Credential,
        want: Want<'_>,
    ) -> Option<Result<(), Error>> {
        if self.closed().is_some() {
            return None;
        }
        let remaining = credential.remaining_at(self.context.clock.now());
        if remaining.is_zero() {
            return None;
        }
        if remaining < want.least {
            return Some(Err(self.too_short(want.least, remaining)));
        }
        Some(Ok(()))
    }

    /// No call is made for this wish now, or the one that was made did not help.
    fn unhelped(
        &self,
        state: &State,
        trigger: Trigger,
        current: Option<&Credential>,
        want: Want<'_>,
        now: Now,
    ) -> Error {
        let cause = state.pace.last_error();
        match (trigger, cause) {
            (Trigger::TooShort, cause) => {
                let remaining = current
                    .map(|current| current.remaining_at(now))
                    .unwrap_or_default();
                with_cause(self.too_short(want.least, remaining), cause)
            }
            (Trigger::Rejected, cause) => {
                let origin = want.origin.unwrap_or("a layer above");
                let message = format!(
                    "{origin} refused the credential, and the issuer has given no newer one"
                );
                with_cause(self.error(ErrorKind::Rejected, &message), cause)
            }
            (_, Some(error)) => error.clone(),
            (Trigger::Expired, None) => {
                let message =
                    "the credential has expired; the issuer was asked within the shortest pace";
                self.error(ErrorKind::Expired, message)
            }
            (_, None) => self.error(ErrorKind::Unavailable, "the issuer is not asked again yet"),
        }
    }

    /// What a failure of the flight means for this wish.
    fn told(&self, error: Error, want: Want<'_>) -> Error {
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

    /// When the origin that refused the current credential may force the next call.
    fn pace_of(
        &self,
        state: &State,
        origin: Option<&str>,
        current: Option<&Credential>,
        trigger: Trigger,
    ) -> Option<Boot> {
        if trigger != Trigger::Rejected {
            return None;
        }
        let generation = current?.generation();
        let rejections = &state.rare.as_ref()?.rejections;
        let of_origin = rejections.iter().find(|rejection| {
            Some(rejection.origin.as_ref()) == origin && rejection.generation == generation
        })?;
        Some(of_origin.next)
    }
}

impl State {
    /// Whether `origin` refused this generation, and the issuer was not asked since.
    pub(super) fn refuses(&self, origin: Option<&str>, generation: u64) -> bool {
        let (Some(origin), Some(rare)) = (origin, &self.rare) else {
            return false;
        };
        rare.rejections.iter().any(|rejection| {
            rejection.generation == generation
                && !rejection.vouched
                && rejection.origin.as_ref() == origin
        })
    }
}

/// Waits for a turn. Returns false where the reader's patience ends first.
async fn comes_before(turn: &Deadline, deadline: Option<&Deadline>) -> bool {
    std::future::poll_fn(|context| {
        if turn.alarm().poll(context.waker()).is_ready() {
            return Poll::Ready(true);
        }
        match deadline {
            Some(deadline) => deadline.alarm().poll(context.waker()).map(|()| false),
            None => Poll::Pending,
        }
    })
    .await
}

/// Between two looks at a pace that has passed.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);
