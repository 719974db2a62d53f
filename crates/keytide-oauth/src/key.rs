//! The key that a client signs its assertions with: [`AssertionKey`].

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use keytide_core::Error;
use keytide_issuer::{SmallFile, pem_label, pem_text};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use zeroize::{Zeroize, Zeroizing};

/// The private key of a client, for [`private_key_jwt`](crate::ClientCredentialsBuilder::private_key_jwt).
///
/// It signs here and is sent nowhere; the issuer knows the public key alone. RSA signs as `RS256`, P-256 as `ES256`,
/// P-384 as `ES384` and Ed25519 as `EdDSA`. The file is PEM: PKCS#8, PKCS#1 (RSA) or SEC 1 (EC), not encrypted; it may be
/// indented, begin with a mark of UTF-8, or have `\n` as two characters for its line ends.
///
/// ```
/// use keytide_oauth::AssertionKey;
///
/// let key = AssertionKey::from_pem_file("/run/keys/client.pem").key_id("2026-11");
/// ```
#[derive(Clone)]
pub struct AssertionKey {
    material: Material,
    key_id: Option<Arc<str>>,
}

#[derive(Clone)]
enum Material {
    /// Read anew for each assertion.
    File(SmallFile),
    Parsed(Arc<Pair>),
}

/// A key as it was found, which takes no time but to read it.
pub(crate) enum Found {
    Pem {
        pem: Arc<Zeroizing<Vec<u8>>>,
        named: String,
    },
    Parsed(Arc<Pair>),
}

/// A key that can sign.
pub(crate) enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair, &'static str),
    Ed25519(Ed25519KeyPair),
}

impl AssertionKey {
    /// The key in this file, which is read anew for each assertion: when the file is replaced, the next assertion is
    /// signed with the new key, without a restart. The file is not touched before.
    #[must_use]
    pub fn from_pem_file(path: impl AsRef<Path>) -> Self {
        Self::new(Material::File(SmallFile::new(path.as_ref(), "the key")))
    }

    /// The key in this text.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), when it is no private key that can sign here.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        let pair = Pair::parse(pem.as_ref(), "the key of the client")?;
        Ok(Self::new(Material::Parsed(Arc::new(pair))))
    }

    /// The `kid` that the issuer knows the key by. Defaults to none: the issuer then tries the keys of the client.
    #[must_use]
    pub fn key_id(mut self, key_id: impl Into<Arc<str>>) -> Self {
        self.key_id = Some(key_id.into());
        self
    }

    pub(crate) fn id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// Reads the key, if it is in a file.
    pub(crate) async fn find(&self) -> Result<Found, Error> {
        match &self.material {
            Material::Parsed(pair) => Ok(Found::Parsed(Arc::clone(pair))),
            Material::File(file) => Ok(Found::Pem {
                pem: file.read().await?,
                named: format!("the key file {}", file.path().display()),
            }),
        }
    }

    fn new(material: Material) -> Self {
        Self {
            material,
            key_id: None,
        }
    }
}

impl Found {
    /// The key itself. Takes the processor's time, an RSA key a millisecond of it.
    pub(crate) fn pair(self) -> Result<Arc<Pair>, Error> {
        match self {
            Self::Parsed(pair) => Ok(pair),
            Self::Pem { pem, named } => Pair::parse(&pem, &named).map(Arc::new),
        }
    }
}

impl Pair {
    fn parse(pem: &[u8], named: &str) -> Result<Self, Error> {
        let wrong = |what: &str| Error::misconfigured(format!("{named} {what}"));
        let pem = pem_text(pem);
        if pem.windows(9).any(|text| text == b"ENCRYPTED") {
            return Err(wrong(
                "is encrypted: give it in the clear, in a file that only the agent reads",
            ));
        }
        let mut key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| wrong(&found(&pem)))?;
        let pair = Self::of(&key);
        key.zeroize();
        pair.ok_or_else(|| {
            wrong("is not of a kind that signs here: RSA of at least 2048 bits, P-256, P-384 or Ed25519")
        })
    }

    fn of(key: &PrivateKeyDer<'_>) -> Option<Self> {
        let curves: [(&'static EcdsaSigningAlgorithm, _); 2] = [
            (&ECDSA_P256_SHA256_FIXED_SIGNING, "ES256"),
            (&ECDSA_P384_SHA384_FIXED_SIGNING, "ES384"),
        ];
        let mut ecdsa = curves.into_iter();
        match key {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der())
                .ok()
                .map(Self::Rsa),
            PrivateKeyDer::Sec1(der) => ecdsa.find_map(|(curve, name)| {
                let pair = EcdsaKeyPair::from_private_key_der(curve, der.secret_sec1_der());
                pair.ok().map(|pair| Self::Ecdsa(pair, name))
            }),
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                let rsa = || RsaKeyPair::from_pkcs8(der).ok().map(Self::Rsa);
                let ed25519 = || {
                    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der);
                    pair.ok().map(Self::Ed25519)
                };
                let ecdsa = || {
                    ecdsa.find_map(|(curve, name)| {
                        let pair = EcdsaKeyPair::from_pkcs8(curve, der);
                        pair.ok().map(|pair| Self::Ecdsa(pair, name))
                    })
                };
                rsa().or_else(ed25519).or_else(ecdsa)
            }
            _ => None,
        }
    }

    /// The `alg` of the header (RFC 7518, section 3.1; RFC 8037, section 3.1).
    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ecdsa(_, name) => name,
            Self::Ed25519(_) => "EdDSA",
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |_| Error::unavailable("the assertion could not be signed");
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
            Self::Ecdsa(pair, _) => {
                let signature = pair.sign(&random, message).map_err(failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

/// What a PEM without a private key is instead.
fn found(pem: &[u8]) -> String {
    const WANTED: &str = "a private key in PEM (PKCS#8, PKCS#1 or SEC 1)";
    if pem.is_empty() {
        return "is empty".to_owned();
    }
    match pem_label(pem) {
        Some(label) if label.ends_with("PRIVATE KEY") => {
            format!(
                "begins as {WANTED}, {label}, and is broken: its base64 or its last line is not whole"
            )
        }
        Some(label) => format!("holds {label} and no private key: give {WANTED}"),
        None if pem.contains(&0) => format!("is binary or UTF-16, and not {WANTED}"),
        None => format!("is not {WANTED}: no line of it is -----BEGIN … KEY-----"),
    }
}

impl fmt::Debug for AssertionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("AssertionKey");
        if let Material::File(file) = &self.material {
            debug.field("path", &file.path());
        }
        debug.field("key_id", &self.key_id).finish_non_exhaustive()
    }
}
