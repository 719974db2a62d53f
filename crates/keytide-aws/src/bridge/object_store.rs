//! The crate `object_store` over a cache: [`ObjectStoreCredentials`].

use std::sync::Arc;

use async_trait::async_trait;
use keytide_core::{Cache, CredentialKind, Error};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;

/// A cache as the credential provider of `object_store`'s S3 client, which asks it for each request.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use keytide_aws::ContainerEndpoint;
/// use keytide_aws::bridge::ObjectStoreCredentials;
/// use object_store::aws::AmazonS3Builder;
/// # use keytide_core::Agent;
///
/// # fn example(agent: Agent) -> Result<(), Box<dyn std::error::Error>> {
/// let role = agent.cache(ContainerEndpoint::new()).build()?;
///
/// let store = AmazonS3Builder::new()
///     .with_region("eu-west-1")
///     .with_bucket_name("invoices")
///     .with_credentials(Arc::new(ObjectStoreCredentials::new(role)?))
///     .build()?;
/// # Ok(())
/// # }
/// ```
///
/// Each request gets a copy, which `object_store` does not wipe.
#[derive(Debug, Clone)]
pub struct ObjectStoreCredentials {
    cache: Cache,
}

impl ObjectStoreCredentials {
    /// What this cache holds.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), where the cache holds no signing keys.
    pub fn new(cache: Cache) -> Result<Self, Error> {
        cache.expect_kind(CredentialKind::SigningKey)?;
        Ok(Self { cache })
    }

    async fn current(&self) -> Result<AwsCredential, Error> {
        let credential = self.cache.get().await?;
        let keys = crate::keys::for_sdk(&credential, "object_store")?;
        Ok(AwsCredential {
            key_id: keys.access_key_id().to_owned(),
            secret_key: keys.secret_access_key().to_owned(),
            token: keys.session_token().map(ToOwned::to_owned),
        })
    }
}

#[async_trait]
impl CredentialProvider for ObjectStoreCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        match self.current().await {
            Ok(credential) => Ok(Arc::new(credential)),
            Err(error) => Err(object_store::Error::Generic {
                store: "keytide",
                source: error.into(),
            }),
        }
    }
}
