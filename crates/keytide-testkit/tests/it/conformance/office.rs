//! An issuer within the process, and a provider of it that can be made to get one thing wrong.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use keytide_core::{
    Error, ErrorKind, Issued, Profile, ProvideCredential, Request, RetryAfter, Secret,
};
use keytide_testkit::conformance::{BadAnswer, Condition, Expires, Fixture, Outcome};

/// What the provider gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    Caches,
    KeepsOnFailure,
    SharesCalls,
    RetriesOnce,
    RetriesWhenWell,
    Sleeps,
    SleepsOnFailure,
    Blocks,
    DebugShowsSecret,
    DebugShowsBytes,
    LogsToken,
    LogsInput,
    TokenInError,
    StaysBusyWhenDropped,
    LeavesTask,
    BodyInError,
    BodyInLog,
    PanicsOnBadAnswer,
    PanicsWhenDropped,
    TakesBadAnswer,
    AllRefused,
    AllUnavailable,
    NoRetryAfter,
    InventsRetryAfter,
    OwnClock,
    Margin,
    SlowProfile,
    ChangingProfile,
    LyingProfile,
    AsksToBeAskedAgain,
    TerseError,
    SaysItTwice,
    NeverEnds,
}

pub(crate) struct Office {
    desk: Arc<Desk>,
    flaw: Flaw,
}

/// The issuer.
struct Desk {
    condition: Mutex<Condition>,
    calls: AtomicU64,
    running: AtomicU64,
}

pub(crate) struct Clerk {
    desk: Arc<Desk>,
    flaw: Flaw,
    configured: bool,
    last: Mutex<Option<String>>,
    shared: tokio::sync::Mutex<Option<String>>,
    answers: AtomicU64,
    busy: AtomicBool,
    profiles: AtomicU64,
}

#[derive(Debug)]
enum Letter {
    Token(String),
    Bad,
    Down,
    Busy(Option<Duration>),
    No,
}

/// No two tests have the same secrets, so that none finds the other's in the log.
impl Flaw {
    fn input(self) -> String {
        format!("office-input-secret-{self:?}.")
    }

    fn body(self) -> String {
        format!("office-body-canary-{self:?}-")
    }
}

impl Office {
    pub(crate) fn new(flaw: Flaw) -> Self {
        let desk = Desk {
            condition: Mutex::new(Condition::Healthy),
            calls: AtomicU64::new(0),
            running: AtomicU64::new(0),
        };
        Self {
            desk: Arc::new(desk),
            flaw,
        }
    }
}

impl Desk {
    async fn ask(self: &Arc<Self>) -> Letter {
        self.running.fetch_add(1, Ordering::SeqCst);
        let _running = Running(Arc::clone(self));
        tokio::task::yield_now().await;
        let call = TOKENS.fetch_add(1, Ordering::SeqCst);
        self.calls.fetch_add(1, Ordering::SeqCst);
        let condition = self.condition.lock().unwrap().clone();
        tokio::task::yield_now().await;
        match condition {
            Condition::Healthy => Letter::Token(format!("office-token-{call}.")),
            Condition::Down => Letter::Down,
            Condition::Throttling(time) => Letter::Busy(time),
            Condition::Refusing => Letter::No,
            Condition::Bad(_) => Letter::Bad,
            _ => std::future::pending().await,
        }
    }
}

struct Running(Arc<Desk>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Fixture for Office {
    type Provider = Clerk;

    fn provider(&self) -> Clerk {
        let configured = *self.desk.condition.lock().unwrap() != Condition::NotConfigured;
        Clerk {
            desk: Arc::clone(&self.desk),
            flaw: self.flaw,
            configured,
            last: Mutex::new(None),
            shared: tokio::sync::Mutex::new(None),
            answers: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            profiles: AtomicU64::new(0),
        }
    }

    fn put(&self, condition: &Condition) -> Result<(), String> {
        *self.desk.condition.lock().unwrap() = condition.clone();
        Ok(())
    }

    fn calls(&self) -> Option<u64> {
        Some(self.desk.calls.load(Ordering::SeqCst))
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.flaw.input()]
    }

    fn expires(&self) -> Expires {
        Expires::In(LIFETIME)
    }

    fn running(&self) -> Option<u64> {
        Some(self.desk.running.load(Ordering::SeqCst))
    }

    fn bad_answers(&self) -> Vec<BadAnswer> {
        let bad = Outcome::Error(&[ErrorKind::Unavailable, ErrorKind::Misconfigured]);
        vec![BadAnswer::new("scribble", bad)]
    }

    fn body_canaries(&self) -> Vec<String> {
        vec![self.flaw.body()]
    }

    fn taken(&self) -> Option<u64> {
        Some(0)
    }
}

impl Clerk {
    async fn asked(&self) -> Letter {
        let first = match self.flaw {
            Flaw::LeavesTask => {
                let desk = Arc::clone(&self.desk);
                tokio::spawn(async move { desk.ask().await }).await.unwrap()
            }
            Flaw::SharesCalls => {
                // Who waited while another asked takes what that one got.
                let seen = self.answers.load(Ordering::SeqCst);
                let mut shared = self.shared.lock().await;
                if self.answers.load(Ordering::SeqCst) > seen
                    && let Some(token) = shared.clone()
                {
                    return Letter::Token(token);
                }
                let letter = self.desk.ask().await;
                if let Letter::Token(token) = &letter {
                    *shared = Some(token.clone());
                    self.answers.fetch_add(1, Ordering::SeqCst);
                }
                letter
            }
            _ => self.desk.ask().await,
        };
        match (self.flaw, &first) {
            (Flaw::RetriesOnce, Letter::Down) => self.desk.ask().await,
            (Flaw::RetriesWhenWell, Letter::Token(_)) => self.desk.ask().await,
            _ => first,
        }
    }

    fn sorted(&self, letter: Letter, request: &Request) -> Result<String, Error> {
        let error = match letter {
            Letter::Token(token) => {
                *self.last.lock().unwrap() = Some(token.clone());
                return Ok(token);
            }
            _ if self.flaw == Flaw::AllRefused => Error::refused("the office said something"),
            _ if self.flaw == Flaw::AllUnavailable => {
                Error::unavailable("the office said something")
            }
            Letter::Down => Error::unavailable("the office is closed today"),
            Letter::Busy(asked) => {
                let asked = match self.flaw {
                    Flaw::NoRetryAfter => None,
                    Flaw::InventsRetryAfter => Some(asked.unwrap_or(Duration::from_secs(60))),
                    _ => asked,
                };
                Error::throttled(asked.map(RetryAfter::Delay), "the office has a queue")
            }
            Letter::No => Error::refused("the office does not know us: register"),
            Letter::Bad => match self.flaw {
                Flaw::PanicsOnBadAnswer => panic!("no such letter"),
                Flaw::BodyInError => {
                    Error::unavailable(format!("the office wrote {}", self.flaw.body()))
                }
                Flaw::TakesBadAnswer => return Ok(self.flaw.body()),
                _ => {
                    if self.flaw == Flaw::BodyInLog {
                        tracing::warn!("the office wrote {}", self.flaw.body());
                    }
                    Error::unavailable("the office's letter cannot be read: look at its address")
                }
            },
        };
        let last = self.last.lock().unwrap().clone();
        match self.flaw {
            Flaw::KeepsOnFailure => last.ok_or(error),
            Flaw::AsksToBeAskedAgain => {
                let notifier = request.change_notifier();
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(5));
                    notifier.notify();
                });
                Err(error)
            }
            Flaw::TerseError => Err(match error.kind() {
                ErrorKind::Throttled => Error::throttled(error.retry_after(), "Failed."),
                ErrorKind::Refused => Error::refused("Failed."),
                _ => Error::unavailable("Failed."),
            }),
            Flaw::SaysItTwice => {
                let cause = std::io::Error::other("the door is locked");
                let message = format!("the office is closed: {cause}");
                let twice = Error::unavailable(message).caused_by(cause);
                Err(if error.kind() == ErrorKind::Unavailable {
                    twice
                } else {
                    error
                })
            }
            Flaw::TokenInError => {
                let last = last.unwrap_or_default();
                Err(error.caused_by(std::io::Error::other(format!("after {last}"))))
            }
            _ => Err(error),
        }
    }
}

/// Whoever is at the counter.
struct AtCounter<'a>(&'a Clerk);

impl Drop for AtCounter<'_> {
    fn drop(&mut self) {
        assert!(
            self.0.flaw != Flaw::PanicsWhenDropped,
            "left alone at the counter"
        );
    }
}

impl ProvideCredential for Clerk {
    fn profile(&self) -> Profile {
        let count = self.profiles.fetch_add(1, Ordering::SeqCst);
        if self.flaw == Flaw::SlowProfile {
            std::thread::sleep(Duration::from_micros(200));
        }
        match self.flaw {
            Flaw::LyingProfile => Profile::signing_key("clerk"),
            Flaw::ChangingProfile => Profile::bearer("clerk").issuer(format!("office-{count}")),
            _ => Profile::bearer("clerk"),
        }
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        if !self.configured && self.flaw != Flaw::AllRefused {
            return Err(Error::not_configured("there is no office here"));
        }
        if self.flaw == Flaw::Caches
            && let Some(last) = self.last.lock().unwrap().clone()
        {
            return Ok(Issued::bearer(Secret::from(last)).expires_in(LIFETIME));
        }
        if self.flaw == Flaw::StaysBusyWhenDropped && self.busy.swap(true, Ordering::SeqCst) {
            return Err(Error::unavailable("the clerk is at the office already"));
        }
        match self.flaw {
            Flaw::Sleeps => tokio::time::sleep(Duration::from_millis(150)).await,
            Flaw::Blocks => std::thread::sleep(Duration::from_millis(60)),
            Flaw::LogsInput => tracing::trace!("asking with {}", self.flaw.input()),
            _ => {}
        }
        let counter = AtCounter(self);
        let letter = self.asked().await;
        std::mem::forget(counter);
        self.busy.store(false, Ordering::SeqCst);
        if !matches!(letter, Letter::Token(_)) {
            match self.flaw {
                Flaw::SleepsOnFailure => tokio::time::sleep(Duration::from_millis(150)).await,
                Flaw::NeverEnds if matches!(letter, Letter::Bad) => {
                    std::future::pending::<()>().await;
                }
                _ => {}
            }
        }
        let token = self.sorted(letter, request)?;
        if self.flaw == Flaw::LogsToken {
            tracing::debug!(token, "issued");
        }
        let issued = Issued::bearer(Secret::from(token));
        Ok(match self.flaw {
            #[expect(clippy::disallowed_methods, reason = "that is the flaw")]
            Flaw::OwnClock => issued.expires_at(SystemTime::now() + LIFETIME),
            Flaw::Margin => issued.expires_in(LIFETIME - Duration::from_secs(60)),
            _ => issued.expires_in(LIFETIME),
        })
    }
}

impl fmt::Debug for Clerk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Clerk");
        match self.flaw {
            Flaw::DebugShowsSecret => debug.field("last", &self.last),
            Flaw::DebugShowsBytes => debug.field("input", &self.flaw.input().as_bytes()),
            _ => &mut debug,
        };
        debug.finish_non_exhaustive()
    }
}

const LIFETIME: Duration = Duration::from_secs(1800);
/// Each token is given once in this process, for the same reason.
static TOKENS: AtomicU64 = AtomicU64::new(1000);
