//! What the contract allows, told by the contract and not by the code that is judged.

use std::time::Duration;

use super::calls::Calls;
use super::readers::Reader;
use super::rules::left;
use super::trace::Input;
use super::world::Flight;
use crate::credential::{Ends, Held, Verdict};
use crate::engine::life::Life;
use crate::engine::machine::{Answer, Effects, Ended, Named, SlotChange, Step, Why};
use crate::engine::options::{LongLived, Options};
use crate::error::ErrorKind;
use crate::profile::CredentialKind;
use crate::sys::time::{Boot, Now};

/// What was there when the machine was asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) now: Now,
    pub(super) current: Option<&'a Held>,
    pub(super) withdrawn: Option<&'a Held>,
    pub(super) flight: Option<&'a Flight>,
    pub(super) options: &'a Options,
    pub(super) look: Boot,
}

/// An origin refused a generation, and the issuer was not asked since.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) origin: &'static str,
    pub(super) generation: u64,
    pub(super) reported: Boot,
    pub(super) claims: Option<&'static str>,
    /// It has not refused anything for long, and no call was made for it.
    pub(super) fresh: bool,
}

/// What must be so by all that has happened.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    /// The first thing that was not as it must be.
    pub(super) fault: Option<String>,
    pub(super) ended: Option<Ended>,
    pub(super) generation: u64,
    /// The ends of what was published, until they have come.
    pub(super) accepted: Vec<Ends>,
    pub(super) standing: Vec<Standing>,
    /// What each origin said last, whether the issuer was asked since or not.
    pub(super) claimed: Vec<Standing>,
    /// When each origin last refused anything.
    last_refusals: Vec<(&'static str, Boot)>,
    /// The issuer said no since the last success.
    pub(super) refused: bool,
    pub(super) calls: Calls,
}

impl Oracle {
    pub(super) fn check(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds && self.fault.is_none() {
            self.fault = Some(fault());
        }
    }

    pub(super) fn refuses(&self, origin: Option<&str>, generation: u64) -> Option<&Standing> {
        self.standing
            .iter()
            .find(|known| Some(known.origin) == origin && known.generation == generation)
    }

    /// One decision.
    pub(super) fn effects(&mut self, input: &Input, effects: &Effects, scene: &Scene<'_>) {
        let Scene {
            current, withdrawn, ..
        } = *scene;
        let was_out = scene.flight.is_none();
        self.check(!effects.retired || !was_out, || {
            "nothing was under way that could be retired".into()
        });
        self.check(
            effects.begin.is_none() || was_out || effects.retired,
            || "a second flight begins beside the current one".into(),
        );
        let fits = match effects.slot {
            SlotChange::Keep => true,
            SlotChange::Withdraw => {
                matches!(input, Input::Invalidate(generation) if is_of(scene, *generation))
            }
            SlotChange::Reinstate => {
                matches!(input, Input::Vouch { .. }) && current.is_none() && withdrawn.is_some()
            }
            SlotChange::Clear => matches!(input, Input::Revoke),
        };
        self.check(fits, || format!("{:?} by {input:?}", effects.slot));
        if let Some(look) = effects.look {
            self.check(look.former == scene.look, || {
                format!("{look:?} replaces one that is not set: {:?}", scene.look)
            });
            let spins = matches!(input, Input::Timer) && look.at <= scene.now.boot;
            self.check(!spins, || format!("{look:?} is at once again"));
        }
        self.learn(input, effects, scene);
        if let Some(begin) = &effects.begin {
            self.begins(begin, input, scene);
        }
        if let Some(ended) = self.ended {
            let rests =
                effects.begin.is_none() && effects.look.is_none_or(|look| look.at == Boot::FAR);
            self.check(rests, || format!("{ended:?}, and yet {effects:?}"));
        }
    }

    fn learn(&mut self, input: &Input, effects: &Effects, scene: &Scene<'_>) {
        let (now, min_interval) = (scene.now, scene.options.min_interval());
        match input {
            Input::Reject {
                generation,
                origin,
                claims,
            } if is_of(scene, *generation) => self.reject(*generation, origin, *claims, now),
            Input::Vouch { sent } => {
                let generation = self.generation;
                self.standing
                    .retain(|known| known.generation != generation || known.reported > sent.boot);
                self.refused = false;
                let remaining = scene.current.or(scene.withdrawn);
                let remaining = remaining.map(|held| left(held.ends, now));
                let pace = (remaining.unwrap_or_default() / 5).max(min_interval);
                self.calls
                    .vouched(now.boot.after(pace), scene.current.is_none());
                let stands = self.standing.iter().any(|it| it.generation == generation);
                self.check(effects.marked != Some(false) || !stands, || {
                    "the mark goes while a refusal stands".into()
                });
            }
            Input::Fail { failed, of_one } => {
                if !of_one {
                    // The issuer says no to what is asked, or gives what must not be taken.
                    self.refused |= failed.kind == ErrorKind::Refused;
                }
                self.failure(failed, *of_one, effects, scene);
            }
            Input::Changed if self.ended.is_none() => self.calls.freed(true),
            Input::Adopt => self.calls.freed(true),
            Input::Stepped => self.calls.stepped(min_interval),
            Input::ShutDown if self.ended.is_none() => self.ended = Some(Ended::ShutDown),
            Input::Revoke => self.ended = Some(Ended::Revoked),
            _ => {}
        }
        if matches!(input, Input::Revoke | Input::ShutDown) || effects.slot == SlotChange::Withdraw
        {
            self.check(effects.retired == scene.flight.is_some(), || {
                format!("the flight under way outlives {input:?}")
            });
        }
    }

    fn reject(
        &mut self,
        generation: u64,
        origin: &'static str,
        claims: Option<&'static str>,
        now: Now,
    ) {
        let long = Duration::from_secs(600);
        let before = self
            .last_refusals
            .iter()
            .position(|known| known.0 == origin);
        let fresh = before.is_none_or(|at| self.last_refusals[at].1.until(now.boot) > long);
        if let Some(at) = before {
            self.last_refusals.swap_remove(at);
        }
        self.last_refusals.push((origin, now.boot));
        if self.refuses(Some(origin), generation).is_none() {
            self.claimed.retain(|known| known.origin != origin);
            let standing = Standing {
                origin,
                generation,
                reported: now.boot,
                claims,
                fresh,
            };
            self.claimed.push(standing.clone());
            self.standing.push(standing);
        }
    }

    /// Whether this was the current one.
    pub(super) fn landed(&mut self, number: u32, counts: bool, current: Option<&Flight>) {
        let is_current = current.is_some_and(|flight| flight.begin.number.get() == number);
        self.check(counts == is_current, || {
            format!("flight {number} counts: {counts}, and is the current one: {is_current}")
        });
    }

    pub(super) fn about_to_publish(&mut self, answer: &Answer, life: &Life, options: &Options) {
        let is_static = life.expires_at.is_none();
        let longest = options.longest_lifetime + Duration::from_secs(60);
        let good = !answer.is_empty
            && answer.kind == answer.promised
            && !life.remaining.is_zero()
            && (!is_static || options.allow_static)
            && (is_static || life.whole <= longest || options.long_lived == LongLived::Flag)
            && answer.named != (Named::Another { accepted: false });
        self.check(good, || format!("{answer:?} is published"));
    }

    pub(super) fn published(&mut self, held: &Held, sent: Now, now: Now, windowed: bool) {
        let before = self.generation;
        self.check(held.generation == before + 1, || {
            format!("{} follows {before}", held.generation)
        });
        self.generation = held.generation;
        self.standing.clear();
        self.refused = false;
        self.accepted.push(held.ends);
        self.calls.published(sent.boot.until(now.boot));
        let life = held.lifetime();
        let margin = held.plan.refresh_margin();
        let fits = life == Duration::MAX || !windowed || margin <= life / 2;
        self.check(fits, || format!("windows of {:?} in {life:?}", held.plan));
    }

    /// What a reader was told. `before`: what was current, and the flight that is under way now.
    pub(super) fn said(
        &mut self,
        step: Step,
        reader: &Reader,
        (current, flight): (Option<&Held>, Option<&Flight>),
        now: Now,
        options: &Options,
    ) {
        let want = &reader.want;
        let told = || format!("{step:?} to {reader:?}");
        let revoked = self.ended == Some(Ended::Revoked);
        self.check(revoked == (step == Step::Fail(Why::Revoked)), told);
        match step {
            Step::Serve(verdict) => {
                let Some(held) = current else {
                    return self.check(false, told);
                };
                let lasts = left(held.ends, now);
                let by_verdict = match verdict {
                    Verdict::Usable(remaining) => remaining == lasts && !lasts.is_zero(),
                    Verdict::PastExpiry => lasts.is_zero() && self.is_stable(held, now, options),
                    Verdict::Expired => false,
                };
                let asked = reader.answered
                    || (!want.by_name && want.beyond.is_none_or(|used| held.generation > used));
                let stands = self.refuses(want.origin, held.generation).is_some();
                self.check(by_verdict && lasts >= want.least && asked && !stands, told);
            }
            Step::Wait => {
                let grace = Duration::from_secs(2);
                let alive = flight.is_some_and(|flight| {
                    flight
                        .launched
                        .is_none_or(|(sent, limit)| now.boot <= sent.boot.after(limit).after(grace))
                });
                self.check(alive, told);
            }
            Step::Later(at) => {
                let last = self.calls.last_forced.after(options.min_interval());
                let fits = want.until.map_or(at <= last, |until| at < until);
                self.check(at > now.boot && fits, told);
            }
            Step::Fail(Why::ShutDown) => self.check(self.ended.is_some(), told),
            Step::Fail(Why::TooShort) => {
                let lasts = current.map(|held| left(held.ends, now));
                self.check(lasts.is_some_and(|lasts| lasts < want.least), told);
            }
            Step::Fail(Why::Rejected) => {
                let about = current.is_some_and(|held| {
                    self.refuses(want.origin, held.generation).is_some()
                        || want.beyond.is_some_and(|used| used >= held.generation)
                });
                self.check(about, told);
            }
            Step::Fail(Why::Failed(_) | Why::NotYet | Why::Expired) => {
                if let Some(until) = want.until.filter(|_| !reader.answered) {
                    let fits = self.calls.attempt_fits(until, options.min_interval());
                    self.check(!fits, told);
                }
            }
            Step::Fail(Why::Revoked) => {}
        }
    }

    /// Static stability: signing keys only, for so long, and never after a refusal.
    fn is_stable(&self, held: &Held, now: Now, options: &Options) -> bool {
        let past = (held.ends.wall.until(now.wall)).max(held.ends.boot.until(now.boot));
        held.kind == CredentialKind::SigningKey
            && options.static_stability.is_some_and(|bound| past < bound)
            && !self.refused
    }
}

/// Whether this generation is the current one.
fn is_of(scene: &Scene<'_>, generation: u64) -> bool {
    let current = scene.current;
    current.is_some_and(|held| held.generation == generation)
}
