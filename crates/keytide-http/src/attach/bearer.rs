//! `Authorization: Bearer …`: [`Bearer`].

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use keytide_core::{Credential, CredentialKind};

use super::{Answer, Attach, AttachProfile, Outgoing, Remedy};
use crate::error::Error;

/// `Authorization: Bearer …` (RFC 6750, section 2.1): what a client does unless it is told otherwise.
///
/// The value of the header is the secret's own buffer, so nothing is copied.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Bearer;

impl Bearer {
    /// The one way to do it.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl Attach for Bearer {
    type Ready = HeaderValue;

    fn profile(&self) -> AttachProfile {
        AttachProfile::new([AUTHORIZATION]).takes(CredentialKind::BearerToken)
    }

    fn prepare(&self, credential: &Credential) -> Result<HeaderValue, Error> {
        let value = shared_value(credential, true)?;
        // A password (`Issued::password`) may be what no token can be.
        let token = value.as_bytes().get(SCHEME.len()..).unwrap_or_default();
        let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',');
        match token.iter().position(|byte| !fits(*byte)) {
            None => Ok(value),
            Some(offset) => Err(Error::cannot_attach(format!(
                "the credential holds a byte at offset {offset} that no bearer token is made of: send a password by Basic, and a \
                 key by NamedHeader"
            ))),
        }
    }

    #[inline]
    fn attach(&self, ready: &HeaderValue, request: &mut Outgoing<'_>) -> Result<(), Error> {
        request.put(AUTHORIZATION, ready.clone());
        Ok(())
    }

    fn answered(&self, _: &Answer<'_>) -> Remedy {
        Remedy::None
    }
}

/// A header value in the secret's own buffer: with the scheme that stands before it there, or without.
pub(super) fn shared_value(credential: &Credential, scheme: bool) -> Result<HeaderValue, Error> {
    let shared = credential.share_bearer(REASON)?;
    let start = if scheme { 0 } else { shared.secret_start() };
    let bytes = Bytes::from_owner(shared).slice(start..);
    let mut value = HeaderValue::from_maybe_shared(bytes).map_err(|_| unfit())?;
    value.set_sensitive(true);
    Ok(value)
}

pub(super) fn unfit() -> Error {
    Error::cannot_attach("the credential holds bytes that cannot stand in a header")
}

/// What stands before the token.
const SCHEME: &[u8] = b"Bearer ";
/// What the secret is exposed for, in events.
pub(super) const REASON: &str = "http header";
