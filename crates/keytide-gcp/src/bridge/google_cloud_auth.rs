//! For the official clients: [`SdkCredentials`].

use std::sync::{Mutex, PoisonError};

use google_cloud_auth::credentials::{
    AccessToken, AccessTokenCredentialsProvider, CacheableResource, CredentialsProvider, EntityTag,
};
use google_cloud_auth::errors::CredentialsError;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use keytide_core::{Cache, Credential, CredentialKind, Error, ErrorKind};

use super::{current, text};
use crate::QuotaProject;
use crate::hosts::GOOGLE;

/// A cache as the credentials of `google_cloud_auth`, which every official client takes.
///
/// Each generation has a tag of its own, so a client builds its headers once a generation. A failure is never final for
/// keytide, whatever its kind: a client that asks again is served as soon as there is a token.
///
/// ```
/// use google_cloud_auth::credentials::Credentials;
/// use keytide_core::Cache;
/// use keytide_gcp::bridge::SdkCredentials;
///
/// # fn example(token: Cache) -> Result<(), keytide_core::Error> {
/// let credentials = Credentials::from(SdkCredentials::new(token)?.quota_project("project-1")?);
/// # let _ = credentials;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SdkCredentials {
    cache: Cache,
    quota_project: Option<HeaderValue>,
    /// What a file or the environment names, where nothing was said.
    named: QuotaProject,
    universe: Option<String>,
    /// The tag of the generation that was given out last. Held for a comparison, never across an await.
    tagged: Mutex<Option<(u64, EntityTag)>>,
}

impl SdkCredentials {
    /// The credential of this cache.
    ///
    /// # Errors
    /// [`Misconfigured`](ErrorKind::Misconfigured) when the cache holds signing keys.
    pub fn new(cache: Cache) -> Result<Self, Error> {
        cache.expect_kind(CredentialKind::BearerToken)?;
        Ok(Self {
            cache,
            quota_project: None,
            named: QuotaProject::default(),
            universe: None,
            tagged: Mutex::new(None),
        })
    }

    /// The project that pays for the requests (`x-goog-user-project`). Defaults to that of the account.
    ///
    /// # Errors
    /// [`Misconfigured`](ErrorKind::Misconfigured) for a name that no header can carry.
    pub fn quota_project(mut self, project: &str) -> Result<Self, Error> {
        let value = HeaderValue::from_str(project).map_err(|_| {
            Error::misconfigured("the quota project holds bytes that no header can carry")
        })?;
        self.quota_project = Some(value);
        Ok(self)
    }

    /// The project that the provider's file or environment names to pay, such as
    /// [`ApplicationDefault::quota_project`](crate::ApplicationDefault::quota_project) gives. One that is said by
    /// [`quota_project`](Self::quota_project) wins.
    #[must_use]
    pub fn quota_project_of(mut self, named: QuotaProject) -> Self {
        self.named = named;
        self
    }

    /// The universe that the tokens are of, which the clients compare with their own. Defaults to `googleapis.com`.
    #[must_use]
    pub fn universe_domain(mut self, domain: impl Into<String>) -> Self {
        self.universe = Some(domain.into());
        self
    }

    fn tag(&self, generation: u64) -> EntityTag {
        let mut tagged = self.tagged.lock().unwrap_or_else(PoisonError::into_inner);
        match &*tagged {
            Some((known, tag)) if *known == generation => tag.clone(),
            _ => {
                let tag = EntityTag::new();
                *tagged = Some((generation, tag.clone()));
                tag
            }
        }
    }

    fn headers_of(&self, credential: &Credential) -> Result<HeaderMap, CredentialsError> {
        let shared = credential
            .share_bearer("google_cloud_auth header")
            .map_err(failure)?;
        let bytes = bytes::Bytes::from_owner(shared);
        let mut value = HeaderValue::from_maybe_shared(bytes)
            .map_err(|_| CredentialsError::from_msg(false, "the token does not fit in a header"))?;
        value.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value);
        // What a file names was checked: it fits in a header.
        let named = || HeaderValue::from_str(&self.named.get()?).ok();
        if let Some(project) = self.quota_project.clone().or_else(named) {
            headers.insert(HeaderName::from_static("x-goog-user-project"), project);
        }
        Ok(headers)
    }
}

impl CredentialsProvider for SdkCredentials {
    async fn headers(
        &self,
        extensions: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let credential = current(&self.cache).await.map_err(failure)?;
        let entity_tag = self.tag(credential.generation());
        if extensions.get::<EntityTag>() == Some(&entity_tag) {
            return Ok(CacheableResource::NotModified);
        }
        let data = self.headers_of(&credential)?;
        Ok(CacheableResource::New { entity_tag, data })
    }

    async fn universe_domain(&self) -> Option<String> {
        Some(self.universe.clone().unwrap_or_else(|| GOOGLE.to_owned()))
    }
}

impl AccessTokenCredentialsProvider for SdkCredentials {
    async fn access_token(&self) -> Result<AccessToken, CredentialsError> {
        let credential = current(&self.cache).await.map_err(failure)?;
        let token = text(&credential, "google_cloud_auth token").map_err(failure)?;
        Ok(AccessToken {
            token: token.to_string(),
        })
    }
}

/// Transient is whatever may be better the next time, as their clients understand it.
fn failure(error: Error) -> CredentialsError {
    let transient = matches!(
        error.kind(),
        ErrorKind::Unavailable | ErrorKind::Throttled | ErrorKind::Expired | ErrorKind::TimedOut
    );
    CredentialsError::from_source(transient, error)
}
