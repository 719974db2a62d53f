//! Bridges to other crates' ways to hold credentials, one a file.

#[cfg(feature = "azure_core")]
mod azure_core;
#[cfg(feature = "object_store")]
mod object_store;

#[cfg(feature = "azure_core")]
pub use self::azure_core::{SdkCredential, SdkProvider};
#[cfg(feature = "object_store")]
pub use self::object_store::StoreCredential;
