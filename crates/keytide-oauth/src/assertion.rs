//! What a client says of itself, signed: RFC 7523, sections 2.2 and 3.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keytide_core::Error;
use keytide_issuer::SigningInput;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::key::{AssertionKey, Found};

/// What goes into an assertion, but for its time and its number.
#[derive(Debug, Clone)]
pub(crate) struct Assertion {
    pub(crate) key: AssertionKey,
    pub(crate) client_id: String,
    pub(crate) audience: String,
    pub(crate) lifetime: Duration,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: &'a str,
    iat: u64,
    exp: u64,
}

impl Assertion {
    /// An assertion dated `now`, with a number that no other has, signed with the key that was found. Takes the processor's
    /// time: a millisecond, and one more to read an RSA key.
    pub(crate) fn sign(&self, key: Found, now: SystemTime) -> Result<Zeroizing<String>, Error> {
        let pair = key.pair()?;
        let header = Header {
            alg: pair.algorithm(),
            typ: "JWT",
            kid: self.key.id(),
        };
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let claims = Claims {
            iss: &self.client_id,
            sub: &self.client_id,
            aud: &self.audience,
            jti: &number()?,
            iat: now.as_secs(),
            exp: now.saturating_add(self.lifetime).as_secs(),
        };
        let input = SigningInput::new(&header, &claims)?;
        let signature = pair.sign(input.as_bytes())?;
        Ok(input.signed(&signature))
    }
}

/// 128 random bits.
fn number() -> Result<String, Error> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::unavailable("the system has no randomness for an assertion"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
