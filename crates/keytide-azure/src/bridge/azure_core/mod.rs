//! To and from the credentials of the Azure SDK: [`SdkCredentials`] and [`SdkProvider`].

mod failure;
mod provider;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use keytide_core::{Cache, Credential, CredentialKind, Error};
use time::{Duration, OffsetDateTime};

pub use provider::{SdkProvider, SdkProviderBuilder};

/// Caches of keytide as a credential of the Azure SDK: for any of its clients, one cache for each scope.
///
/// ```
/// use std::sync::Arc;
/// use keytide_azure::DefaultIdentity;
/// use keytide_azure::bridge::SdkCredentials;
/// use keytide_core::{Agent, LongLived};
///
/// fn credential(agent: Agent) -> Arc<SdkCredentials> {
///     SdkCredentials::new(move |scope| {
///         let provider = DefaultIdentity::builder(scope).build()?;
///         agent.cache(provider).key(scope).long_lived(LongLived::Flag).build()
///     })
/// }
/// ```
///
/// A scope that is slow or fails delays no other, and a reader waits only while there is no token.
///
/// # What the SDK keeps
/// The SDK's policy for bearer tokens (azure_core 1.1) keeps a copy of its own. It asks again when five minutes or less
/// are left by the end that it was told, or after a 401; while the copy has not ended, it takes no error for an answer.
///
/// | what happens here | what the SDK sends |
/// |---|---|
/// | the cache rotates | the former token, which is valid still, until five minutes before its end |
/// | the cache is revoked, or its agent terminated | that token, until its end or a 401: only then an error |
/// | a destination refuses the token, with or without claims | keytide is not told which, or why, so it gives what it has |
///
/// With [`asked_each_time`](Self::asked_each_time) the SDK is told that each token has ended when it gets it. It then asks
/// for each request, and takes an error for an answer, so that rotations, revocations and the end of the agent show in
/// the next request. A read of keytide costs less than a microsecond. A client that plans by the end itself, as one over
/// AMQP may, needs [`new`](Self::new).
pub struct SdkCredentials {
    caches: Caches,
    each_time: bool,
}

/// Caches by scope.
struct Caches {
    make: Box<Make>,
    /// Held for a look or a change; also while a cache is made, which contacts nobody. Never across an await.
    made: Mutex<HashMap<String, Cache>>,
}

type Make = dyn Fn(&str) -> Result<Cache, Error> + Send + Sync;

impl SdkCredentials {
    /// Makes the cache for a scope, such as `https://vault.azure.net/.default`, when it is first asked for. One that holds
    /// signing keys is an error of that read, and is not kept.
    #[must_use]
    pub fn new(make: impl Fn(&str) -> Result<Cache, Error> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self::with(make, false))
    }

    /// The same, but the SDK asks for each request.
    #[must_use]
    pub fn asked_each_time(
        make: impl Fn(&str) -> Result<Cache, Error> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self::with(make, true))
    }

    fn with(
        make: impl Fn(&str) -> Result<Cache, Error> + Send + Sync + 'static,
        each_time: bool,
    ) -> Self {
        let caches = Caches {
            make: Box::new(make),
            made: Mutex::default(),
        };
        Self { caches, each_time }
    }

    fn token(&self, credential: &Credential) -> Result<AccessToken, Error> {
        let bytes = credential.expose_bearer("azure sdk")?.to_vec();
        let text = String::from_utf8(bytes).map_err(|_| {
            Error::misconfigured("the token of this scope holds bytes that are no text")
        })?;
        let told = credential.expires_at().and_then(instant);
        let told = told.unwrap_or_else(far);
        let end = if self.each_time {
            told.min(OffsetDateTime::now_utc())
        } else {
            told
        };
        Ok(AccessToken::new(text, end))
    }
}

impl Caches {
    fn of(&self, scope: &str) -> Result<Cache, Error> {
        let mut made = self.made();
        if let Some(cache) = made.get(scope) {
            return Ok(cache.clone());
        }
        if made.len() >= MOST_SCOPES {
            return Err(Error::misconfigured(format!(
                "more than {MOST_SCOPES} scopes were asked for: check what makes them up"
            )));
        }
        let cache = (self.make)(scope)?;
        cache.expect_kind(CredentialKind::BearerToken)?;
        made.insert(scope.to_owned(), cache.clone());
        Ok(cache)
    }

    fn made(&self) -> MutexGuard<'_, HashMap<String, Cache>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl TokenCredential for SdkCredentials {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let &[scope] = scopes else {
            let message = "one scope at a time: a token of Entra is for one resource";
            return Err(azure_core::Error::with_message(
                ErrorKind::Credential,
                message,
            ));
        };
        let failed = |error: Error| {
            let message = format!("no token for {scope}: {error}");
            azure_core::Error::with_error(ErrorKind::Credential, error, message)
        };
        let cache = self.caches.of(scope).map_err(failed)?;
        let credential = cache.get().await.map_err(failed)?;
        self.token(&credential).map_err(failed)
    }
}

impl fmt::Debug for SdkCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut scopes: Vec<_> = self.caches.made().keys().cloned().collect();
        scopes.sort();
        f.debug_struct("SdkCredentials")
            .field("scopes", &scopes)
            .field("each_time", &self.each_time)
            .finish_non_exhaustive()
    }
}

fn instant(instant: SystemTime) -> Option<OffsetDateTime> {
    let since = instant.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    OffsetDateTime::from_unix_timestamp_nanos(i128::try_from(since.as_nanos()).ok()?).ok()
}

/// For what never ends, or after all that a calendar holds.
fn far() -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::days(365)
}

/// More than a program has resources.
const MOST_SCOPES: usize = 256;
