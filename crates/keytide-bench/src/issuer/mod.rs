//! An issuer that behaves as it is told: [`FakeIssuer`].

mod front;
mod scopes;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request, Secret};
use tokio::sync::watch;

use crate::time::now;
use crate::token::Stamp;

/// What the issuer does when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// Answers without a wait. A provider that was made with this promises it in its profile.
    AtOnce,
    /// Answers after this long.
    After(Duration),
    /// Takes the call and never answers.
    Never,
    /// Takes the call and keeps it until it is told to behave otherwise; then answers as told.
    Held,
    /// Is unavailable, and says so after this long.
    Unavailable(Duration),
    /// Refuses, and says so after this long.
    Refused(Duration),
}

/// An issuer that behaves as it is told, and counts its calls. Clones share one.
///
/// It is a provider for keytide's caches; [`issue`](Self::issue) is the way in for any other, and
/// [`url`](Self::url) for those that speak HTTP.
#[derive(Debug, Clone)]
pub struct FakeIssuer {
    issuer: Arc<Issuer>,
}

#[derive(Debug)]
struct Issuer {
    answer: watch::Sender<Answer>,
    calls: AtomicU64,
    refreshed: OnceLock<Instant>,
    at_once: bool,
    lifetime: Duration,
    refresh_in: Option<Duration>,
    /// Its name in URLs and scopes, once it has one.
    id: OnceLock<u64>,
}

/// What the issuer gave.
#[derive(Debug, Clone)]
pub struct Granted {
    /// A token of 1,024 bytes, other than any before.
    pub token: String,
    /// How long it lasts from now on.
    pub lifetime: Duration,
    /// When the issuer wants to be asked again, if it says so.
    pub refresh_in: Option<Duration>,
}

/// Why the issuer gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// It is out of order: 503.
    Unavailable,
    /// It says no: 401.
    Refused,
}

impl FakeIssuer {
    /// An issuer of tokens of 1,024 bytes, each other than the one before, that last an hour.
    #[must_use]
    pub fn new(answer: Answer) -> Self {
        Self::with(answer, Duration::from_secs(3600), None)
    }

    /// An issuer of tokens that last `lifetime`, and that wants to be asked again after `refresh_in`.
    #[must_use]
    pub fn with(answer: Answer, lifetime: Duration, refresh_in: Option<Duration>) -> Self {
        Self {
            issuer: Arc::new(Issuer {
                answer: watch::Sender::new(answer),
                calls: AtomicU64::new(0),
                refreshed: OnceLock::new(),
                at_once: answer == Answer::AtOnce,
                lifetime,
                refresh_in,
                id: OnceLock::new(),
            }),
        }
    }

    /// Behaves so from the next call on.
    pub fn set(&self, answer: Answer) {
        self.issuer.answer.send_replace(answer);
    }

    /// How often it was asked.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.issuer.calls.load(Ordering::SeqCst)
    }

    /// When it was asked for the second time, which is when the first token was to be replaced.
    #[must_use]
    pub fn refreshed(&self) -> Option<Instant> {
        self.issuer.refreshed.get().copied()
    }

    /// Asks it once.
    ///
    /// # Errors
    /// As it was told to behave.
    pub async fn issue(&self) -> Result<Granted, Denied> {
        let number = self.issuer.calls.fetch_add(1, Ordering::SeqCst);
        if number == 1 {
            let _ = self.issuer.refreshed.set(now());
        }
        let mut answer = *self.issuer.answer.borrow();
        if answer == Answer::Held {
            let mut told = self.issuer.answer.subscribe();
            answer = match told.wait_for(|answer| *answer != Answer::Held).await {
                Ok(answer) => *answer,
                Err(_) => return Err(Denied::Unavailable),
            };
        }
        match answer {
            Answer::AtOnce | Answer::Held => {}
            Answer::After(delay) => tokio::time::sleep(delay).await,
            Answer::Never => std::future::pending().await,
            Answer::Unavailable(delay) => {
                tokio::time::sleep(delay).await;
                return Err(Denied::Unavailable);
            }
            Answer::Refused(delay) => {
                tokio::time::sleep(delay).await;
                return Err(Denied::Refused);
            }
        }
        let lifetime = self.issuer.lifetime;
        Ok(Granted {
            token: Stamp::lasting(number, lifetime).text(),
            lifetime,
            refresh_in: self.issuer.refresh_in,
        })
    }
}

impl ProvideCredential for FakeIssuer {
    fn profile(&self) -> Profile {
        let profile = Profile::bearer("fake");
        if self.issuer.at_once {
            profile.answers_at_once()
        } else {
            profile
        }
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let granted = self.issue().await.map_err(|denied| match denied {
            Denied::Unavailable => Error::unavailable("the fake issuer is out of order"),
            Denied::Refused => Error::refused("the fake issuer says no"),
        })?;
        let issued = Issued::bearer(Secret::from(granted.token)).expires_in(granted.lifetime);
        Ok(match granted.refresh_in {
            Some(after) => issued.refresh_in(after),
            None => issued,
        })
    }
}
