//! Signature Version 4 on every request, with a kept signing key: [`SigV4`].

mod answer;
mod builder;

use http::header::{AUTHORIZATION, HeaderValue};
use keytide_core::Credential;
use keytide_http::{Answer, Attach, AttachProfile, Error, Outgoing, Remedy};

pub use self::builder::SigV4Builder;
use crate::canonical::{self, Signed};
use crate::date::Stamp;
use crate::headers::{X_AMZ_CONTENT_SHA256, X_AMZ_DATE, X_AMZ_SECURITY_TOKEN};
use crate::keys::SigningKeys;
use crate::settings::Settings;
use crate::{path, query};

/// Signs requests with Signature Version 4: the `Authorization` header of AWS, and what goes with it.
///
/// The signatures are those of the crate `aws-sigv4`, byte for byte, in a fraction of the time: its canonical form
/// cannot be reached from outside, so it is written again here, and compared with `aws-sigv4` itself in the tests, over
/// the published vectors and over random requests. What makes the difference is that the signing key, four HMACs deep,
/// is derived once for each generation of the credential, day, region and service, and kept.
///
/// It is an [`Attach`]: give it to a client that sends with a cache of signing keys, and each request is signed with the
/// key that is current when it is sent, by the clock of its destination. A retry and a redirected request are
/// signed anew. Without a client, see [`SigningKeys`].
///
/// ```
/// use keytide_sigv4::{Payload, SigV4};
///
/// // A model endpoint: everything by the general rules.
/// let bedrock = SigV4::builder("eu-central-1", "bedrock").build()?;
/// // S3: its own rules for paths, and the hash of the payload in a header, are set by the name of the service.
/// let s3 = SigV4::builder("eu-central-1", "s3").payload(Payload::UnsignedStreams).build()?;
/// # let _ = (bedrock, s3);
/// # Ok::<(), keytide_core::Error>(())
/// ```
///
/// # What is signed
/// Method, path, query, `host`, every header that is set by then but those that
/// [`leave_unsigned`](SigV4Builder::leave_unsigned) tells of, and the payload. A client sends path and query as they are
/// signed. The headers `x-amz-date`, `x-amz-security-token`,
/// and where the service wants it `x-amz-content-sha256` are set and signed as well. A header that a proxy on the way rewrites must be left
/// unsigned, or the service refuses the request.
///
/// # Limits
/// - Headers only: there are no presigned URLs.
/// - A body that is a stream cannot be hashed, so it is refused unless the service takes unsigned payloads
///   ([`Payload`](crate::Payload)). The chunked forms (`STREAMING-…`) are not written: they would change the body.
/// - One region. Asymmetric signatures (SigV4A, for multi-region access points) are not made.
///
/// # Memory
/// The secret, the derived keys and the session token are kept in [`SigningKeys`] and wiped when it is dropped, which
/// clients do when the generation is replaced or revoked. As everywhere, what a call leaves on its stack is overwritten by
/// the next calls, not wiped. No `Debug` shows any of it, and nothing is logged.
#[derive(Debug, Clone)]
pub struct SigV4 {
    settings: Settings,
    profile: AttachProfile,
}

impl SigV4 {
    /// Signs for a service in a region, both by their signing names: `eu-central-1`, and `bedrock`, `s3`,
    /// `execute-api` …, which differ from the name of the endpoint for some (`bedrock-runtime` is signed as `bedrock`).
    pub fn builder(region: impl Into<String>, service: impl Into<String>) -> SigV4Builder {
        SigV4Builder::new(region.into(), service.into())
    }

    /// Keys to sign with that come from no cache, for a request that is sent without a client of this library.
    ///
    /// # Errors
    /// The key id or the session token holds what cannot stand in a header.
    pub fn keys(
        &self,
        access_key_id: &str,
        secret_access_key: &[u8],
        session_token: Option<&[u8]>,
    ) -> Result<SigningKeys, Error> {
        let (region, service) = (&self.settings.region, &self.settings.service);
        SigningKeys::new(
            access_key_id,
            secret_access_key,
            session_token,
            region,
            service,
        )
    }

    fn sign(&self, keys: &SigningKeys, request: &Outgoing<'_>) -> Result<Signature, Error> {
        let settings = &self.settings;
        let path = path::unclear(settings.path, settings.normalize_path, request.path());
        if let Some(reason) = path
            .map(str::to_owned)
            .or_else(|| canonical::unclear(settings, request))
        {
            return Err(Error::cannot_attach(reason));
        }
        let stamp = Stamp::of(request.now())?;
        let payload = settings.payload.hash(settings.takes, request)?;
        let sha256 = settings.content_sha256_header.then_some(payload.as_str());
        let signed = Signed::collect(settings, request, keys.token(), &stamp, sha256);
        let digest = canonical::digest(settings, request, &signed, payload.as_str());
        let authorization = keys.authorize(&stamp, &digest, &signed)?;
        let sha256 = settings
            .content_sha256_header
            .then(|| payload.into_header());
        Ok(Signature {
            date: stamp.header(),
            authorization,
            sha256,
        })
    }
}

/// The headers that a signature consists of.
struct Signature {
    date: HeaderValue,
    authorization: HeaderValue,
    sha256: Option<HeaderValue>,
}

impl Attach for SigV4 {
    type Ready = SigningKeys;

    fn profile(&self) -> AttachProfile {
        self.profile.clone()
    }

    fn prepare(&self, credential: &Credential) -> Result<SigningKeys, Error> {
        let exposed = credential.expose_signing_key(REASON)?;
        self.keys(exposed.key_id, exposed.secret, exposed.session_token)
    }

    fn attach(&self, keys: &SigningKeys, request: &mut Outgoing<'_>) -> Result<(), Error> {
        let signature = self.sign(keys, request)?;
        request.set(X_AMZ_DATE, signature.date)?;
        if let Some(sha256) = signature.sha256 {
            request.set(X_AMZ_CONTENT_SHA256, sha256)?;
        }
        if let Some(token) = keys.token() {
            request.set(X_AMZ_SECURITY_TOKEN, token.clone())?;
        }
        request.set(AUTHORIZATION, signature.authorization)
    }

    fn rewrite(&self, path: &str, query: Option<&str>) -> Option<String> {
        let settings = &self.settings;
        let new_path = path::rewritten(settings.path, settings.normalize_path, path);
        let new_query = query.and_then(query::rewritten);
        if new_path.is_none() && new_query.is_none() {
            return None;
        }
        let mut written = new_path.unwrap_or_else(|| path.to_owned());
        if let Some(query) = new_query.as_deref().or(query) {
            written.push('?');
            written.push_str(query);
        }
        Some(written)
    }

    fn answered(&self, answer: &Answer<'_>) -> Remedy {
        answer::remedy(answer)
    }
}

/// What the secret is exposed for, in events.
const REASON: &str = "sigv4";
