//! The test kit's own promises.

#[cfg(all(feature = "conformance", feature = "tls"))]
mod conformance;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "tls")]
mod tls;
