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

/// What was said, and where: a variable, or a word of a builder.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) value: String,
    by: &'static str,
}

impl Said {
    pub(crate) fn new(value: impl Into<String>, by: &'static str) -> Self {
        Self {
            value: value.into(),
            by,
        }
    }

    fn wrong(&self, what: &str) -> Error {
        Error::misconfigured(format!("{} {what}", self.by))
    }
}

/// Who asks, and where.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) endpoint: Endpoint,
    pub(crate) client_id: String,
}

impl Client {
    /// # Errors
    /// `Misconfigured`, naming where the value that is wrong was said, and nothing of it.
    pub(crate) fn new(authority: &Said, tenant: &Said, client_id: &Said) -> Result<Self, Error> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if tenant.value.is_empty() || !tenant.value.bytes().all(plain) {
            return Err(tenant.wrong(
                "is no tenant: give its id or one of its domains, in letters, digits, dots and hyphens, without blanks",
            ));
        }
        if !is_client_id(&client_id.value) {
            return Err(
                client_id.wrong("is no client id: give it in printable ASCII without blanks")
            );
        }
        let parsed = Endpoint::parse(&authority.value);
        let authority = parsed.map_err(|error| {
            authority
                .wrong("is no login service that can be asked, such as https://login.microsoftonline.com")
                .caused_by(error)
        })?;
        Ok(Self {
            endpoint: authority.at_path(&format!("/{}/oauth2/v2.0/token", tenant.value))?,
            client_id: client_id.value.clone(),
        })
    }
}

/// Printable, and no blank around it.
pub(crate) fn is_client_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// For a token that lives longer than the policy of a cache allows.
pub(crate) const REMEDY: &str = "\
Entra gives tokens of up to 28 h to a client that declares continuous_access_evaluation, and of up to 24 h where a token \
lifetime policy of the tenant says so: leave that out or shorten it, or build the cache with long_lived(LongLived::Flag) to be \
served and told";

/// The public cloud's.
pub(crate) const AUTHORITY: &str = "https://login.microsoftonline.com";
