//! A cache as what other libraries take for a provider of AWS credentials.

#[cfg(feature = "object-store")]
mod object_store;
mod sdk;

#[cfg(feature = "object-store")]
pub use self::object_store::ObjectStoreCredentials;
pub use self::sdk::{SdkCredentials, sdk_config};
