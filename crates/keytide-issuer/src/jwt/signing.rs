//! What is signed of a JWT: [`SigningInput`].

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keytide_core::Error;
use serde::Serialize;
use zeroize::Zeroizing;

/// Header and claims of a JWT as they are signed (RFC 7515, section 5.1), wiped with their buffer.
///
/// ```
/// use std::collections::BTreeMap;
/// use keytide_issuer::SigningInput;
///
/// # fn main() -> Result<(), keytide_core::Error> {
/// let input = SigningInput::new(&BTreeMap::from([("alg", "ES256")]), &BTreeMap::from([("sub", "a")]))?;
/// assert_eq!(input.as_bytes(), b"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0");
///
/// let signature = b"made by a key of these bytes";
/// assert!(input.signed(signature).starts_with("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.bWFk"));
/// # Ok(())
/// # }
/// ```
pub struct SigningInput(Zeroizing<String>);

impl SigningInput {
    /// This header and these claims.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), when one of them cannot be written as JSON.
    pub fn new(header: &impl Serialize, claims: &impl Serialize) -> Result<Self, Error> {
        let (header, claims) = (json(header)?, json(claims)?);
        // The whole at once, with the signature of the longest key in use: what grows leaves copies behind.
        let room = base64::encoded_len(header.len() + claims.len() + LONGEST_SIGNATURE, false);
        let mut token = Zeroizing::new(String::with_capacity(room.unwrap_or(0) + SPARE));
        URL_SAFE_NO_PAD.encode_string(header, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        Ok(Self(token))
    }

    /// What is to be signed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The token, with its signature behind.
    #[must_use]
    pub fn signed(self, signature: &[u8]) -> Zeroizing<String> {
        let mut token = self.0;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}

/// No secret before it is signed.
fn json(part: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(part)
        .map_err(|error| Error::misconfigured("the assertion cannot be written").caused_by(error))
}

impl fmt::Debug for SigningInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningInput(***)")
    }
}

/// Bytes: that of RSA with 8192 bits.
const LONGEST_SIGNATURE: usize = 1024;
/// Two dots, and what rounding up takes in each part.
const SPARE: usize = 8;
