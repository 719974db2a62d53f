//! The bare secret in a header of some name: [`NamedHeader`].

use http::header::{HeaderName, HeaderValue};
use keytide_core::{Credential, CredentialKind};

use super::bearer::{shared_value, unfit};
use super::{Answer, Attach, AttachProfile, Outgoing, Remedy};
use crate::error::Error;

/// The bare secret in a header of this name, such as `x-api-key`.
///
/// HTTP clients that follow redirects on their own carry such a header to wherever they are led; the clients of this
/// crate do not.
#[derive(Debug, Clone)]
pub struct NamedHeader {
    name: HeaderName,
}

impl NamedHeader {
    /// A header of this name. Whether it may carry a credential is judged when a client is built: one that is not known to
    /// is to be allowed there, with `allow_credential_header`.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): it is not the name of a header.
    pub fn new(name: &str) -> Result<Self, Error> {
        let name = HeaderName::try_from(name).map_err(|source| {
            let message = "the name of the header is not valid";
            Error::caused_by(crate::ErrorKind::InvalidArgument, message, source)
        })?;
        Ok(Self { name })
    }
}

impl Attach for NamedHeader {
    type Ready = HeaderValue;

    fn profile(&self) -> AttachProfile {
        AttachProfile::new([self.name.clone()]).takes(CredentialKind::BearerToken)
    }

    fn prepare(&self, credential: &Credential) -> Result<HeaderValue, Error> {
        let value = shared_value(credential, false)?;
        // What stands around a value is no part of it (RFC 9110, section 5.5): another secret would arrive.
        if value.as_bytes().trim_ascii().len() < value.len() {
            return Err(unfit());
        }
        Ok(value)
    }

    #[inline]
    fn attach(&self, ready: &HeaderValue, request: &mut Outgoing<'_>) -> Result<(), Error> {
        request.put(self.name.clone(), ready.clone());
        Ok(())
    }

    fn answered(&self, _: &Answer<'_>) -> Remedy {
        Remedy::None
    }
}
