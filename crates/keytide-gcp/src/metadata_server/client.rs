//! How long a metadata server is waited for: [`Client`].

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use keytide_core::Error;
use keytide_issuer::Env;
use keytide_issuer::IssuerClient;

/// The client that was given, else one as patient as the environment says.
#[derive(Debug)]
pub(super) struct Client {
    given: Option<IssuerClient>,
    /// The one that was made last, and its seconds. Held for a comparison, never across an await.
    made: Mutex<Option<(u64, IssuerClient)>>,
}

impl Client {
    pub(super) fn new(given: Option<IssuerClient>) -> Self {
        Self {
            given,
            made: Mutex::new(None),
        }
    }

    pub(super) fn now(&self, env: &Env) -> Result<IssuerClient, Error> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        let seconds = patience(env)?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        match &*made {
            Some((known, client)) if *known == seconds => Ok(client.clone()),
            _ => {
                let client = IssuerClient::builder()
                    .connect_timeout(Duration::from_secs(seconds.min(CONNECTION)))
                    .answer_timeout(Duration::from_secs(seconds))
                    .build()?;
                *made = Some((seconds, client.clone()));
                Ok(client)
            }
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
const CONNECTION: u64 = 2;
const ANSWER: u64 = 10;
