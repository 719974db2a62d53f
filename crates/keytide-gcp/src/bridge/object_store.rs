//! For the crate `object_store`: [`ObjectStoreCredentials`].

use std::sync::Arc;

use async_trait::async_trait;
use keytide_core::{Cache, CredentialKind, Error};
use object_store::CredentialProvider;
use object_store::gcp::GcpCredential;

use super::{current, text};

/// A cache as the credential of a `GoogleCloudStorageBuilder`: asked for each request, so a rotation shows on the next one.
///
/// `object_store`'s own credential type holds a copy that is not wiped.
///
/// ```
/// use std::sync::Arc;
/// use keytide_core::Cache;
/// use keytide_gcp::bridge::ObjectStoreCredentials;
///
/// # fn example(token: Cache) -> Result<(), keytide_core::Error> {
/// let credentials = Arc::new(ObjectStoreCredentials::new(token)?);
/// // GoogleCloudStorageBuilder::new().with_bucket_name("invoices").with_credentials(credentials)
/// # let _ = credentials;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ObjectStoreCredentials {
    cache: Cache,
}

impl ObjectStoreCredentials {
    /// The credential of this cache.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when the cache holds signing keys.
    pub fn new(cache: Cache) -> Result<Self, Error> {
        cache.expect_kind(CredentialKind::BearerToken)?;
        Ok(Self { cache })
    }
}

#[async_trait]
impl CredentialProvider for ObjectStoreCredentials {
    type Credential = GcpCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<GcpCredential>> {
        let failed = |error: Error| object_store::Error::Generic {
            store: "keytide",
            source: Box::new(error),
        };
        let credential = current(&self.cache).await.map_err(failed)?;
        let token = text(&credential, "object_store bearer").map_err(failed)?;
        let bearer = token.to_string();
        Ok(Arc::new(GcpCredential { bearer }))
    }
}
