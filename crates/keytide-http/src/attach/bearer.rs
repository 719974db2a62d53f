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
        shared_value(credential, true)
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
    let secret = shared.secret_start();
    fits(&shared.as_ref()[secret..], scheme)?;
    let start = if scheme { 0 } else { secret };
    let bytes = Bytes::from_owner(shared).slice(start..);
    let mut value = HeaderValue::from_maybe_shared(bytes).map_err(|_| unfit())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether a header carries this secret as it is, to every reader.
///
/// White space at an end is taken off on the way, and what is no visible ASCII is read in different ways. After a scheme, a
/// space, a comma or a quotation mark begins something else (RFC 9110, section 11.4). The error says where, and shows nothing.
fn fits(secret: &[u8], scheme: bool) -> Result<(), Error> {
    if secret.is_empty() {
        return Err(Error::cannot_attach("the credential is empty"));
    }
    let last = secret.len() - 1;
    let misfit = secret.iter().enumerate().position(|(at, byte)| match byte {
        b' ' => scheme || at == 0 || at == last,
        b',' | b'"' => scheme,
        byte => !byte.is_ascii_graphic(),
    });
    let Some(at) = misfit else {
        return Ok(());
    };
    let what = match secret[at] {
        b' ' | b'\t' | b'\r' | b'\n' => "white space",
        b',' => "a comma",
        b'"' => "a quotation mark",
        0..=0x1f | 0x7f => "a control character",
        _ => "a byte that is not ASCII",
    };
    Err(Error::cannot_attach(format!(
        "the credential has {what} at its byte {at} of {}, which cannot stand in a header: it is no token as it was issued",
        secret.len()
    )))
}

pub(super) fn unfit() -> Error {
    Error::cannot_attach("the credential holds bytes that cannot stand in a header")
}

/// What stands before the token.
/// What the secret is exposed for, in events.
pub(super) const REASON: &str = "http header";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_header_cannot_carry_is_refused_where_it_is() {
        for (secret, bearer, bare) in [
            ("eyJ.a-b_c~+/==", None, None),
            ("1|abc:def!", None, None),
            ("a b", Some("white space at its byte 1 of 3"), None),
            ("a, Basic eDp5", Some("a comma at its byte 1"), None),
            ("a\"b", Some("a quotation mark at its byte 1"), None),
            (
                " a",
                Some("white space at its byte 0"),
                Some("white space at its byte 0"),
            ),
            (
                "a ",
                Some("white space at its byte 1"),
                Some("white space at its byte 1"),
            ),
            (
                "a\n",
                Some("white space at its byte 1"),
                Some("white space at its byte 1"),
            ),
            (
                "a\tb",
                Some("white space at its byte 1"),
                Some("white space at its byte 1"),
            ),
            (
                "a\0",
                Some("a control character at its byte 1"),
                Some("a control character at its byte 1"),
            ),
            (
                "a\u{e4}",
                Some("not ASCII at its byte 1"),
                Some("not ASCII at its byte 1"),
            ),
            ("", Some("is empty"), Some("is empty")),
        ] {
            for (scheme, expected) in [(true, bearer), (false, bare)] {
                let told = fits(secret.as_bytes(), scheme).err();
                match (&told, expected) {
                    (None, None) => {}
                    (Some(error), Some(expected)) => {
                        assert_eq!(error.kind(), crate::ErrorKind::Credential);
                        let text = error.to_string();
                        assert!(
                            text.contains(expected) && !text.contains("eDp5"),
                            "{secret:?}: {text}"
                        );
                    }
                    other => panic!("{secret:?} {scheme}: {other:?}"),
                }
            }
        }
    }
}
