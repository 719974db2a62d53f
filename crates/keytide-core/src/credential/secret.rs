//! The bytes that must not leak: [`Secret`] and the shared owner of its buffer.

use std::fmt;
use std::sync::Arc;

use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretSlice};

/// A secret of any issuer, held in one buffer that is wiped when the last holder lets go.
///
/// It has no `Display`, `Clone`, `PartialEq`, `Serialize` or `Deref`; its `Debug` is a constant mask. The bytes leave
/// through a published [`Credential`](crate::Credential) only, by
/// naming the kind that is meant ([`expose_bearer`](crate::Credential::expose_bearer),
/// [`expose_signing_key`](crate::Credential::expose_signing_key)), which is an event.
///
/// ```
/// use keytide_core::Secret;
///
/// let secret = Secret::from("correct horse".to_owned());
/// assert_eq!(format!("{secret:?}"), "Secret(***)");
/// ```
///
/// ```compile_fail
/// let secret = keytide_core::Secret::from("correct horse".to_owned());
/// let copy = secret.clone();
/// ```
///
/// ```compile_fail
/// let secret = keytide_core::Secret::from("correct horse".to_owned());
/// println!("{secret}");
/// ```
pub struct Secret {
    /// Nobody shares it before it is published.
    whole: SecretSlice<u8>,
    /// Where the secret begins: what stands before it is the scheme of an `Authorization` header.
    start: u8,
}

impl Secret {
    /// Takes the bytes and wipes the vector that brought them, wherever they had to move.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self::after(b"", bytes)
    }

    /// Puts `prefix` before the secret, in the same buffer, so that a whole header value can be shared and wiped
    /// with the secret.
    pub(crate) fn after(prefix: &[u8], mut bytes: Vec<u8>) -> Self {
        let boxed: Box<[u8]> = if prefix.is_empty() && bytes.len() == bytes.capacity() {
            std::mem::take(&mut bytes).into_boxed_slice()
        } else {
            let mut whole = Vec::with_capacity(prefix.len() + bytes.len());
            whole.extend_from_slice(prefix);
            whole.extend_from_slice(&bytes);
            bytes.zeroize();
            whole.into_boxed_slice()
        };
        Self {
            whole: SecretSlice::from(boxed.into_vec()),
            start: u8::try_from(prefix.len()).unwrap_or(0),
        }
    }

    /// Moves the secret behind `prefix`, wiping the buffer that it came in.
    pub(crate) fn prefixed(self, prefix: &[u8]) -> Self {
        let secret = self.bytes();
        let mut whole = Vec::with_capacity(prefix.len() + secret.len());
        whole.extend_from_slice(prefix);
        whole.extend_from_slice(secret);
        Self {
            whole: SecretSlice::from(whole),
            start: u8::try_from(prefix.len()).unwrap_or(0),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        after(self.whole.expose_secret(), self.start)
    }

    /// The buffer, and where the secret begins in it.
    pub(super) fn into_parts(self) -> (Buffer, u8) {
        (Buffer(Arc::new(self.whole)), self.start)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Whether it is this one: compares without stopping at the first difference.
    pub(crate) fn is(&self, other: &[u8]) -> bool {
        let (a, b) = (self.bytes(), other);
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .fold(0, |difference, (x, y)| difference | (x ^ y))
                == 0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// A share of a secret's own buffer, for code that must hand an owner of the bytes on, such as a header value.
///
/// No bytes are copied. The buffer is wiped when the last share and the credential itself are gone, so a share that
/// is kept keeps the secret in memory. Got by [`Credential::share_bearer`](crate::Credential::share_bearer).
pub struct SharedSecret {
    buffer: Buffer,
    start: u8,
}

impl SharedSecret {
    /// Where the secret begins in [`AsRef::as_ref`]'s bytes: `Bearer ` stands before a bearer token, so that the
    /// whole buffer is the value of an `Authorization` header; 0 for other secrets.
    #[must_use]
    pub fn secret_start(&self) -> usize {
        usize::from(self.start)
    }
}

impl AsRef<[u8]> for SharedSecret {
    fn as_ref(&self) -> &[u8] {
        self.buffer.as_ref()
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(***)")
    }
}

pub(super) struct Buffer(Arc<SecretSlice<u8>>);

impl Buffer {
    /// What stands from here on.
    pub(super) fn after(&self, start: u8) -> &[u8] {
        after(self.as_ref(), start)
    }

    pub(super) fn share(&self, start: u8) -> SharedSecret {
        SharedSecret {
            buffer: Self(Arc::clone(&self.0)),
            start,
        }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

fn after(whole: &[u8], start: u8) -> &[u8] {
    whole.get(usize::from(start)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_prefix_stands_before_the_secret_whatever_buffer_it_came_in() {
        let exact = b"token".to_vec().into_boxed_slice().into_vec();
        let mut roomy = Vec::with_capacity(64);
        roomy.extend_from_slice(b"token");

        for bytes in [exact, roomy] {
            let plain = Secret::new(bytes.clone());
            let behind = Secret::after(b"Bearer ", bytes);
            let moved = Secret::new(b"token".to_vec()).prefixed(b"Bearer ");

            for secret in [behind, moved] {
                assert!(secret.is(plain.bytes()));
                let (buffer, start) = secret.into_parts();
                assert_eq!(buffer.share(start).as_ref(), b"Bearer token");
                assert_eq!(buffer.share(start).secret_start(), 7);
            }
            let (buffer, start) = plain.into_parts();
            assert_eq!(buffer.share(start).secret_start(), 0);
        }
    }

    #[test]
    fn a_share_is_of_the_same_buffer_which_goes_with_its_last_holder_on_whatever_thread() {
        let (secret, start) = Secret::from("token".to_owned()).into_parts();
        let buffer = Arc::downgrade(&secret.0);
        let shares: Vec<_> = (0..4).map(|_| secret.share(start)).collect();
        for share in &shares {
            assert_eq!(share.as_ref().as_ptr(), secret.after(start).as_ptr());
        }

        thread::scope(|scope| {
            for share in shares {
                scope.spawn(move || assert_eq!(share.as_ref(), b"token"));
            }
            scope.spawn(move || drop(secret));
        });

        assert!(buffer.upgrade().is_none(), "nobody holds it");
    }
}
