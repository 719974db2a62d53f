//! Credentials that keytide keeps fresh, for clients that bring their own idea of where a token comes from.
//!
//! Each of these asks for a token whenever it sends a request, and is given the one that is current. It needs no cache of
//! its own, and must not be given one: behind it a refresh would not be seen.
//!
//! | bridge | for | feature |
//! |---|---|---|
//! | [`GcpAuthCredentials`] | `gcp_auth::TokenProvider` | always there |
//! | `SdkCredentials` | `google_cloud_auth::credentials::Credentials`, which all official clients take | `google_cloud_auth` |
//! | `ObjectStoreCredentials` | `object_store`'s Cloud Storage | `object_store` |

mod gcp_auth;
#[cfg(feature = "google_cloud_auth")]
mod google_cloud_auth;
#[cfg(feature = "object_store")]
mod object_store;

use std::sync::Arc;

use keytide_core::{Cache, Credential, Error};
use zeroize::Zeroizing;

pub use self::gcp_auth::GcpAuthCredentials;
#[cfg(feature = "google_cloud_auth")]
#[cfg_attr(docsrs, doc(cfg(feature = "google_cloud_auth")))]
pub use self::google_cloud_auth::SdkCredentials;
#[cfg(feature = "object_store")]
#[cfg_attr(docsrs, doc(cfg(feature = "object_store")))]
pub use self::object_store::ObjectStoreCredentials;

/// The credential that is current: without waiting while there is a usable one.
async fn current(cache: &Cache) -> Result<Arc<Credential>, Error> {
    cache.get().await
}

/// A token as text. Google's are ASCII, and so is every token that a provider here lets through.
fn text(credential: &Credential, reason: &'static str) -> Result<Zeroizing<String>, Error> {
    let token = credential.expose_bearer(reason)?;
    Ok(Zeroizing::new(String::from_utf8_lossy(token).into_owned()))
}
