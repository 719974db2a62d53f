//! Entra's token endpoint: one exchange of a proof for a token.

mod assertion_file;
mod claims;
mod codes;
mod exchange;
mod proof;

use keytide_core::Error;
use keytide_issuer::Endpoint;

pub(crate) use assertion_file::AssertionFile;
pub(crate) use exchange::Exchange;
pub(crate) use proof::Proof;

/// Who asks, and where.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) endpoint: Endpoint,
    pub(crate) client_id: String,
}

impl Client {
    /// # Errors
    /// `Misconfigured`, naming the value that is wrong.
    pub(crate) fn new(authority: &str, tenant: &str, client_id: &str) -> Result<Self, Error> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if tenant.is_empty() || !tenant.bytes().all(plain) {
            return Err(Error::misconfigured(
                "the tenant must be its id or one of its domains: letters, digits, dots and hyphens",
            ));
        }
        if client_id.is_empty() || !client_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::misconfigured(
                "the client id must be printable ASCII without spaces, and not empty",
            ));
        }
        let authority = Endpoint::parse(authority)?;
        Ok(Self {
            endpoint: authority.at_path(&format!("/{tenant}/oauth2/v2.0/token"))?,
            client_id: client_id.to_owned(),
        })
    }
}

/// The public cloud's.
pub(crate) const AUTHORITY: &str = "https://login.microsoftonline.com";
