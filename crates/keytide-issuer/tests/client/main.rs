//! The guarded client against servers that misbehave.

mod answers;
mod clocks;
mod faults;
mod interim;
mod proxies;
mod roots;
#[cfg(target_os = "linux")]
mod threads;
mod tls;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use keytide_core::{
    Agent, AgentIdentity, Cache, Error, ErrorKind, Issued, Profile, ProvideCredential, Request,
};
use keytide_issuer::{Ask, Dialect, Endpoint, IssuerClient, KnownCode};

/// A provider whose answers are tokens as they stand.
pub(crate) struct Asking {
    pub(crate) client: IssuerClient,
    pub(crate) endpoint: String,
    /// The issuer's clock, as it was known after the last answer.
    pub(crate) issuer_clock: Arc<Mutex<Option<Duration>>>,
    pub(crate) prepare: fn(Ask) -> Ask,
}

pub(crate) static CODES: Dialect = Dialect::new(
    |body| {
        let text = String::from_utf8_lossy(body);
        text.split_whitespace().map(str::to_owned).collect()
    },
    &[
        KnownCode::new("no_such_agent", ErrorKind::Refused, "register the agent"),
        KnownCode::new("busy", ErrorKind::Unavailable, "the issuer is busy"),
        KnownCode::new("slow_down", ErrorKind::Throttled, "it asks for patience"),
        KnownCode::new("no_setup", ErrorKind::Misconfigured, "set it up"),
        KnownCode::new("not_here", ErrorKind::NotConfigured, "it is not here"),
        KnownCode::new("odd", ErrorKind::TooShort, "the code has an odd sort"),
    ],
);

impl ProvideCredential for Asking {
    fn profile(&self) -> Profile {
        Profile::bearer("asking")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let endpoint = Endpoint::parse(&self.endpoint)?;
        let asked = (self.prepare)(self.client.post(&endpoint))
            .send(request)
            .await;
        let known = request.issuer_now().duration_since(request.now());
        *self.issuer_clock.lock().unwrap() =
            known.ok().filter(|ahead| *ahead > Duration::from_secs(60));
        let answer = asked?.accept(&CODES)?.judged(&CODES)?;
        // A client reads more than a credential may be.
        let body = String::from_utf8_lossy(answer.body());
        let read: String = body.chars().take(8 << 10).collect();
        Ok(Issued::password(read).expires_in(Duration::from_secs(900)))
    }
}

/// A client that does not wait for long.
pub(crate) fn client() -> IssuerClient {
    IssuerClient::builder()
        .connect_timeout(Duration::from_millis(500))
        .answer_timeout(Duration::from_secs(1))
        .build()
        .unwrap()
}

pub(crate) fn asking(endpoint: impl Into<String>) -> Asking {
    Asking {
        client: client(),
        endpoint: endpoint.into(),
        issuer_clock: Arc::default(),
        prepare: |ask| ask,
    }
}

pub(crate) fn cache(provider: impl ProvideCredential) -> Cache {
    let identity = AgentIdentity {
        agent_type: "guard".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    let agent = Agent::builder(identity).build().unwrap();
    agent.cache(provider).build().unwrap()
}

/// The error of one call.
pub(crate) async fn failed(provider: Asking) -> Error {
    cache(provider).get().await.unwrap_err()
}

/// An error with all that stands behind it.
pub(crate) fn whole(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
