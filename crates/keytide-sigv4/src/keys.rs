//! The keys of one generation: [`SigningKeys`]. The only file that names `arc_swap`.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use keytide_http::Error;
use sha2::Sha256;
use sha2::digest::FixedOutput;
use zeroize::Zeroizing;

use crate::canonical::Signed;
use crate::date::Stamp;
use crate::encode::hex;
use crate::sink::Sink;

/// AWS keys, ready to sign for one region and service: the secret, and the signing keys of the days that it was used on.
///
/// Clients make it once a generation. By hand, it signs a request that is sent by other means:
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use http::{HeaderMap, Method, Uri};
/// use keytide_sigv4::SigV4;
/// use keytide_http::{Attach, Outgoing};
///
/// let sigv4 = SigV4::builder("us-east-1", "service").build()?;
/// let keys = sigv4.keys("AKIDEXAMPLE", b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None)?;
///
/// let uri = Uri::from_static("https://example.amazonaws.com/");
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
/// let (profile, mut headers) = (sigv4.profile(), HeaderMap::new());
/// let mut request = Outgoing::new(&profile, &Method::GET, &uri, &mut headers, Some(b""), now)?;
/// sigv4.attach(&keys, &mut request)?;
///
/// assert_eq!(headers["x-amz-date"], "20150830T123600Z");
/// assert!(headers["authorization"].to_str()?.ends_with(
///     "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
/// ));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// All of it is wiped on drop. `Debug` shows none of it.
pub struct SigningKeys {
    key_id: String,
    /// `AWS4` and the secret.
    seed: Zeroizing<Vec<u8>>,
    token: Option<HeaderValue>,
    region: String,
    service: String,
    /// The keys of an even and of an odd day: destinations whose clocks differ are on two days around midnight.
    days: [ArcSwapOption<Day>; 2],
}

/// The signing key of a day, and what the signatures of that day have in common.
struct Day {
    number: u64,
    key: Hmac<Sha256>,
    /// `20150830/us-east-1/service/aws4_request`
    scope: String,
    /// What stands before the names of the signed headers.
    head: String,
}

impl SigningKeys {
    pub(crate) fn new(
        key_id: &str,
        secret: &[u8],
        token: Option<&[u8]>,
        region: &str,
        service: &str,
    ) -> Result<Self, Error> {
        let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b',' | b'=');
        if key_id.is_empty() || !key_id.bytes().all(fits) {
            return Err(Error::cannot_attach("the access key id is not one of AWS"));
        }
        if secret.is_empty() {
            return Err(Error::cannot_attach("the secret access key is empty"));
        }
        let mut seed = Zeroizing::new(Vec::with_capacity(PREFIX.len() + secret.len()));
        seed.extend_from_slice(PREFIX);
        seed.extend_from_slice(secret);
        Ok(Self {
            key_id: key_id.to_owned(),
            seed,
            token: token.map(token_value).transpose()?,
            region: region.to_owned(),
            service: service.to_owned(),
            days: Default::default(),
        })
    }

    pub(crate) fn token(&self) -> Option<&HeaderValue> {
        self.token.as_ref()
    }

    /// The value of `Authorization` for a canonical request of this SHA-256.
    pub(crate) fn authorize(
        &self,
        stamp: &Stamp,
        digest: &[u8; 32],
        signed: &Signed<'_>,
    ) -> Result<HeaderValue, Error> {
        let slot = &self.days[usize::from(stamp.day() % 2 == 1)];
        let kept = slot.load();
        match kept.as_ref() {
            Some(day) if day.number == stamp.day() => day.authorize(stamp, digest, signed),
            _ => {
                let day = Arc::new(self.derive(stamp));
                let value = day.authorize(stamp, digest, signed);
                slot.store(Some(day));
                value
            }
        }
    }

    #[cold]
    fn derive(&self, stamp: &Stamp) -> Day {
        let scope = format!(
            "{}/{}/{}/{TERMINATOR}",
            stamp.date(),
            self.region,
            self.service
        );
        let key = mac(&self.seed, stamp.date().as_bytes());
        let key = mac(&*key, self.region.as_bytes());
        let key = mac(&*key, self.service.as_bytes());
        let key = mac(&*key, TERMINATOR.as_bytes());
        Day {
            number: stamp.day(),
            key: keyed(&*key),
            head: format!(
                "{ALGORITHM} Credential={}/{scope}, SignedHeaders=",
                self.key_id
            ),
            scope,
        }
    }
}

impl Day {
    fn authorize(
        &self,
        stamp: &Stamp,
        digest: &[u8; 32],
        signed: &Signed<'_>,
    ) -> Result<HeaderValue, Error> {
        let mut hash = self.key.clone();
        hash.update(ALGORITHM.as_bytes());
        hash.update(b"\n");
        hash.update(stamp.as_bytes());
        hash.update(b"\n");
        hash.update(self.scope.as_bytes());
        hash.update(b"\n");
        hash.update(&hex(digest));
        let signature = hash.finalize().into_bytes();
        let mut value =
            Vec::with_capacity(self.head.len() + signed.names_len() + SIGNATURE.len() + 64);
        value.put(self.head.as_bytes());
        signed.names(&mut value);
        value.put(SIGNATURE);
        value.put(&hex(&signature));
        HeaderValue::from_maybe_shared(Bytes::from(value))
            .map_err(|_| Error::cannot_attach("the signature does not fit in a header"))
    }
}

fn token_value(token: &[u8]) -> Result<HeaderValue, Error> {
    let owned = Zeroizing::new(token.to_vec());
    if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
        return Err(Error::cannot_attach(
            "the session token does not fit in a header",
        ));
    }
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(owned))
        .map_err(|_| Error::cannot_attach("the session token does not fit in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn mac(key: &[u8], text: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut hash = keyed(key);
    hash.update(text);
    let mut tag = Zeroizing::new([0; 32]);
    hash.finalize_into((&mut *tag).into());
    tag
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"))
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeys")
            .field("region", &self.region)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

const PREFIX: &[u8] = b"AWS4";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
const SIGNATURE: &[u8] = b", Signature=";
