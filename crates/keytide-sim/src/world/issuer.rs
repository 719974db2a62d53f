//! An issuer that fares as the plan of its world says: [`Issuer`].

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request, RetryAfter, Secret};

use super::{World, lock};
use crate::answer::{Answer, Ends, Sort, Why};
use crate::oracle::{CHOKES, Now, SECOND, nanos};
use crate::plan::{Condition, IssuerPlan};
use crate::rng::{Part, Rng};

/// Asks one issuer for one cache.
pub(super) struct Issuer {
    world: Arc<World>,
    slot: usize,
    id: usize,
    /// What was given last: which call minted it, and when it ends.
    last: Mutex<Option<(u64, i64)>>,
}

/// A call under way; tells the oracle how it ends, however it ends.
struct Call<'a> {
    issuer: &'a Issuer,
    number: u64,
    answer: Answer,
}

impl Issuer {
    pub(super) fn new(world: Arc<World>, slot: usize, id: usize) -> Self {
        Self {
            world,
            slot,
            id,
            last: Mutex::default(),
        }
    }

    fn plan(&self) -> &IssuerPlan {
        &self.world.plan.issuers[self.world.plan.caches[self.slot].issuer]
    }

    fn begin(&self, request: &Request) -> (Call<'_>, Option<usize>) {
        let claims = request.claims().and_then(|claims| claims.parse().ok());
        let number =
            self.world
                .oracle()
                .called(self.id, request.trigger(), claims, self.world.now());
        lock(&self.world.notifiers)[self.id] = Some(request.change_notifier());
        let call = Call {
            issuer: self,
            number,
            answer: Answer::Dropped,
        };
        (call, claims)
    }

    /// How long an answer takes; `None` for ever.
    fn latency(&self, condition: Condition, number: u64) -> Option<Duration> {
        let plan = self.world.plan.seed;
        let rng = Rng::of(plan, Part::Call, (self.id as u64) << 32 | number);
        match condition {
            Condition::Hangs => None,
            Condition::Late => Some(rng.magnitude(2_000, 120_000)),
            Condition::Repeats => Some(rng.magnitude(500, 16_000)),
            _ => {
                let usual = self.plan().latency;
                Some(Duration::from_millis(usual + rng.below(usual / 2 + 1)))
            }
        }
    }

    fn issue(&self, call: &mut Call<'_>, condition: Condition) -> Issued {
        let (plan, now) = (self.plan(), self.world.now());
        let life = nanos(plan.life);
        let truth = self.world.truth + now.boot;
        let known = lock(&self.last).filter(|_| condition == Condition::Repeats);
        let (mint, ends) = match (known, condition) {
            (Some((mint, end)), _) if end > truth => (mint, Ends::At(end)),
            (_, Condition::Expired) if plan.says_when => (call.number, Ends::At(truth - SECOND)),
            (_, Condition::Expired) => (call.number, Ends::In(0)),
            _ if plan.says_when => (call.number, Ends::At(truth + life)),
            _ => (call.number, Ends::In(life)),
        };
        let other = condition == Condition::OtherPrincipal;
        let other = self.names(mint).then_some(other);
        if let (Ends::At(end), true) = (ends, other != Some(true)) {
            *lock(&self.last) = Some((mint, end));
        }
        call.answer = Answer::Token { mint, ends, other };
        let part = |sort: char| format!("{sort}{}.{mint}", self.id);
        let issued = if plan.signing {
            Issued::signing_key(part('k'), Secret::from(part('s')))
                .session_token(Secret::from(part('t')))
        } else {
            Issued::bearer(Secret::from(part('s')))
        };
        let issued = match other {
            Some(other) => issued.principal(if other { "other" } else { "first" }),
            None => issued,
        };
        let issued = match plan.hint {
            Some(percent) => issued.refresh_in(plan.life * percent as u32 / 100),
            None => issued,
        };
        match ends {
            Ends::In(life) => issued.expires_in(span(life)),
            Ends::At(instant) => issued.expires_at(SystemTime::UNIX_EPOCH + span(instant)),
        }
    }

    /// Whether it says for whom the credential of this call is.
    fn names(&self, mint: u64) -> bool {
        let part = (self.id as u64) << 32 | mint | 1 << 62;
        let rng = Rng::of(self.world.plan.seed, Part::Call, part);
        !rng.percent(self.plan().unnamed)
    }

    fn refuse(&self, call: &mut Call<'_>, sort: Sort, error: Error) -> Error {
        call.answer = Answer::Failed(sort);
        error
    }
}

impl ProvideCredential for Issuer {
    fn profile(&self) -> Profile {
        let plan = self.plan();
        let profile = if plan.signing {
            Profile::signing_key("simulated")
        } else {
            Profile::bearer("simulated")
        };
        let issuer = self.world.plan.caches[self.slot].issuer;
        let profile = profile.issuer(format!("world-{}-issuer-{issuer}", self.world.tag));
        if plan.answers_at_once {
            profile.answers_at_once()
        } else {
            profile
        }
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let (mut call, claims) = self.begin(request);
        let condition = self.plan().condition(self.world.elapsed());
        match self.latency(condition, call.number) {
            Some(latency) if latency.is_zero() => {}
            Some(latency) => tokio::time::sleep(latency).await,
            None => std::future::pending().await,
        }
        if let Some(origin) = claims.filter(|_| self.plan().chokes) {
            let error = Error::refused(format!("{CHOKES}{origin} "));
            return Err(self.refuse(&mut call, Sort::Refused(Why::SaysNo), error));
        }
        match condition {
            Condition::Down => {
                let error = Error::unavailable("it is down");
                Err(self.refuse(&mut call, Sort::Unavailable, error))
            }
            Condition::Throttles(millis) => {
                let after = Duration::from_millis(millis * 50);
                let error = Error::throttled(Some(RetryAfter::Delay(after)), "patience");
                Err(self.refuse(&mut call, Sort::Throttled(nanos(after)), error))
            }
            Condition::Refuses => {
                let error = Error::refused(format!("it says no, in request {}", call.number));
                Err(self.refuse(&mut call, Sort::Refused(Why::SaysNo), error))
            }
            Condition::Panics => {
                call.answer = Answer::Panicked;
                std::panic::panic_any(Meant);
            }
            Condition::CallsBack => {
                if let Some(live) = self.world.live(self.slot).filter(|live| live.id == self.id) {
                    let generation = live.cache.status().generation;
                    self.world.invalidate(&live, generation);
                }
                Ok(self.issue(&mut call, condition))
            }
            _ => Ok(self.issue(&mut call, condition)),
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let now: Now = self.issuer.world.now();
        let mut oracle = self.issuer.world.oracle();
        oracle.answered(self.issuer.id, self.number, self.answer, now);
    }
}

/// What a simulated provider panics with: no fault of anybody's.
#[derive(Debug)]
pub(crate) struct Meant;

fn span(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}
