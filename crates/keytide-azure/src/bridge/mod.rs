//! Credentials that keytide keeps fresh, for clients that bring their own idea of where a token comes from; and those of the
//! Azure SDK, for keytide to keep fresh.
//!
//! | bridge | for | feature |
//! |---|---|---|
//! | `SdkCredentials` | every client of the Azure SDK | `azure_core` |
//! | `ObjectStoreCredentials` | `object_store`'s Azure stores | `object_store` |
//! | `SdkProvider` | any credential of the Azure SDK, as a provider of keytide | `azure_core` |
//! | `IdentityProvider` | any of the crate `azure_identity`: the sign-ins of a developer's machine | `azure_identity` |

#[cfg(feature = "azure_core")]
mod azure_core;
#[cfg(feature = "azure_identity")]
mod azure_identity;
#[cfg(feature = "object_store")]
mod object_store;

#[cfg(feature = "azure_core")]
#[cfg_attr(docsrs, doc(cfg(feature = "azure_core")))]
pub use self::azure_core::{SdkCredentials, SdkProvider, SdkProviderBuilder};
#[cfg(feature = "azure_identity")]
#[cfg_attr(docsrs, doc(cfg(feature = "azure_identity")))]
pub use self::azure_identity::{IdentityProvider, IdentityProviderBuilder};
#[cfg(feature = "object_store")]
#[cfg_attr(docsrs, doc(cfg(feature = "object_store")))]
pub use self::object_store::ObjectStoreCredentials;
