//! A token of AWS for issuers elsewhere: [`OutboundToken`].

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_sdk_sts::operation::get_web_identity_token::GetWebIdentityTokenInput;
use keytide_aws_policy::is_legal_in_tag;
use keytide_core::{
    Cache, CredentialKind, Error, Issued, Profile, ProvideCredential, Request, Subject, SubjectUse,
};
use zeroize::Zeroizing;

use crate::keys;
use crate::sts::{Call, StsEndpoint, sts_setters, tagged, unwritten};

/// Asks STS for a JSON web token that says who we are to an issuer outside of AWS (`GetWebIdentityToken`, outbound identity
/// federation): a bearer token, for the token exchange of that issuer.
///
/// The account has to be opted in, and the role needs the action `sts:GetWebIdentityToken` (with tags also
/// `sts:TagGetWebIdentityToken`). STS answers at regional endpoints only. The token cannot be used to come back into AWS.
///
/// ```
/// use keytide_aws::{ContainerEndpoint, OutboundToken, SigningAlgorithm};
/// # use keytide_core::{Agent, AgentIdentity, Error};
///
/// # fn main() -> Result<(), Error> {
/// # let identity = AgentIdentity { agent_type: "a".into(), version: "1".into(), environment: "e".into(), owner: "o".into() };
/// # let agent = Agent::builder(identity).build()?;
/// let role = agent.cache(ContainerEndpoint::new()).build()?;
/// let provider = OutboundToken::builder("https://api.example.com", role)
///     .signing_algorithm(SigningAlgorithm::Es384)
///     .build()?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// By the code of STS: [the table](crate#errors). `OutboundWebIdentityFederationDisabled`, `SessionDurationEscalation` and
/// `JWTPayloadSizeExceeded` are refusals. A base that is not configured is
/// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured).
pub struct OutboundToken {
    base: Subject,
    /// The cache under `base`.
    under: Cache,
    sts: StsEndpoint,
    audiences: Vec<String>,
    algorithm: SigningAlgorithm,
    lifetime: Duration,
    tags: Vec<(String, String)>,
}

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// RSA with SHA-256: what every verifier knows.
    Rs256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
}

impl OutboundToken {
    /// Starts a provider of tokens for this audience, as the principal of `base`.
    pub fn builder(audience: impl Into<String>, base: Cache) -> OutboundTokenBuilder {
        OutboundTokenBuilder {
            base,
            sts: StsEndpoint::default(),
            audiences: vec![audience.into()],
            algorithm: SigningAlgorithm::Rs256,
            lifetime: Duration::from_secs(300),
            tags: Vec::new(),
        }
    }
}

impl ProvideCredential for OutboundToken {
    fn profile(&self) -> Profile {
        Profile::bearer("outbound_token")
            .issuer(self.sts.issuer())
            .longest_lifetime(self.lifetime)
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let credential = self.base.obtain(request).await?;
        let keys = keys::signer(&credential, "signature of GetWebIdentityToken")?;
        let principal = credential.principal().map(ToOwned::to_owned);
        let tags = self.tags.iter();
        let input = GetWebIdentityTokenInput::builder()
            .set_audience(Some(self.audiences.clone()))
            .signing_algorithm(match self.algorithm {
                SigningAlgorithm::Rs256 => "RS256",
                SigningAlgorithm::Es384 => "ES384",
            })
            .duration_seconds(i32::try_from(self.lifetime.as_secs()).unwrap_or(i32::MAX))
            .set_tags(tagged(
                tags.map(|(key, value)| (key.as_str(), value.as_str())),
            )?)
            .build()
            .map_err(unwritten)?;
        let call = Call::new(&self.sts, Some(keys), request).await?;
        let denied = || {
            let tagged = if self.tags.is_empty() {
                ""
            } else {
                " and sts:TagGetWebIdentityToken"
            };
            format!("; the caller's policy needs sts:GetWebIdentityToken{tagged}")
        };
        let output = match call.send(input, denied).await {
            Ok(output) => output,
            Err(error) => {
                call.report(&self.under, credential.generation());
                return Err(error);
            }
        };
        let mut token = output
            .web_identity_token
            .filter(|token| !token.is_empty())
            .map(Zeroizing::new)
            .ok_or_else(|| Error::unavailable("the answer of STS holds no token"))?;
        if token.len() > 64 << 10 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::unavailable(
                "the token in the answer of STS cannot be sent in a request",
            ));
        }
        let expires_at = output
            .expiration
            .and_then(|expiration| SystemTime::try_from(expiration).ok())
            .ok_or_else(|| {
                Error::unavailable("the answer of STS does not say when its token expires")
            })?;
        let issued = Issued::bearer(std::mem::take(&mut *token)).expires_at(expires_at);
        Ok(match principal {
            Some(principal) => issued.principal(principal),
            None => issued,
        })
    }
}

/// Builds an [`OutboundToken`]. Building contacts nobody.
#[must_use]
pub struct OutboundTokenBuilder {
    base: Cache,
    sts: StsEndpoint,
    audiences: Vec<String>,
    algorithm: SigningAlgorithm,
    lifetime: Duration,
    tags: Vec<(String, String)>,
}

impl OutboundTokenBuilder {
    /// Adds an audience. There are 1 to 10.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// How the token is signed. Defaults to `RS256`.
    pub fn signing_algorithm(mut self, algorithm: SigningAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// How long a token lasts: 1 min to 1 h, both inclusive. Defaults to 5 min, as STS has it.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Adds a claim of our own choice (`request_tags`): whoever verifies the token must not trust it more than us. Defaults
    /// to none.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }

    sts_setters!(sts);

    /// Builds the provider.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), saying which parameter cannot be right, or
    /// that the base holds no signing keys.
    pub fn build(self) -> Result<OutboundToken, Error> {
        self.sts.check()?;
        self.base.expect_kind(CredentialKind::SigningKey)?;
        let range = Duration::from_secs(60)..=Duration::from_secs(3600);
        if !range.contains(&self.lifetime) {
            return Err(Error::misconfigured(format!(
                "a token of GetWebIdentityToken lasts 60 s to 3600 s, not {} s",
                self.lifetime.as_secs()
            )));
        }
        let named = |audience: &String| (1..=1000).contains(&audience.len());
        if self.audiences.len() > 10 || !self.audiences.iter().all(named) {
            return Err(Error::misconfigured(
                "a token has 1 to 10 audiences of 1 to 1000 characters",
            ));
        }
        let legal = |text: &str| text.chars().all(is_legal_in_tag);
        let good = |(key, value): &(String, String)| {
            (1..=128).contains(&key.len()) && value.len() <= 256 && legal(key) && legal(value)
        };
        if self.tags.len() > 50 || !self.tags.iter().all(good) {
            return Err(Error::misconfigured(
                "a token has at most 50 tags; a key has 1 to 128 and a value at most 256 letters, digits, spaces and _.:/=+-@",
            ));
        }
        Ok(OutboundToken {
            under: self.base.clone(),
            base: Subject::new(self.base, SubjectUse::Repeatable),
            sts: self.sts,
            audiences: self.audiences,
            algorithm: self.algorithm,
            lifetime: self.lifetime,
            tags: self.tags,
        })
    }
}

impl fmt::Debug for OutboundToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundToken")
            .field("base", &self.base)
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OutboundTokenBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundTokenBuilder")
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}
