//! A cache as what other libraries take for a provider of AWS credentials.
//!
//! Each of these asks whenever it sends a request, and is given the keys that are current. It needs no cache of its own, and
//! must not be given one: behind it a refresh would not be seen.
//!
//! | bridge | for | feature |
//! |---|---|---|
//! | [`SdkCredentials`], set by [`sdk_config`] | the AWS SDK for Rust | always there |
//! | `ObjectStoreCredentials` | `object_store`'s S3 | `object_store` |

#[cfg(feature = "object_store")]
mod object_store;
mod sdk;

#[cfg(feature = "object_store")]
#[cfg_attr(docsrs, doc(cfg(feature = "object_store")))]
pub use self::object_store::ObjectStoreCredentials;
pub use self::sdk::{SdkCredentials, sdk_config};
