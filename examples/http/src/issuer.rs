//! An issuer in the same process: [`Issuer`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use tokio::time::Instant;

/// Issues tokens that are accepted for their lifetime and not a moment longer. Clones are the same issuer.
#[derive(Debug, Clone)]
pub struct Issuer {
    lifetime: Duration,
    issued: Arc<Mutex<HashMap<String, Instant>>>,
}

impl Issuer {
    /// An issuer of tokens that live this long.
    #[must_use]
    pub fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            issued: Arc::default(),
        }
    }

    /// Whether the value of an `Authorization` header holds a token that is accepted now.
    #[must_use]
    pub fn accepts(&self, authorization: Option<&http::HeaderValue>) -> bool {
        let token = authorization
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let end = token.and_then(|token| self.issued().get(token).copied());
        end.is_some_and(|end| Instant::now() < end)
    }

    /// How many tokens were issued.
    #[must_use]
    pub fn rotations(&self) -> usize {
        self.issued().len()
    }

    /// Accepts none of the tokens that were issued so far.
    pub fn reject_all(&self) {
        for end in self.issued().values_mut() {
            *end = Instant::now();
        }
    }

    fn issued(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProvideCredential for Issuer {
    fn profile(&self) -> Profile {
        Profile::bearer("example_issuer")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let mut issued = self.issued();
        let token = format!("token-{}", issued.len() + 1);
        issued.insert(token.clone(), Instant::now() + self.lifetime);
        Ok(Issued::bearer(token).expires_in(self.lifetime))
    }
}
