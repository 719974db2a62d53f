//! One provider under test, with an issuer, an agent and a cache of its own: [`Case`].

use std::error::Error as _;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use keytide_core::{Agent, AgentBuilder, AgentIdentity, Cache, Credential, CredentialKind, Error};

use super::fixture::{Condition, Expires, Fixture};
use super::probe::{Call, End, Probe, Probed};
use super::rule::Rule;
use super::sight::{Kind, Place};
use super::suite::Suite;
use crate::recorder::Recorder;

pub(super) struct Case<F: Fixture> {
    pub(super) suite: Arc<Suite<F>>,
    pub(super) fixture: Arc<F>,
    pub(super) probe: Arc<Probe<F::Provider>>,
    pub(super) cache: Cache,
    agent: Agent,
    recorder: Recorder,
    name: String,
    limit: Duration,
}

impl<F: Fixture> Case<F> {
    /// A provider of a healthy issuer.
    pub(super) fn new(suite: &Arc<Suite<F>>, name: impl Into<String>) -> Self {
        Self::with(suite, name, CALL_LIMIT, |agent| agent, &Condition::Healthy)
    }

    /// The same with this limit for a call.
    pub(super) fn limited(suite: &Arc<Suite<F>>, name: impl Into<String>, limit: Duration) -> Self {
        Self::with(suite, name, limit, |agent| agent, &Condition::Healthy)
    }

    /// A provider that is made when its issuer is so.
    pub(super) fn with(
        suite: &Arc<Suite<F>>,
        name: impl Into<String>,
        limit: Duration,
        agent: impl FnOnce(AgentBuilder) -> AgentBuilder,
        condition: &Condition,
    ) -> Self {
        let fixture = Arc::new((suite.make)());
        for secret in fixture.secrets() {
            suite.sight.secret(Kind::Input, secret.as_bytes());
        }
        for canary in fixture.body_canaries() {
            suite.sight.secret(Kind::Body, canary.as_bytes());
        }
        // Where it cannot be so, the check that wants it has found out before.
        let _ = fixture.put(condition);
        let probe = Probe::new(fixture.provider());
        let recorder = Recorder::new();
        let builder = Agent::builder(identity()).runtime(suite.home.clone());
        let builder = agent(builder.observe(recorder.observer()));
        let agent = expect(builder.build());
        let cache = expect(cache_of(&agent, &probe, &fixture, limit));
        Self {
            suite: Arc::clone(suite),
            fixture,
            probe,
            cache,
            agent,
            recorder,
            name: name.into(),
            limit,
        }
    }

    /// Another cache over the same provider.
    pub(super) fn another_cache(&self) -> Cache {
        expect(cache_of(
            &self.agent,
            &self.probe,
            &self.fixture,
            self.limit,
        ))
    }

    /// Has the issuer be so; where it cannot be, the rule is not applicable.
    pub(super) fn put(&self, condition: &Condition, rule: Rule) -> bool {
        match self.fixture.put(condition) {
            Ok(()) => true,
            Err(why) => {
                self.suite.findings.skip(rule, why);
                false
            }
        }
    }

    /// Asks the issuer by name, and remembers what must not be seen.
    pub(super) async fn refresh(&self) -> Result<Arc<Credential>, Error> {
        let result = patiently(self.cache.refresh_now()).await;
        self.looked_at(&result);
        result
    }

    /// Remembers what a call has brought, as a secret or as a text.
    pub(super) fn looked_at(&self, result: &Result<Arc<Credential>, Error>) {
        let sight = &self.suite.sight;
        match result {
            Ok(credential) => {
                sight.secret(Kind::Credential, secret_of(credential));
                let exposed = credential.expose_signing_key(REASON).ok();
                if let Some(token) = exposed.and_then(|exposed| exposed.session_token) {
                    sight.secret(Kind::Credential, token);
                }
                let text = format!("{credential:?} {credential:#?}");
                sight.text(Place::Debug, self.when("the credential"), text);
            }
            Err(error) => sight.text(
                Place::Error,
                self.when("the error"),
                chain(error).join("\n"),
            ),
        }
        // What the fixture has found out meanwhile.
        for secret in self.fixture.secrets() {
            sight.secret(Kind::Input, secret.as_bytes());
        }
    }

    /// The calls that ended since this was last asked. Each is looked at for panics and for what its texts hold.
    pub(super) fn take_calls(&self) -> Vec<Call> {
        let calls = self.probe.take();
        let (findings, sight) = (&self.suite.findings, &self.suite.sight);
        for call in &calls {
            let panicked = matches!(call.end, End::Panicked);
            findings.judge(Rule::NeverPanics, !panicked, || self.when("it panicked"));
            match &call.end {
                End::Issued(debug) => {
                    sight.text(Place::Debug, self.when("what was issued"), debug.clone());
                }
                End::Failed(error) => {
                    let mut texts = chain(error);
                    texts.push(format!("{error:?} {error:#?}"));
                    sight.text(Place::Error, self.when("the error"), texts.join("\n"));
                    let read = reads_well(error);
                    findings.judge(Rule::ErrorsRead, read.is_ok(), || {
                        self.when(&read.err().unwrap_or_default())
                    });
                }
                _ => {}
            }
        }
        calls
    }

    pub(super) fn when(&self, what: &str) -> String {
        if self.name.is_empty() {
            what.to_owned()
        } else {
            format!("{}: {what}", self.name)
        }
    }

    /// Looks at what is left.
    pub(super) async fn finish(self) {
        self.take_calls();
        let sight = &self.suite.sight;
        let provider = &self.probe.provider;
        let debug = format!("{provider:?} {provider:#?}");
        sight.text(Place::Debug, self.when("the provider"), debug);
        let profile = keytide_core::ProvideCredential::profile(provider);
        let profile = format!("{profile:?} {profile:#?}");
        sight.text(Place::Debug, self.when("its profile"), profile);
        // Observers run behind.
        tokio::time::sleep(BEHIND).await;
        let events = format!("{:?}", self.recorder.events());
        sight.text(Place::Event, self.when("an event"), events);
    }
}

/// A result of a call, however long the call takes.
pub(super) async fn patiently(
    call: impl Future<Output = Result<Arc<Credential>, Error>>,
) -> Result<Arc<Credential>, Error> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(result) => result,
        Err(_) => Err(Error::unavailable(format!(
            "no end of the call within {PATIENCE:?}"
        ))),
    }
}

/// The messages of an error and of its causes.
pub(super) fn chain(error: &Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    texts
}

/// Whether the provider's error is a clause that says something, and its chain says each thing once.
fn reads_well(error: &Error) -> Result<(), String> {
    let chain = chain(error);
    let message = chain.first().map_or("", String::as_str);
    let first = message.split_whitespace().next().unwrap_or_default();
    let name = |word: &str| word.chars().skip(1).any(|c| !c.is_lowercase());
    if message.split_whitespace().count() < 3 {
        return Err(format!("\"{message}\" does not say what is wrong"));
    }
    if first.chars().next().is_some_and(char::is_uppercase) && !name(first) {
        return Err(format!("\"{message}\" begins with a capital letter"));
    }
    if message.ends_with('.') {
        return Err(format!("\"{message}\" ends with a full stop"));
    }
    for (place, text) in chain.iter().enumerate() {
        let above = chain.get(..place).unwrap_or_default();
        if above.iter().any(|above| above.contains(text.as_str())) {
            return Err(format!("the chain says twice: \"{text}\""));
        }
    }
    Ok(())
}

fn cache_of<F: Fixture>(
    agent: &Agent,
    probe: &Arc<Probe<F::Provider>>,
    fixture: &Arc<F>,
    limit: Duration,
) -> Result<Cache, Error> {
    let builder = agent.cache(Probed(Arc::clone(probe))).flight_limit(limit);
    match fixture.expires() {
        Expires::Never => builder.danger_allow_static().build(),
        _ => builder.build(),
    }
}

fn identity() -> AgentIdentity {
    AgentIdentity {
        agent_type: "conformance-suite".into(),
        version: "0.0.0".into(),
        environment: "test".into(),
        owner: "tests".into(),
    }
}

/// What the suite builds itself is valid.
fn expect<T>(result: Result<T, Error>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the suite could not be set up: {error}"),
    }
}

/// The limit of a call whose issuer answers.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(30);
const BEHIND: Duration = Duration::from_millis(50);

/// The secret of a credential, whatever its kind.
pub(super) fn secret_of(credential: &Credential) -> &[u8] {
    let exposed = match credential.kind() {
        CredentialKind::SigningKey => credential.expose_signing_key(REASON).map(|key| key.secret),
        _ => credential.expose_bearer(REASON),
    };
    exposed.unwrap_or_default()
}

const REASON: &str = "conformance suite";
