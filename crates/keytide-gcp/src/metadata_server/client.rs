//! How long a metadata server is waited for: [`Client`].

use std::time::Duration;

use keytide_core::Error;
use keytide_issuer::{Env, IssuerClient};

/// The client that was given, else one as patient as the environment says.
#[derive(Debug)]
pub(super) struct Client(pub(super) Option<IssuerClient>);

impl Client {
    pub(super) fn now(&self, env: &Env) -> Result<IssuerClient, Error> {
        match &self.0 {
            Some(given) => Ok(given.clone()),
            None => IssuerClient::quick(Duration::from_secs(patience(env)?)),
        }
    }
}

/// In seconds. A server on the same machine answers at once, or is not there.
fn patience(env: &Env) -> Result<u64, Error> {
    let told = env.get("GCE_METADATA_TIMEOUT")?;
    match told.as_deref().map(str::parse) {
        None => Ok(ANSWER),
        Some(Ok(seconds)) if (1..=600).contains(&seconds) => Ok(seconds),
        Some(_) => Err(Error::misconfigured(
            "GCE_METADATA_TIMEOUT is no number of seconds from 1 to 600",
        )),
    }
}

/// Seconds.
const ANSWER: u64 = 10;
