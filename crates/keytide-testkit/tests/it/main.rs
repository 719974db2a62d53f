//! The test kit's own promises.

#[cfg(feature = "server")]
mod server;
#[cfg(feature = "tls")]
mod tls;
