//! HTTP Basic: [`Basic`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use keytide_core::{Credential, CredentialKind};
use zeroize::Zeroizing;

use super::bearer::{REASON, unfit};
use super::{Answer, Attach, AttachProfile, Outgoing, Remedy};
use crate::error::Error;

/// `Authorization: Basic …` (RFC 7617): a user name from configuration, and the secret as the password.
#[derive(Debug, Clone)]
pub struct Basic {
    user: String,
}

impl Basic {
    /// Authenticates as this user. It may be empty: some APIs take the secret alone.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument): the name holds a colon, which would end it, or a
    /// control character (RFC 7617, section 2).
    pub fn new(user: impl Into<String>) -> Result<Self, Error> {
        let user = user.into();
        if user.contains([':']) || user.chars().any(char::is_control) {
            return Err(Error::invalid(
                "a user name for HTTP Basic holds no colon and no control character",
            ));
        }
        Ok(Self { user })
    }
}

impl Attach for Basic {
    type Ready = HeaderValue;

    fn profile(&self) -> AttachProfile {
        AttachProfile::new([AUTHORIZATION]).takes(CredentialKind::BearerToken)
    }

    fn prepare(&self, credential: &Credential) -> Result<HeaderValue, Error> {
        let secret = credential.expose_bearer(REASON)?;
        if secret.iter().any(u8::is_ascii_control) {
            return Err(unfit());
        }
        // Each buffer is of its final size from the start, for one that grows leaves copies behind.
        let mut plain = Zeroizing::new(Vec::with_capacity(self.user.len() + 1 + secret.len()));
        plain.extend_from_slice(self.user.as_bytes());
        plain.push(b':');
        plain.extend_from_slice(secret);
        let encoded = plain.len().div_ceil(3) * 4;
        let mut value = Zeroizing::new(vec![0; SCHEME.len() + encoded]);
        let (scheme, text) = value.split_at_mut(SCHEME.len());
        scheme.copy_from_slice(SCHEME);
        let written = STANDARD
            .encode_slice(plain.as_slice(), text)
            .map_err(|_| unfit())?;
        debug_assert_eq!(written, encoded);
        let mut value =
            HeaderValue::from_maybe_shared(Bytes::from_owner(value)).map_err(|_| unfit())?;
        value.set_sensitive(true);
        Ok(value)
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

const SCHEME: &[u8] = b"Basic ";
