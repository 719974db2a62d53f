//! What an answer does to the model of its cache.

use super::model::{Current, Failure, Model, Now, Outcome, SECOND, is_forced};
use super::{Oracle, calls};
use crate::answer::{Answer, Ends, Sort, Why};
use crate::trace::What;

impl Oracle {
    /// A call has ended: by its answer, by a panic, or by being dropped.
    pub(crate) fn answered(&mut self, cache: usize, number: u64, answer: Answer, now: Now) {
        self.note(cache, now, What::Answer { number, answer });
        let model = &mut self.caches[cache];
        model.land(number, answer, now);
        let said = calls::limit_was_kept(&self.caches[cache], number, answer, now);
        self.judge("11", cache, now, said);
    }
}

impl Model {
    fn land(&mut self, number: u64, answer: Answer, now: Now) {
        let index = number as usize - 1;
        self.calls[index].end = Some(now);
        if self.calls[index].retired {
            self.calls[index].outcome = Outcome::Void;
            return;
        }
        let sent = self.calls[index].start;
        if answer == Answer::Dropped && self.calls[index].stepped {
            // Its limit, or a reader who found that it is lost.
            self.lost += 1;
            self.row += 1;
            self.failures.clear();
            self.calls[index].outcome = Outcome::Void;
            return;
        }
        let judged = match answer {
            Answer::Failed(sort) => Err(sort),
            Answer::Panicked | Answer::Dropped => Err(Sort::Unavailable),
            Answer::Token { mint, ends, other } => self.accepts(mint, ends, other, sent, now),
        };
        self.calls[index].outcome = match judged {
            Ok(Some(current)) => {
                self.publish(current);
                self.latency = now.boot - sent.boot;
                Outcome::Published
            }
            Ok(None) => {
                self.vouch(sent, self.calls[index].trigger, now);
                Outcome::Again
            }
            Err(sort) => {
                self.fail(sort, self.calls[index].claims.is_some(), now);
                Outcome::Failed(sort)
            }
        };
        if let (Outcome::Published, Answer::Token { other, .. }) =
            (self.calls[index].outcome, answer)
        {
            self.other = other.or(self.other);
        }
    }

    /// Rules 15, 16 and 24: what is published is new, for the same principal and not past its end. `None`: it is known.
    fn accepts(
        &self,
        mint: u64,
        ends: Ends,
        other: Option<bool>,
        sent: Now,
        now: Now,
    ) -> Result<Option<Current>, Sort> {
        let left = match ends {
            Ends::In(life) => life - (now.boot - sent.boot),
            Ends::At(instant) => instant - now.wall,
        };
        if left <= 0 {
            return Err(Sort::Unavailable);
        }
        if left > LONGEST {
            return Err(Sort::Refused(Why::Lifetime));
        }
        let differs = matches!((self.other, other), (Some(known), Some(other)) if known != other);
        if differs && !self.terms.accepts_other {
            return Err(Sort::Refused(Why::Principal));
        }
        if self.current.is_some_and(|current| current.mint == mint) {
            return Ok(None);
        }
        let told = match ends {
            Ends::In(_) => now.wall + left,
            Ends::At(instant) => instant,
        };
        Ok(Some(Current {
            mint,
            other,
            received: now,
            boot: now.boot + left,
            wall: now.wall + left,
            told,
            read_early: None,
        }))
    }

    fn publish(&mut self, current: Current) {
        self.current = Some(current);
        self.generation += 1;
        self.withdrawn = false;
        self.said_no = false;
        self.failures.clear();
        self.row = 0;
        self.repeats = 0;
        self.repeated = None;
    }

    /// Rule 19: what the issuer gives again is vouched for, to those who refused it before the call was sent.
    fn vouch(&mut self, sent: Now, trigger: keytide_core::Trigger, now: Now) {
        self.withdrawn = false;
        self.said_no = false;
        self.failures.clear();
        self.row = 0;
        if is_forced(trigger) {
            self.repeats = 0;
        } else {
            self.repeats += 1;
        }
        self.repeated = Some(now);
        for refusal in &mut self.refusals {
            refusal.vouched |= refusal.at.boot <= sent.boot;
        }
    }

    /// Rules 14 and 19: a failure with the demand of one origin is no failure of the issuer.
    fn fail(&mut self, sort: Sort, demanded: bool, now: Now) {
        self.failed += 1;
        if demanded {
            return;
        }
        self.said_no |= matches!(sort, Sort::Refused(_));
        let usable = self.is_usable(now);
        if self
            .failures
            .last()
            .is_some_and(|last| last.usable != usable)
        {
            self.failures.clear();
            self.row = 0;
        }
        self.row += 1;
        self.failures.push(Failure {
            sort,
            at: now,
            usable,
        });
        self.reset = false;
    }
}

/// The longest life that is accepted by default, with the minute that clocks may differ by.
const LONGEST: i64 = (12 * 3600 + 60) * SECOND;
