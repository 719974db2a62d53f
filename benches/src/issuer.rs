//! An issuer that behaves as it is told: [`FakeIssuer`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request, Secret};

use crate::subjects::Token;

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
    /// Is unavailable, and says so after this long.
    Unavailable(Duration),
    /// Refuses, and says so after this long.
    Refused(Duration),
}

/// A provider over an issuer that behaves as it is told, and counts its calls. Clones share one issuer.
#[derive(Debug, Clone)]
pub struct FakeIssuer {
    issuer: Arc<Issuer>,
}

#[derive(Debug)]
struct Issuer {
    answer: Mutex<Answer>,
    calls: AtomicU64,
    at_once: bool,
    lifetime: Duration,
    refresh_in: Option<Duration>,
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
                answer: Mutex::new(answer),
                calls: AtomicU64::new(0),
                at_once: answer == Answer::AtOnce,
                lifetime,
                refresh_in,
            }),
        }
    }

    /// Behaves so from the next call on.
    pub fn set(&self, answer: Answer) {
        *self
            .issuer
            .answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// How often it was asked.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.issuer.calls.load(Ordering::SeqCst)
    }

    fn answer(&self) -> Answer {
        *self
            .issuer
            .answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
        let number = self.issuer.calls.fetch_add(1, Ordering::SeqCst);
        match self.answer() {
            Answer::AtOnce => {}
            Answer::After(delay) => tokio::time::sleep(delay).await,
            Answer::Never => std::future::pending().await,
            Answer::Unavailable(delay) => {
                tokio::time::sleep(delay).await;
                return Err(Error::unavailable("the fake issuer is out of order"));
            }
            Answer::Refused(delay) => {
                tokio::time::sleep(delay).await;
                return Err(Error::refused("the fake issuer says no"));
            }
        }
        let token = Secret::from(Token::text(number));
        let issued = Issued::bearer(token).expires_in(self.issuer.lifetime);
        Ok(match self.issuer.refresh_in {
            Some(after) => issued.refresh_in(after),
            None => issued,
        })
    }
}
