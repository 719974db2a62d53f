//! A fixture for providers that speak HTTP: [`HttpFixture`].

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keytide_core::ProvideCredential;

use super::fixture::{BadAnswer, Condition, Expires, Fixture};
use crate::outcome::{Outcome, UNUSABLE};
#[cfg(feature = "tls")]
use crate::server::TestCa;
use crate::server::{At, Fault, FaultServer, Field, Good, Received, Reply};

/// A [`Fixture`] over a [`FaultServer`]: all that it needs is a good answer and how a provider is made for the server.
///
/// The secrets that it looks for are the tokens that the good answer holds where [`Field::Token`] points, each
/// `Authorization` header that the provider sends, the values of form fields named like `client_secret` or
/// `assertion`, and those named with [`secret`](Self::secret). Give the tokens a prefix that no other test uses, and
/// eight bytes at the least.
///
/// Beside [`Fault::all`] it tries an issuer that does not listen, as `connection-refused`. What it cannot show without
/// being told: [`refusing`](Self::refusing) and [`not_configured`](Self::not_configured).
pub struct HttpFixture<P> {
    server: FaultServer,
    make: Make<P>,
    unconfigured: Option<Box<dyn Fn() -> P + Send + Sync>>,
    next: Mutex<Next>,
    issued: Arc<Mutex<Issued>>,
    secrets: Vec<String>,
    refusing: Option<Fault>,
    down: Fault,
    expires: Option<Expires>,
    counted: Box<dyn Fn(&Received) -> bool + Send + Sync>,
    exceptions: Vec<(String, Exception)>,
}

type Make<P> = Box<dyn Fn(&FaultServer) -> P + Send + Sync>;

/// Which provider is made next.
#[derive(Clone, Copy)]
enum Next {
    Configured,
    Unconfigured,
}

enum Exception {
    Expecting(Outcome),
    Withheld(String),
}

/// What the good answers held.
#[derive(Default)]
struct Issued {
    tokens: Vec<String>,
    lifetime: Option<f64>,
}

impl<P> HttpFixture<P> {
    /// Serves `good` by HTTP. `make` gets the server that the provider is to ask.
    pub fn start(
        good: impl Into<Good>,
        make: impl Fn(&FaultServer) -> P + Send + Sync + 'static,
    ) -> Self {
        let (good, issued) = watched(good.into());
        Self::over(FaultServer::start(good), issued, Box::new(make))
    }

    /// Serves `good` by HTTPS, under a certificate of a new authority: `make` gets it too, for its root.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn start_tls(
        good: impl Into<Good>,
        make: impl Fn(&FaultServer, &TestCa) -> P + Send + Sync + 'static,
    ) -> Self {
        let (good, issued) = watched(good.into());
        let ca = TestCa::new();
        let server = FaultServer::start_tls(good, &ca);
        let make = move |server: &FaultServer| make(server, &ca);
        Self::over(server, issued, Box::new(make))
    }

    /// What the issuer's no looks like: [`Fault::status`] or [`Fault::answer`]. For OAuth see
    /// [`refusing_oauth`](Self::refusing_oauth).
    #[must_use]
    pub fn refusing(mut self, no: Fault) -> Self {
        self.refusing = Some(no);
        self
    }

    /// The no of an OAuth token endpoint (RFC 6749, section 5.2): 401, `invalid_client`.
    #[must_use]
    pub fn refusing_oauth(self) -> Self {
        let body = serde_json::json!({
            "error": "invalid_client",
            "error_description": "{canary}",
        });
        let outcome = Outcome::Error(&[keytide_core::ErrorKind::Refused]);
        self.refusing(Fault::answer(
            "invalid-client",
            Reply::json(401, &body),
            outcome,
        ))
    }

    /// What an issuer that is down answers. Defaults to status 503 with an HTML body.
    #[must_use]
    pub fn down(mut self, down: Fault) -> Self {
        self.down = down;
        self
    }

    /// How a provider is made that nothing configures.
    #[must_use]
    pub fn not_configured(mut self, make: impl Fn() -> P + Send + Sync + 'static) -> Self {
        self.unconfigured = Some(Box::new(make));
        self
    }

    /// A secret that the provider presents, in the form in which it might be seen.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Which requests are calls for a credential, and meet faults; the others are answered well and not counted. For
    /// protocols of several requests. Defaults to all.
    #[must_use]
    pub fn counting(
        mut self,
        counts: impl Fn(&Received) -> bool + Clone + Send + Sync + 'static,
    ) -> Self {
        self.server.faults_only(counts.clone());
        self.counted = Box::new(counts);
        self
    }

    /// What the good answer says of its end. Defaults to the number of seconds where [`Field::Lifetime`] points.
    #[must_use]
    pub fn expires(mut self, expires: Expires) -> Self {
        self.expires = Some(expires);
        self
    }

    /// What this provider makes of the fault of this name, where it differs from [`Fault::outcome`] for a reason.
    #[must_use]
    pub fn expecting(mut self, fault: impl Into<String>, outcome: Outcome) -> Self {
        let exception = Exception::Expecting(outcome);
        self.exceptions.push((fault.into(), exception));
        self
    }

    /// The fault of this name is not tried; the report says why.
    #[must_use]
    pub fn without(mut self, fault: impl Into<String>, why: impl Into<String>) -> Self {
        let exception = Exception::Withheld(why.into());
        self.exceptions.push((fault.into(), exception));
        self
    }

    fn over(server: FaultServer, issued: Arc<Mutex<Issued>>, make: Make<P>) -> Self {
        Self {
            server,
            make,
            unconfigured: None,
            next: Mutex::new(Next::Configured),
            issued,
            secrets: Vec::new(),
            refusing: None,
            down: Fault::status(503),
            expires: None,
            counted: Box::new(|_| true),
            exceptions: Vec::new(),
        }
    }

    fn exception(&self, name: &str) -> Option<&Exception> {
        let mut exceptions = self.exceptions.iter();
        let (_, exception) = exceptions.find(|(known, _)| known == name)?;
        Some(exception)
    }

    fn requests(&self) -> impl Iterator<Item = Received> {
        let requests = self.server.requests().into_iter();
        requests.filter(|asked| (self.counted)(asked))
    }
}

impl<P: ProvideCredential + fmt::Debug> Fixture for HttpFixture<P> {
    type Provider = P;

    fn provider(&self) -> P {
        match (*lock(&self.next), &self.unconfigured) {
            (Next::Unconfigured, Some(make)) => make(),
            _ => (self.make)(&self.server),
        }
    }

    fn put(&self, condition: &Condition) -> Result<(), String> {
        *lock(&self.next) = Next::Configured;
        if *condition == Condition::Bad(REFUSED.to_owned()) {
            self.server.stop();
            return Ok(());
        }
        self.server.restart();
        let fault = match condition {
            Condition::Healthy => {
                self.server.heal();
                return Ok(());
            }
            Condition::NotConfigured if self.unconfigured.is_some() => {
                *lock(&self.next) = Next::Unconfigured;
                return Ok(());
            }
            Condition::NotConfigured => {
                return Err("say how: HttpFixture::not_configured".to_owned());
            }
            Condition::Hanging => Fault::hang(At::BeforeHeaders),
            Condition::Down => self.down.clone(),
            Condition::Throttling(None) => Fault::status(429),
            Condition::Throttling(Some(time)) => {
                Fault::status(429).retry_after(&time.as_secs().to_string())
            }
            Condition::Refusing => {
                let why = || "say what a no looks like: HttpFixture::refusing".to_owned();
                self.refusing.clone().ok_or_else(why)?
            }
            Condition::Bad(name) => {
                let why = || format!("there is no fault called {name}");
                Fault::named(name).ok_or_else(why)?
            }
        };
        if let Some(why) = fault.not_applicable(self.server.good(), self.server.is_tls()) {
            return Err(why);
        }
        self.server.heal();
        self.server.set(fault);
        Ok(())
    }

    fn calls(&self) -> Option<u64> {
        Some(self.requests().count() as u64)
    }

    fn secrets(&self) -> Vec<String> {
        let mut secrets = self.secrets.clone();
        secrets.extend(lock(&self.issued).tokens.iter().cloned());
        for asked in self.server.requests() {
            secrets.extend(asked.header("authorization").map(ToOwned::to_owned));
            let fields = asked.form().into_iter();
            secrets.extend(
                fields
                    .filter(|(name, _)| is_secret(name))
                    .map(|(_, value)| value),
            );
        }
        secrets
    }

    fn expires(&self) -> Expires {
        if let Some(expires) = self.expires {
            return expires;
        }
        let lifetime = lock(&self.issued).lifetime;
        let lifetime = lifetime.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        lifetime.map_or(Expires::Unknown, Expires::In)
    }

    fn running(&self) -> Option<u64> {
        Some(self.requests().filter(|asked| !asked.is_over()).count() as u64)
    }

    fn bad_answers(&self) -> Vec<BadAnswer> {
        let faults = Fault::all().into_iter().map(|fault| {
            let mut outcome = fault.outcome();
            let mut withheld = fault.not_applicable(self.server.good(), self.server.is_tls());
            match self.exception(fault.name()) {
                Some(Exception::Expecting(other)) => outcome = *other,
                Some(Exception::Withheld(why)) => withheld = Some(why.clone()),
                None => {}
            }
            let bad = BadAnswer::new(fault.name(), outcome);
            let bad = if fault.outlasts_patience() {
                bad.never_ends()
            } else {
                bad
            };
            let bad = match fault.asks_for() {
                Some(time) => bad.asks_for(time),
                None => bad,
            };
            match withheld {
                Some(why) => bad.withheld(why),
                None => bad,
            }
        });
        let mut all: Vec<_> = faults.collect();
        all.push(BadAnswer::new(REFUSED, UNUSABLE));
        all
    }

    fn body_canaries(&self) -> Vec<String> {
        vec![self.server.body_canary().to_owned()]
    }

    fn taken(&self) -> Option<u64> {
        self.server
            .requests()
            .iter()
            .map(Received::sent)
            .max()
            .or(Some(0))
    }
}

impl<P> fmt::Debug for HttpFixture<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpFixture")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// The same good answer, which remembers its tokens.
fn watched(good: Good) -> (Good, Arc<Mutex<Issued>>) {
    let issued = Arc::new(Mutex::new(Issued::default()));
    let (inner, seen) = (good.clone(), Arc::clone(&issued));
    let watched = good.answering(move |asked| {
        let reply = inner.answer(asked);
        let mut issued = lock(&seen);
        if let Some(token) = inner.value(&reply, Field::Token) {
            issued.tokens.extend(token.as_str().map(ToOwned::to_owned));
        }
        if let Some(lifetime) = inner.value(&reply, Field::Lifetime) {
            issued.lifetime = lifetime.as_f64();
        }
        reply
    });
    (watched, issued)
}

/// Whether a form field of this name holds a secret.
fn is_secret(name: &str) -> bool {
    let marks = ["secret", "assertion", "token", "password"];
    !name.ends_with("_type") && marks.iter().any(|mark| name.contains(mark))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Beside the faults: nobody listens.
const REFUSED: &str = "connection-refused";
