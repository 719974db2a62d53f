//! What was seen, and what of it should not have been: [`Sight`].

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::findings::Findings;
use super::rule::Rule;
use crate::canary;

/// Gathers secrets and texts while checks run, and compares them at the end.
#[derive(Debug)]
pub(super) struct Sight {
    secrets: Mutex<Vec<(Kind, Vec<u8>)>>,
    texts: Mutex<Vec<(Place, String, String)>>,
    log: Result<usize, String>,
}

/// What a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Credential,
    /// What the provider presents to its issuer.
    Input,
    /// It stands in the bodies of bad answers.
    Body,
}

/// Where a text was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Error,
    Event,
    Debug,
    Log,
}

impl Sight {
    /// Begins to watch what is logged.
    pub(super) fn new() -> Self {
        let log = canary::watch().and_then(|()| {
            let start = canary::logged_bytes();
            tracing::trace!("{WATCH}");
            let seen = String::from_utf8_lossy(&canary::logged_from(start)).contains(WATCH);
            let blind = || "what is logged at TRACE does not arrive".to_owned();
            seen.then_some(start).ok_or_else(blind)
        });
        Self {
            secrets: Mutex::default(),
            texts: Mutex::default(),
            log,
        }
    }

    /// Remembers what must not be seen. One that is too short to be told from other text is left out.
    pub(super) fn secret(&self, kind: Kind, secret: &[u8]) {
        if secret.len() < SHORTEST {
            return;
        }
        let mut secrets = lock(&self.secrets);
        if !secrets.iter().any(|(_, known)| known == secret) {
            secrets.push((kind, secret.to_vec()));
        }
    }

    /// Remembers what was seen, and when.
    pub(super) fn text(&self, place: Place, when: impl Into<String>, text: String) {
        lock(&self.texts).push((place, when.into(), text));
    }

    /// Compares.
    pub(super) fn judge(&self, findings: &Findings) {
        let secrets = lock(&self.secrets);
        let search = Search::of(&secrets);
        let has_bodies = secrets.iter().any(|(kind, _)| *kind == Kind::Body);
        let kinds = || {
            KINDS
                .into_iter()
                .filter(|kind| has_bodies || *kind != Kind::Body)
        };
        if !has_bodies {
            let why = "the fixture names nothing that stands in bodies";
            findings.skip(Rule::NoBodyInErrors, why);
            findings.skip(Rule::NoBodyInLogs, why);
        }
        for (place, when, text) in lock(&self.texts).iter() {
            let found = search.find(text.as_bytes());
            for kind in kinds() {
                let good = !found.contains(&kind);
                findings.judge(rule(*place, kind), good, || {
                    format!("{when}: {}", kind.told())
                });
            }
        }
        let logged = match &self.log {
            Ok(start) => canary::logged_from(*start),
            Err(why) => {
                let why = format!("the log cannot be watched: {why}");
                findings.skip(Rule::NoSecretInLogs, why.clone());
                return findings.skip(Rule::NoBodyInLogs, why);
            }
        };
        let found = search.find(&logged);
        for kind in kinds() {
            let good = !found.contains(&kind);
            findings.judge(rule(Place::Log, kind), good, || {
                format!("a log holds {}", kind.told())
            });
        }
    }
}

impl Kind {
    fn told(self) -> &'static str {
        match self {
            Self::Credential => "a credential's secret",
            Self::Input => "a secret that the provider presents",
            Self::Body => "a part of a response body",
        }
    }
}

fn rule(place: Place, kind: Kind) -> Rule {
    match (place, kind == Kind::Body) {
        (Place::Error, false) => Rule::NoSecretInErrors,
        (Place::Event, false) => Rule::NoSecretInEvents,
        (Place::Debug, _) => Rule::NoSecretInDebug,
        (Place::Log, false) => Rule::NoSecretInLogs,
        (Place::Error | Place::Event, true) => Rule::NoBodyInErrors,
        (Place::Log, true) => Rule::NoBodyInLogs,
    }
}

/// All secrets at once, by their first bytes, in each form that `Debug` gives them.
struct Search {
    by_start: HashMap<[u8; FIRST], Vec<(Kind, Vec<u8>)>>,
    /// Whether one begins with these two bytes: nearly all places of a text are left at once.
    begins: Vec<bool>,
}

impl Search {
    fn of(secrets: &[(Kind, Vec<u8>)]) -> Self {
        let mut by_start: HashMap<_, Vec<_>> = HashMap::new();
        let mut begins = vec![false; 1 << 16];
        for (kind, secret) in secrets {
            let listed = format!("{secret:?}");
            let listed = listed.trim_matches(['[', ']']).as_bytes().to_vec();
            for form in [secret.clone(), listed] {
                if let Some(start) = form.first_chunk::<FIRST>() {
                    if let Some(place) = begins.get_mut(two(start)) {
                        *place = true;
                    }
                    by_start.entry(*start).or_default().push((*kind, form));
                }
            }
        }
        Self { by_start, begins }
    }

    /// The kinds of what is found.
    fn find(&self, text: &[u8]) -> Vec<Kind> {
        let mut kinds = Vec::new();
        for (at, window) in text.windows(FIRST).enumerate() {
            if self.begins.get(two(window)) != Some(&true) {
                continue;
            }
            let forms = self.by_start.get(window);
            let rest = text.get(at..).unwrap_or_default();
            for (kind, form) in forms.into_iter().flatten() {
                if rest.starts_with(form) && !kinds.contains(kind) {
                    kinds.push(*kind);
                }
            }
        }
        kinds
    }
}

fn two(bytes: &[u8]) -> usize {
    match bytes {
        [first, second, ..] => usize::from(*first) << 8 | usize::from(*second),
        _ => 0,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const KINDS: [Kind; 3] = [Kind::Credential, Kind::Input, Kind::Body];
/// What is shorter may stand in a text by chance.
pub(super) const SHORTEST: usize = 8;
const FIRST: usize = 6;
const WATCH: &str = "the conformance suite watches what is logged";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_each_form() {
        let secrets = [(Kind::Input, b"correct horse".to_vec())];
        let search = Search::of(&secrets);

        assert_eq!(search.find(b"the correct horse is here"), [Kind::Input]);
        assert_eq!(
            search.find(format!("{:?}", b"correct horse").as_bytes()),
            [Kind::Input]
        );
        assert_eq!(search.find(b"the correct hors"), []);
        assert_eq!(search.find(b""), []);
    }
}
