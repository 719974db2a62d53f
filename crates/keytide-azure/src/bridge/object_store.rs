//! For the Azure stores of `object_store`: [`ObjectStoreCredentials`].

use std::sync::Arc;

use keytide_core::{Cache, CredentialKind, Error};
use object_store::CredentialProvider;
use object_store::azure::AzureCredential;

/// A cache of bearer tokens as the credential of an Azure store: `object_store` asks it for each request, so rotations and
/// revocations show in the next one.
///
/// ```
/// use std::sync::Arc;
///
/// use keytide_azure::bridge::ObjectStoreCredentials;
/// use keytide_core::{Cache, Error};
/// use object_store::azure::MicrosoftAzureBuilder;
///
/// /// The cache holds tokens for `https://storage.azure.com`.
/// fn store(cache: Cache) -> Result<MicrosoftAzureBuilder, Error> {
///     Ok(MicrosoftAzureBuilder::new()
///         .with_account("invoices")
///         .with_container_name("2026")
///         .with_credentials(Arc::new(ObjectStoreCredentials::new(cache)?)))
/// }
/// ```
///
/// `object_store` makes a header of the token for each request, in memory that is not wiped.
#[derive(Debug, Clone)]
pub struct ObjectStoreCredentials {
    cache: Cache,
}

impl ObjectStoreCredentials {
    /// The tokens of this cache.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming the cache, when it holds signing keys.
    pub fn new(cache: Cache) -> Result<Self, Error> {
        cache.expect_kind(CredentialKind::BearerToken)?;
        Ok(Self { cache })
    }
}

#[async_trait::async_trait]
impl CredentialProvider for ObjectStoreCredentials {
    type Credential = AzureCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AzureCredential>> {
        let failed =
            |source: Box<dyn std::error::Error + Send + Sync>| object_store::Error::Generic {
                store: "MicrosoftAzure",
                source,
            };
        let credential = self
            .cache
            .get()
            .await
            .map_err(|error| failed(error.into()))?;
        let bytes = credential
            .expose_bearer("object store")
            .map_err(|error| failed(error.into()))?;
        let token = String::from_utf8(bytes.to_vec())
            .map_err(|_| failed("the token holds bytes that are no text".into()))?;
        Ok(Arc::new(AzureCredential::BearerToken(token)))
    }
}
