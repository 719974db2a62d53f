//! A signed request as a token that says who we are: [`CallerIdentityToken`].

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use keytide_core::{
    Cache, CredentialKind, Error, Issued, Profile, ProvideCredential, Request, Subject, SubjectUse,
};
use keytide_http::{Attach, Outgoing};
use keytide_sigv4::SigV4;
use serde::Serialize;
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

use crate::sts::{StsEndpoint, host_of};

/// Makes the token by which an AWS principal shows Google Cloud who it is: the signed request `GetCallerIdentity`, which
/// Google's token service sends on to STS and reads the answer of.
///
/// Nobody is asked: the request is signed here, with the keys of `base`. It is bound to one workload identity pool provider,
/// whose name is among what is signed, and is presented as a subject token of the type
/// `urn:ietf:params:aws:token-type:aws4_request`.
///
/// ```
/// use keytide_aws::{CallerIdentityToken, Imds};
/// # use keytide_core::{Agent, AgentIdentity, Error};
///
/// # fn main() -> Result<(), Error> {
/// # let identity = AgentIdentity { agent_type: "a".into(), version: "1".into(), environment: "e".into(), owner: "o".into() };
/// # let agent = Agent::builder(identity).build()?;
/// let role = agent.cache(Imds::new()).build()?;
/// let provider = CallerIdentityToken::builder(
///     "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/aws",
///     role,
/// )
/// .region("eu-west-1")
/// .build()?;
/// let subject = agent.cache(provider).build()?;
/// # Ok(())
/// # }
/// ```
///
/// The principal that Google sees is that of the keys: for a role's session
/// `arn:aws:sts::123456789012:assumed-role/reader/session-name`, so the name of the session says who acts there too.
///
/// # How long it lasts
/// STS takes a signature for 5 min before and after its date. A token counts for [`lifetime`](CallerIdentityTokenBuilder::lifetime),
/// 5 min by default, and never longer than the keys that it was signed with.
pub struct CallerIdentityToken {
    base: Subject,
    sts: StsEndpoint,
    audience: HeaderValue,
    lifetime: Duration,
}

impl CallerIdentityToken {
    /// Starts a provider of tokens for this audience, the full name of a workload identity pool provider, as the principal
    /// of `base`.
    pub fn builder(audience: impl Into<String>, base: Cache) -> CallerIdentityTokenBuilder {
        CallerIdentityTokenBuilder {
            base,
            sts: StsEndpoint::default(),
            audience: audience.into(),
            lifetime: Duration::from_secs(300),
        }
    }
}

impl ProvideCredential for CallerIdentityToken {
    fn profile(&self) -> Profile {
        Profile::bearer("caller_identity_token").longest_lifetime(self.lifetime)
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let credential = self.base.obtain(request).await?;
        let region = self.sts.region()?;
        let cannot = |error: &dyn fmt::Display| {
            Error::misconfigured(format!(
                "the request GetCallerIdentity cannot be signed: {error}"
            ))
        };
        let host = host_of(&region);
        let url = format!("https://{host}?Action=GetCallerIdentity&Version=2011-06-15");
        let uri: Uri = url.parse().map_err(|_| cannot(&"its URL is none"))?;
        let sigv4 = SigV4::builder(self.sts.signing_region()?, "sts")
            .build()
            .map_err(|error| cannot(&error))?;
        let keys = sigv4.prepare(&credential).map_err(|error| cannot(&error))?;
        let mut headers = HeaderMap::new();
        headers.insert(TARGET, self.audience.clone());
        let (profile, now) = (sigv4.profile(), request.issuer_now());
        let mut outgoing =
            Outgoing::new(&profile, &Method::POST, &uri, &mut headers, Some(&[]), now)
                .map_err(|error| cannot(&error))?;
        sigv4
            .attach(&keys, &mut outgoing)
            .map_err(|error| cannot(&error))?;
        drop(outgoing);

        let token = written(&url, &host, &headers)?;
        let ends = now.checked_add(self.lifetime);
        let expires_at = match (ends, credential.expires_at()) {
            (Some(ends), Some(keys)) => Some(ends.min(keys)),
            (ends, keys) => ends.or(keys),
        };
        let mut issued = Issued::bearer(token);
        if let Some(expires_at) = expires_at {
            issued = issued.expires_at(expires_at);
        }
        Ok(match credential.principal() {
            Some(principal) => issued.principal(principal),
            None => issued,
        })
    }
}

/// The request as JSON, percent-encoded, as Google's token service takes it.
fn written(url: &str, host: &str, headers: &HeaderMap) -> Result<String, Error> {
    #[derive(Serialize)]
    struct Signed<'a> {
        url: &'a str,
        method: &'static str,
        headers: Vec<Header<'a>>,
    }
    #[derive(Serialize)]
    struct Header<'a> {
        key: &'a str,
        value: &'a str,
    }
    let cannot = || Error::misconfigured("the signed request cannot be written as text");
    let mut listed = vec![Header {
        key: "host",
        value: host,
    }];
    for (name, value) in headers {
        listed.push(Header {
            key: name.as_str(),
            value: value.to_str().map_err(|_| cannot())?,
        });
    }
    let signed = Signed {
        url,
        method: "POST",
        headers: listed,
    };
    let json = Zeroizing::new(serde_json::to_vec(&signed).map_err(|_| cannot())?);
    let mut text = String::with_capacity(json.len() * 3);
    for piece in byte_serialize(&json) {
        text.push_str(if piece == "+" { "%20" } else { piece });
    }
    Ok(text)
}

/// Builds a [`CallerIdentityToken`]. Building contacts nobody.
#[must_use]
pub struct CallerIdentityTokenBuilder {
    base: Cache,
    sts: StsEndpoint,
    audience: String,
    lifetime: Duration,
}

impl CallerIdentityTokenBuilder {
    /// The region whose STS Google asks, such as `eu-west-1`. Defaults to `AWS_REGION`, then `AWS_DEFAULT_REGION`, read at
    /// each call.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.sts.region = Some(region.into());
        self
    }

    /// The environment variables that are looked at. Defaults to those of the process.
    pub fn env(mut self, env: crate::Env) -> Self {
        self.sts.env = env;
        self
    }

    /// For how long a token is presented: 1 to 15 min, both inclusive. Defaults to 5 min.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Builds the provider.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), saying which parameter cannot be right, or
    /// that the base holds no signing keys.
    pub fn build(self) -> Result<CallerIdentityToken, Error> {
        self.sts.check()?;
        self.base.expect_kind(CredentialKind::SigningKey)?;
        let range = Duration::from_secs(60)..=Duration::from_secs(900);
        if !range.contains(&self.lifetime) {
            return Err(Error::misconfigured(format!(
                "a signed request is presented for 60 s to 900 s, not {} s",
                self.lifetime.as_secs()
            )));
        }
        let audience = HeaderValue::try_from(self.audience.as_str())
            .ok()
            .filter(|audience| !audience.is_empty() && audience.to_str().is_ok());
        let audience = audience.ok_or_else(|| {
            Error::misconfigured(
                "the audience is not the name of a workload identity pool provider",
            )
        })?;
        Ok(CallerIdentityToken {
            base: Subject::new(self.base, SubjectUse::Repeatable),
            sts: self.sts,
            audience,
            lifetime: self.lifetime,
        })
    }
}

impl fmt::Debug for CallerIdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerIdentityToken")
            .field("base", &self.base)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CallerIdentityTokenBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerIdentityTokenBuilder")
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

const TARGET: HeaderName = HeaderName::from_static("x-goog-cloud-target-resource");
