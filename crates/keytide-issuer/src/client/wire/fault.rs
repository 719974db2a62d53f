//! What goes wrong on the way to an issuer: [`Fault`].

use std::error::Error as StdError;
use std::io;

use keytide_core::Error;

/// What went wrong, by how far it came.
#[derive(Debug)]
pub(in crate::client) enum Fault {
    /// No connection, in the time that it may take.
    Late,
    /// No connection: the name leads nowhere, or nobody takes it.
    Unconnected(Box<dyn StdError + Send + Sync>),
    /// The proxy does not let it through.
    Proxy(String),
    /// TLS cannot be set up here.
    Setup(Error),
    /// No TLS with the issuer, or with the proxy.
    Tls(io::Error),
    /// The answer is none, or broke off.
    Broken(hyper::Error),
    /// There were more interim answers than there may be.
    Interim,
}
