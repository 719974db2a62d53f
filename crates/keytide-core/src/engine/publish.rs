//! What becomes of an answer: judged, and published where it is good and new.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::decide::{Deferred, Words};
use super::flight::Outcome;
use super::land::Arrival;
use super::life::{Life, Times};
use super::machine::{Answer, Effects, Fault, Good, Named};
use super::shared::Shared;
use super::state::State;
use super::windows;
use crate::context::Context;
use crate::credential::fit::Unfit;
use crate::credential::{Credential, Parts};
use crate::error::text::spoken;
use crate::error::{Error, ErrorKind};
use crate::provider::issued::Issued;
use crate::sync::{bury, bury_any};
use crate::sys::time::{Now, Wall};

impl Shared {
    /// Judges an answer, and publishes it if it is good and new.
    pub(super) fn accept(
        self: &Arc<Self>,
        state: &mut State,
        after: &mut Deferred,
        issued: Issued,
        context: Option<Arc<Context>>,
        arrival: &Arrival<'_>,
    ) -> Result<Outcome, Error> {
        let Arrival { now, sent, .. } = *arrival;
        // Of another kind, it is no matter what it is made of.
        let promised = issued.kind == arrival.profile.kind;
        let signing = issued.signing.as_deref();
        let unfit = Unfit::of(&issued.secret, issued.alphabet, signing);
        if let Some(unfit) = unfit.filter(|_| promised) {
            bury(issued);
            return Err(Error::misconfigured(format!(
                "{unfit}: have the provider give the secret alone, and check who answers in its issuer's place"
            )));
        }
        let current = self.current(state).into_owned();
        let withdrawn = match current {
            None => state.withdrawn().cloned(),
            Some(_) => None,
        };
        let known = current.as_deref().or(withdrawn.as_deref());
        let before = known_principal(state, known);
        let answer = self.answer(state, &issued, known, before.as_deref(), arrival);
        let words = Words {
            principals: before.as_deref().zip(issued.principal.as_deref()),
            ..Words::default()
        };
        let mut effects = Effects::new(self.context.is_observed());
        let good = self.look(current.as_deref(), state, now, |machine, seen| {
            machine.judge_answer(&answer, sent, seen, &mut effects)
        });
        self.tell(state, &mut effects, now, words);
        let outcome = match good {
            Ok(Good::New(life)) => {
                let news = News {
                    answer: &answer,
                    life: &life,
                    replaces: current.as_deref(),
                    before,
                    context,
                };
                let outcome = self.publish(state, after, issued, news, arrival);
                bury_any(current);
                bury_any(withdrawn);
                return Ok(outcome);
            }
            Ok(Good::Known) => {
                self.decide(state, after, now, words, |machine, seen, effects| {
                    machine.vouched(sent, seen, effects);
                });
                self.forget_error(state);
                Ok(Outcome::Unchanged)
            }
            Err(fault) => Err(self.faulty(fault, &issued, before.as_deref(), arrival)),
        };
        // They may hold a closure of the provider's.
        bury(issued);
        bury_any(current);
        bury_any(withdrawn);
        outcome
    }

    fn publish(
        self: &Arc<Self>,
        state: &mut State,
        after: &mut Deferred,
        issued: Issued,
        news: News<'_>,
        arrival: &Arrival<'_>,
    ) -> Outcome {
        let Arrival { now, sent, .. } = *arrival;
        let mut effects = Effects::new(self.context.is_observed());
        let held = self.look(news.replaces, state, now, |machine, seen| {
            machine.published(news.answer, news.life, sent, seen, &mut effects)
        });
        let credential = Arc::new(Credential::new(Parts {
            held,
            secret: issued.secret,
            signing: issued.signing,
            expires_at: news.life.expires_at,
            principal: issued.principal,
            context: news.context.unwrap_or_else(|| Arc::clone(&self.context)),
            attributes: issued.attributes,
            revoke: issued.revoke,
        }));
        let unnamed = news.before.filter(|_| credential.principal_arc().is_none());
        if unnamed.is_some() {
            state.rest().principal = unnamed;
        }
        if let Some(rest) = &mut state.rest {
            bury_any(rest.withdrawn.take());
        }
        bury_any(self.slot.swap(Some(Arc::clone(&credential))));
        self.forget_error(state);
        self.look(Some(&credential), state, now, |machine, seen| {
            machine.settled(seen, &mut effects);
        });
        let none = Words::default();
        self.carry_out(state, after, effects, now, none);
        Outcome::Issued(credential)
    }

    /// What the machine reckons with of an answer.
    fn answer(
        &self,
        state: &State,
        issued: &Issued,
        known: Option<&Credential>,
        before: Option<&str>,
        arrival: &Arrival<'_>,
    ) -> Answer {
        let named = match (before, &issued.principal) {
            (Some(from), Some(to)) if from != &**to => {
                let adopted = state
                    .rest
                    .as_ref()
                    .is_some_and(|rest| rest.adopted.contains(to));
                Named::Another {
                    accepted: adopted || self.options.principals.contains(to),
                }
            }
            _ => Named::AsBefore,
        };
        Answer {
            kind: issued.kind,
            promised: arrival.profile.kind,
            is_empty: issued.secret.is_empty(),
            times: Times {
                issued_at: issued.issued_at,
                expires_at: issued.expires_at,
                expires_in: issued.expires_in,
                refresh_at: issued.refresh_at,
                refresh_in: issued.refresh_in,
            },
            named,
            same: known
                .filter(|known| same_material(known, issued))
                .map(Credential::expires_at),
            advisory: self
                .options
                .advisory_window
                .or(arrival.profile.advisory_window),
            phase: windows::phase(self.context.instance.hash_seed(), &self.context.key),
        }
    }

    /// What is wrong with an answer, in words.
    fn faulty(
        &self,
        fault: Fault,
        issued: &Issued,
        before: Option<&str>,
        arrival: &Arrival<'_>,
    ) -> Error {
        let Arrival { profile, now, .. } = *arrival;
        let remedy = profile
            .remedy
            .map(|remedy| format!("; {remedy}"))
            .unwrap_or_default();
        match fault {
            Fault::Empty => Error::unavailable("the issuer answered with an empty secret"),
            Fault::OtherKind => Error::misconfigured(format!(
                "the provider answered with a {:?}, but its profile promises a {:?}",
                issued.kind, profile.kind
            )),
            Fault::Expired => Error::unavailable(match ended_for(issued, now) {
                Some(since) if since > CLOCKS_APART => format!(
                    "the issuer answered with a credential that has expired already, {} ago by the clock of this machine: \
                     check that clock",
                    spoken(since)
                ),
                _ => "the issuer answered with a credential that has expired already".to_owned(),
            }),
            Fault::Static => {
                let message = format!(
                    "the credential from {} for cache {} never expires, and static credentials are refused unless \
                     the cache was built with danger_allow_static{remedy}",
                    profile.name, self.context.key
                );
                Error::new(ErrorKind::StaticCredential, message)
            }
            Fault::TooLong(lifetime) => {
                let longest = self.options.longest_lifetime;
                let message = if now.wall < Wall::from(SystemTime::UNIX_EPOCH + BEFORE_KEYTIDE) {
                    format!(
                        "the clock of this machine shows a time before 2024, by which the credential lives {}, longer than \
                         the {longest:?} that the lifetime policy accepts: set that clock",
                        spoken(lifetime)
                    )
                } else {
                    format!(
                        "the credential lives {}, longer than the {longest:?} that the lifetime policy accepts{remedy}",
                        spoken(lifetime)
                    )
                };
                Error::new(ErrorKind::LifetimeTooLong, message)
            }
            Fault::OtherPrincipal => {
                let message = format!(
                    "the issuer answered for principal {}, but this cache holds one of {}",
                    issued.principal.as_deref().unwrap_or_default(),
                    before.unwrap_or_default()
                );
                Error::new(ErrorKind::PrincipalChanged, message)
            }
        }
    }
}

/// How long ago an answer ended, where an instant was told.
fn ended_for(issued: &Issued, now: Now) -> Option<Duration> {
    let end = issued.expires_at?;
    Some(Wall::from(end).until(now.wall))
}

/// 2024-01-01: before this crate was written. A machine without a clock of its own begins at 1970.
const BEFORE_KEYTIDE: Duration = Duration::from_secs(1_704_067_200);
/// What an answer may be late by, without a clock being wrong.
const CLOCKS_APART: Duration = Duration::from_secs(3600);

/// An answer that is good and new.
struct News<'a> {
    answer: &'a Answer,
    life: &'a Life,
    replaces: Option<&'a Credential>,
    /// Whom the issuer named before.
    before: Option<Arc<str>>,
    /// A reference to the cache's own, where one is left over.
    context: Option<Arc<Context>>,
}

/// Whom the issuer named last.
fn known_principal(state: &State, known: Option<&Credential>) -> Option<Arc<str>> {
    let rest = state.rest.as_ref();
    known
        .and_then(Credential::principal_arc)
        .or_else(|| rest.and_then(|rest| rest.principal.as_ref()))
        .cloned()
}

/// Whether the issuer gave the secret that is known, with all that belongs to it but its end.
fn same_material(known: &Credential, issued: &Issued) -> bool {
    let same_signing = match (known.signing(), issued.signing.as_deref()) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            a.key_id == b.key_id
                && match (&a.session_token, &b.session_token) {
                    (None, None) => true,
                    (Some(a), Some(b)) => b.is(a.bytes()),
                    _ => false,
                }
        }
        _ => false,
    };
    same_signing && issued.secret.is(known.secret())
}
