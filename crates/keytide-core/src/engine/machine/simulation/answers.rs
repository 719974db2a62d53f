//! What the pretend issuer says.

use std::time::{Duration, SystemTime};

use super::chance::Chance;
use super::world::Credential;
use crate::engine::life::Times;
use crate::engine::machine::{Answer, Failed, Named};
use crate::error::ErrorKind;
use crate::profile::CredentialKind;
use crate::sys::time::Now;

/// How the issuer is just now.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mood {
    Well,
    Down,
    Mixed,
}

/// What one flight brings.
#[derive(Debug)]
pub(super) enum Brought {
    Answer(Answer),
    Failure(Failed),
}

/// How the issuer is, and what it said last.
#[derive(Debug)]
pub(super) struct Issuer {
    pub(super) mood: Mood,
    kind: CredentialKind,
    advisory: Option<Duration>,
    /// The last failure since the last success.
    last: Option<ErrorKind>,
}

impl Issuer {
    pub(super) fn new(chance: &mut Chance, advisory: Option<Duration>) -> Self {
        let kinds = [CredentialKind::BearerToken, CredentialKind::SigningKey];
        Self {
            mood: Mood::Well,
            kind: chance.pick(&kinds),
            advisory,
            last: None,
        }
    }

    pub(super) fn bring(
        &mut self,
        chance: &mut Chance,
        known: Option<&Credential>,
        now: Now,
    ) -> Brought {
        let well = match self.mood {
            Mood::Well => !chance.one_in(20),
            Mood::Down => chance.one_in(20),
            Mood::Mixed => chance.one_in(2),
        };
        if !well {
            return Brought::Failure(self.failure(chance));
        }
        let mut answer = Answer {
            kind: self.kind,
            promised: self.kind,
            is_empty: chance.one_in(60),
            times: Self::times(chance, now),
            named: Named::AsBefore,
            same: None,
            advisory: self.advisory,
            phase: chance.draw() as u32,
        };
        match (chance.below(40), known) {
            (0, _) => answer.named = Named::Another { accepted: false },
            (1, _) => answer.named = Named::Another { accepted: true },
            (2, _) => {
                answer.promised = match self.kind {
                    CredentialKind::BearerToken => CredentialKind::SigningKey,
                    CredentialKind::SigningKey => CredentialKind::BearerToken,
                }
            }
            // The same, as a rule; now and then with a later end.
            (3..=18, Some(known)) => {
                answer.same = Some(known.expires_at);
                if !chance.one_in(6) {
                    answer.times = Times {
                        expires_at: known.expires_at,
                        ..Times::default()
                    };
                }
            }
            _ => {}
        }
        Brought::Answer(answer)
    }

    fn times(chance: &mut Chance, now: Now) -> Times {
        let seconds = [1, 3, 8, 60, 600, 3600, 8 * 3600, 40 * 3600];
        let lifetime = Duration::from_secs(chance.pick(&seconds)) + chance.span() / 1000;
        let instant: Option<SystemTime> = now.wall.after(lifetime).system();
        let mut times = match chance.below(24) {
            0 => Times::default(),
            1 => Times {
                expires_at: now.wall.system(),
                ..Times::default()
            },
            2..=12 => Times {
                expires_at: instant,
                ..Times::default()
            },
            _ => Times {
                expires_in: Some(lifetime),
                ..Times::default()
            },
        };
        if chance.one_in(12) {
            times.refresh_in = Some(chance.span());
        }
        times
    }

    pub(super) fn failure(&mut self, chance: &mut Chance) -> Failed {
        let kinds = [
            ErrorKind::Unavailable,
            ErrorKind::Unavailable,
            ErrorKind::Unavailable,
            ErrorKind::Throttled,
            ErrorKind::Refused,
            ErrorKind::NotConfigured,
        ];
        let kind = chance.pick(&kinds);
        let pause = (kind == ErrorKind::Throttled && !chance.one_in(4)).then(|| chance.span());
        let failed = Failed {
            kind,
            repeated: false,
            until_changed: kind == ErrorKind::Refused && chance.one_in(4),
            pause,
            relative: pause.is_some() && chance.one_in(2),
        };
        self.said(failed)
    }

    /// Another failure, of an answer that was no good.
    pub(super) fn faulty(&mut self, kind: ErrorKind) -> Failed {
        let failed = Failed {
            kind,
            repeated: false,
            until_changed: false,
            pause: None,
            relative: false,
        };
        self.said(failed)
    }

    fn said(&self, failed: Failed) -> Failed {
        let repeated = self.last == Some(failed.kind);
        Failed { repeated, ..failed }
    }

    /// The failure that was taken down last; `None` after a success.
    pub(super) fn took_down(&mut self, failed: Option<&Failed>) {
        self.last = failed.map(|failed| failed.kind);
    }
}
