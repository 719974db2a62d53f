//! For programs that take a `gcp_auth::TokenProvider`: [`GcpAuthCredentials`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gcp_auth::{Token, TokenProvider};
use keytide_core::{Cache, Credential, CredentialKind, Error};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{current, text};

/// Caches of access tokens by their scopes, as a `gcp_auth::TokenProvider`.
///
/// A program that asks for scopes which no cache here has gets an error, never a token for something else. Their order does
/// not matter. One scope never waits for another: each has a cache of its own.
///
/// `gcp_auth`'s own token type holds a copy that is not wiped; a token ends there when it ends here, to the second.
///
/// ```
/// use gcp_auth::TokenProvider;
/// use keytide_core::Cache;
/// use keytide_gcp::bridge::GcpAuthCredentials;
///
/// # async fn example(storage: Cache) -> Result<(), Box<dyn std::error::Error>> {
/// let scopes = ["https://www.googleapis.com/auth/devstorage.read_only"];
/// let provider = GcpAuthCredentials::new("project-1").serve(scopes, storage)?;
/// let token = provider.token(&scopes).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct GcpAuthCredentials {
    project: Arc<str>,
    served: Vec<(Vec<String>, Cache)>,
}

impl GcpAuthCredentials {
    /// A bridge for this project, which serves nothing yet.
    #[must_use]
    pub fn new(project: impl Into<Arc<str>>) -> Self {
        Self {
            project: project.into(),
            served: Vec::new(),
        }
    }

    /// Serves these scopes from this cache, which was built to ask for them.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when the cache holds signing keys.
    pub fn serve<S: Into<String>>(
        mut self,
        scopes: impl IntoIterator<Item = S>,
        cache: Cache,
    ) -> Result<Self, Error> {
        cache.expect_kind(CredentialKind::BearerToken)?;
        let scopes = sorted(scopes.into_iter().map(Into::into).collect());
        self.served.push((scopes, cache));
        Ok(self)
    }
}

#[async_trait]
impl TokenProvider for GcpAuthCredentials {
    async fn token(&self, scopes: &[&str]) -> Result<Arc<Token>, gcp_auth::Error> {
        let wanted = sorted(scopes.iter().map(|scope| (*scope).to_owned()).collect());
        let found = self.served.iter().find(|(known, _)| *known == wanted);
        let Some((_, cache)) = found else {
            return Err(gcp_auth::Error::Str(
                "no cache of keytide serves these scopes",
            ));
        };
        let credential = current(cache).await.map_err(failed)?;
        token(&credential)
    }

    async fn project_id(&self) -> Result<Arc<str>, gcp_auth::Error> {
        Ok(Arc::clone(&self.project))
    }
}

fn failed(error: Error) -> gcp_auth::Error {
    gcp_auth::Error::Other("keytide has no token", Box::new(error))
}

fn sorted(mut scopes: Vec<String>) -> Vec<String> {
    scopes.sort();
    scopes.dedup();
    scopes
}

/// There is no other way to a token of theirs than to parse one.
fn token(credential: &Credential) -> Result<Arc<Token>, gcp_auth::Error> {
    #[derive(Serialize)]
    struct TokenResponse<'a> {
        access_token: &'a str,
        expires_in: u64,
    }
    let wrong = |error| gcp_auth::Error::Json("the token does not fit", error);
    let access_token = text(credential, "gcp_auth token").map_err(failed)?;
    let response = TokenResponse {
        access_token: &access_token,
        expires_in: credential.remaining().min(LONGEST).as_secs(),
    };
    let json = Zeroizing::new(serde_json::to_vec(&response).map_err(wrong)?);
    let token: Token = serde_json::from_slice(&json).map_err(wrong)?;
    Ok(Arc::new(token))
}

/// A static credential has no end; theirs must have one.
const LONGEST: Duration = Duration::from_secs(3600);
