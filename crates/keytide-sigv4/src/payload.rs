//! The hash of what is sent: [`Payload`].

use http::HeaderValue;
use keytide_http::{Error, Outgoing};
use sha2::{Digest, Sha256};

use crate::encode::hex;
use crate::services::Takes;

/// What of the body is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Payload {
    /// The whole body, by its SHA-256. A request whose body is a stream is refused.
    #[default]
    Signed,
    /// The whole body where it is at hand; streams are sent as `UNSIGNED-PAYLOAD`.
    UnsignedStreams,
    /// Nothing: every request says `UNSIGNED-PAYLOAD`. TLS alone then protects the body on the way, and whoever can
    /// change it there can store what they like in our name. The default of VPC Lattice, which takes nothing else.
    Unsigned,
}

impl Payload {
    /// What stands for the body of this request in its signature.
    pub(crate) fn hash(self, takes: Takes, request: &Outgoing<'_>) -> Result<Hash, Error> {
        if self == Self::Unsigned {
            return Ok(Hash::None);
        }
        match request.body() {
            Some([]) => Ok(Hash::Of(*EMPTY)),
            Some(body) => Ok(Hash::Of(hex(&Sha256::digest(body)))),
            None if self == Self::UnsignedStreams => Ok(Hash::None),
            None => Err(Error::cannot_attach(if takes == Takes::Either {
                "the body is not at hand to be signed, for it is a stream, or the layer has no copy_body: give it whole, or let SigV4 send streams unsigned"
            } else {
                "the body is not at hand to be signed, for it is a stream, or the layer has no copy_body, and the service takes no unsigned ones: give it whole"
            })),
        }
    }
}

/// Either a hash in hexadecimal, or the word that stands for none.
pub(crate) enum Hash {
    Of([u8; 64]),
    None,
}

impl Hash {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Of(hex) => std::str::from_utf8(hex).unwrap_or_default(),
            Self::None => UNSIGNED_PAYLOAD,
        }
    }

    pub(crate) fn into_header(self) -> HeaderValue {
        match self {
            Self::Of(hex) => HeaderValue::from_bytes(&hex)
                .unwrap_or_else(|_| HeaderValue::from_static(UNSIGNED_PAYLOAD)),
            Self::None => HeaderValue::from_static(UNSIGNED_PAYLOAD),
        }
    }
}

const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// SHA-256 of nothing.
const EMPTY: &[u8; 64] = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
