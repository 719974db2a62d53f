//! JWTs of others, read and not verified, and those that are signed here: [`Jwt`], [`SigningInput`].

mod claims;
mod date;
mod fault;
mod signing;

use std::fmt;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

pub use claims::Claims;
pub use date::NumericDate;
pub use fault::JwtFault;
pub use signing::SigningInput;

/// A JWT in its compact form (RFC 7515, section 7.1), taken apart.
///
/// Nothing is verified: that is for whoever is shown the token. What is read says when a token ends and whom it is for, so
/// that a provider need not be told. It never panics, keeps no copy that is not wiped, and what it says of a fault holds
/// nothing of the token.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use keytide_issuer::Jwt;
///
/// # fn main() -> Result<(), keytide_issuer::JwtFault> {
/// // {"alg":"none"}, {"exp":1795514520,"sub":"reader","aud":"https://api.example.com"}
/// let token = "eyJhbGciOiJub25lIn0.\
///     eyJleHAiOjE3OTU1MTQ1MjAsInN1YiI6InJlYWRlciIsImF1ZCI6Imh0dHBzOi8vYXBpLmV4YW1wbGUuY29tIn0.\
///     c2ln";
/// let claims = Jwt::parse(token.as_bytes())?.claims()?;
///
/// assert_eq!(claims.expires_at()?, UNIX_EPOCH + Duration::from_secs(1_795_514_520));
/// assert_eq!(claims.subject(), Some("reader"));
/// assert_eq!(claims.audiences(), ["https://api.example.com"]);
/// assert!(Jwt::parse(b"no.token").is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Jwt<'a> {
    header: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Jwt<'a> {
    /// Takes a token of at most 64 KiB apart. What follows it or stands before it must have been trimmed off.
    ///
    /// # Errors
    /// [`JwtFault::Torn`] or [`JwtFault::Byte`], when there are not three parts of base64url in it. Padding, which a few issuers
    /// write against RFC 7515, section 2, is passed over.
    pub fn parse(token: &'a [u8]) -> Result<Self, JwtFault> {
        if token.is_empty() {
            return Err(JwtFault::Torn("is empty"));
        }
        if token.len() > LONGEST {
            return Err(JwtFault::Torn("is over 64 KiB, longer than any JWT"));
        }
        let foreign = |(_, byte): &(usize, &u8)| !is_base64url(**byte) && **byte != b'.';
        if let Some((offset, byte)) = token.iter().enumerate().find(foreign) {
            return Err(JwtFault::Byte {
                offset,
                byte: *byte,
            });
        }
        let mut parts = token.split(|byte| *byte == b'.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(header), Some(payload), Some(signature), None)
                if !header.is_empty() && !payload.is_empty() && !signature.is_empty() =>
            {
                Ok(Self {
                    header,
                    payload,
                    signature,
                })
            }
            (.., Some(_)) => Err(JwtFault::Torn("has more than the three parts of a JWT")),
            _ => Err(JwtFault::Torn("has fewer than the three parts of a JWT")),
        }
    }

    /// The header, in base64url.
    #[must_use]
    pub fn header(&self) -> &'a [u8] {
        self.header
    }

    /// The signature, in base64url.
    #[must_use]
    pub fn signature(&self) -> &'a [u8] {
        self.signature
    }

    /// The claims that RFC 7519 registers.
    ///
    /// # Errors
    /// [`JwtFault::Torn`], when the payload is no JSON object, or has one of them twice.
    pub fn claims(&self) -> Result<Claims, JwtFault> {
        self.read()
    }

    /// Claims of one's own, as a struct has them. Its dates are [`NumericDate`]s.
    ///
    /// # Errors
    /// [`JwtFault::Torn`], when the payload is no JSON object, or does not fit the struct.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, JwtFault> {
        let room = base64::decoded_len_estimate(self.payload.len());
        let mut decoded = Zeroizing::new(vec![0; room]);
        let length = ANY_PADDING
            .decode_slice(self.payload, &mut decoded)
            .map_err(|_| JwtFault::Torn("has a payload that is not base64url"))?;
        let json = decoded.get(..length).unwrap_or_default();
        // An array of the right values would be taken for the claims in their order.
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err(JwtFault::Torn(NO_OBJECT));
        }
        // The parser's own message may quote the payload: it is dropped.
        serde_json::from_slice(json).map_err(|_| JwtFault::Torn(NO_OBJECT))
    }
}

/// Padding, which RFC 7515 leaves out, is judged where a part is decoded.
fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=')
}

/// Whoever has all three parts has the token.
impl fmt::Debug for Jwt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jwt(***)")
    }
}

/// Base64url, with padding or without.
const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Bytes: more than any server takes in one header.
const LONGEST: usize = 64 << 10;
const NO_OBJECT: &str = "has a payload that is not a JSON object of claims";

#[cfg(test)]
mod tests;
