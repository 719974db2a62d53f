//! How a client is told what to ask for: [`ClientCredentialsBuilder`].

use std::fmt;
use std::time::Duration;

use keytide_core::{CredentialKind, Error, Subject};
use keytide_issuer::{Endpoint, FileWatch, IssuerClient};
use url::Url;
use zeroize::Zeroizing;

use super::ClientCredentials;
use crate::assertion::Assertion;
use crate::authentication::Authentication;
use crate::key::AssertionKey;

/// Builds a [`ClientCredentials`]. Building contacts nobody and reads no file.
#[must_use]
pub struct ClientCredentialsBuilder {
    token_endpoint: String,
    client_id: String,
    proof: Proof,
    /// How often a way to show who asks was given.
    proofs: usize,
    assertion_audience: Option<String>,
    assertion_lifetime: Option<Duration>,
    scope: Option<String>,
    resources: Vec<String>,
    parameters: Vec<(String, String)>,
    lifetime_if_unsaid: Option<Duration>,
    client: Option<IssuerClient>,
}

enum Proof {
    None,
    Key(AssertionKey),
    Assertion(Subject),
    Basic(Zeroizing<Vec<u8>>),
    Post(Zeroizing<Vec<u8>>),
}

impl ClientCredentialsBuilder {
    pub(super) fn new(token_endpoint: String, client_id: String) -> Self {
        Self {
            token_endpoint,
            client_id,
            proof: Proof::None,
            proofs: 0,
            assertion_audience: None,
            assertion_lifetime: None,
            scope: None,
            resources: Vec::new(),
            parameters: Vec::new(),
            lifetime_if_unsaid: None,
            client: None,
        }
    }

    /// Signs an assertion with this key for each attempt (RFC 7523, section 2.2; `private_key_jwt` in OpenID Connect),
    /// dated by the issuer's clock, as far as its answers have told it, with a `jti` that is never used again.
    pub fn private_key_jwt(self, key: AssertionKey) -> Self {
        self.prove(Proof::Key(key))
    }

    /// Presents an assertion that another cache keeps fresh: the workload's own identity, such as a projected
    /// Kubernetes token, for which the issuer has a federation rule.
    ///
    /// A forced refresh asks that cache again first. With [`SubjectUse::Once`](keytide_core::SubjectUse::Once) none is
    /// presented twice.
    pub fn assertion(self, assertion: Subject) -> Self {
        self.prove(Proof::Assertion(assertion))
    }

    /// Sends a client secret in `Authorization: Basic` (RFC 6749, section 2.3.1).
    ///
    /// The secret never expires, and whoever has it is the client: the cache must be built with
    /// [`danger_allow_static`](keytide_core::CacheBuilder::danger_allow_static) too. Use
    /// [`private_key_jwt`](Self::private_key_jwt) or [`assertion`](Self::assertion).
    pub fn danger_client_secret_basic(self, secret: impl Into<String>) -> Self {
        let secret = Zeroizing::new(secret.into().into_bytes());
        self.prove(Proof::Basic(secret))
    }

    /// Sends a client secret in the form, for issuers that do not take it in a header. As dangerous as
    /// [`danger_client_secret_basic`](Self::danger_client_secret_basic).
    pub fn danger_client_secret_post(self, secret: impl Into<String>) -> Self {
        let secret = Zeroizing::new(secret.into().into_bytes());
        self.prove(Proof::Post(secret))
    }

    /// The `aud` of assertions that are signed here: what the issuer knows itself by. Defaults to the URL of the token
    /// endpoint (RFC 7523, section 3); newer issuers want their issuer identifier. For [`private_key_jwt`](Self::private_key_jwt)
    /// alone: else it is an error.
    pub fn assertion_audience(mut self, audience: impl Into<String>) -> Self {
        self.assertion_audience = Some(audience.into());
        self
    }

    /// How long assertions that are signed here live: 5 s to 10 min, both inclusive. Defaults to 60 s. For
    /// [`private_key_jwt`](Self::private_key_jwt) alone: else it is an error.
    pub fn assertion_lifetime(mut self, lifetime: Duration) -> Self {
        self.assertion_lifetime = Some(lifetime);
        self
    }

    /// What the token shall be good for, separated by spaces. Defaults to what the issuer has for the client.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Where the token shall be used (RFC 8707): an absolute URI without a fragment. May be called again.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resources.push(resource.into());
        self
    }

    /// A parameter that this issuer wants beside the standard ones, such as `audience`. Not for secrets. May be called
    /// again, with the same name too.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// How long the issuer's tokens live, for an issuer that does not say so in `expires_in`. What it says wins.
    /// Defaults to none: such an answer is an error.
    pub fn lifetime_if_unsaid(mut self, lifetime: Duration) -> Self {
        self.lifetime_if_unsaid = Some(lifetime);
        self
    }

    /// The client that asks. Defaults to [`IssuerClient::shared`]; one of its own is needed for private root
    /// certificates, proxies and time limits.
    pub fn client(mut self, client: IssuerClient) -> Self {
        self.client = Some(client);
        self
    }

    /// Builds the provider.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming the value that is wrong: the URL, the client
    /// id, the scope, a resource, a parameter, a lifetime, a secret with a control character, a setting that nothing would
    /// heed; or when there is none or more than one way to show who asks, or the cache of
    /// the assertion holds signing keys.
    pub fn build(self) -> Result<ClientCredentials, Error> {
        let endpoint = Endpoint::parse(&self.token_endpoint)
            .map_err(|error| Error::misconfigured(format!("the token endpoint: {error}")))?;
        self.check()?;
        let mut parameters = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
        parameters.extend(self.scope.map(|scope| ("scope".to_owned(), scope)));
        let resources = self.resources.into_iter();
        parameters.extend(resources.map(|resource| ("resource".to_owned(), resource)));
        parameters.extend(self.parameters);
        let authentication = match self.proof {
            Proof::Key(key) => Authentication::Signed(Assertion {
                key,
                client_id: self.client_id.clone(),
                audience: self
                    .assertion_audience
                    .unwrap_or_else(|| endpoint.as_str().to_owned()),
                lifetime: self.assertion_lifetime.unwrap_or(ASSERTION_LIFETIME),
            }),
            Proof::Assertion(subject) => {
                subject.expect_kind(CredentialKind::BearerToken)?;
                Authentication::Federated(subject)
            }
            Proof::Basic(secret) => Authentication::Basic(secret),
            Proof::Post(secret) => Authentication::Post(secret),
            Proof::None => {
                return Err(Error::misconfigured(
                    "the client has no way to show who it is: give it private_key_jwt or an assertion",
                ));
            }
        };
        Ok(ClientCredentials {
            endpoint,
            client_id: self.client_id,
            authentication,
            parameters,
            lifetime_if_unsaid: self.lifetime_if_unsaid,
            client: self.client.unwrap_or_else(IssuerClient::shared),
            watch: FileWatch::new(),
        })
    }

    fn check(&self) -> Result<(), Error> {
        let wrong = |message: String| Err(Error::misconfigured(message));
        if self.proofs > 1 {
            return wrong(
                "the client has more than one way to show who it is, and issuers take one: give it one".to_owned(),
            );
        }
        if let Proof::Basic(secret) | Proof::Post(secret) = &self.proof
            && secret.is_empty()
        {
            return wrong("the client secret is empty".to_owned());
        }
        if let Proof::Basic(secret) | Proof::Post(secret) = &self.proof
            && secret.iter().any(u8::is_ascii_control)
        {
            return wrong(
                "the client secret holds a control character, such as the line break of the file that it was read from: take it out"
                    .to_owned(),
            );
        }
        let signs = matches!(self.proof, Proof::Key(_) | Proof::None);
        for (given, setting) in [
            (self.assertion_audience.is_some(), "assertion_audience"),
            (self.assertion_lifetime.is_some(), "assertion_lifetime"),
        ] {
            if given && !signs {
                return wrong(format!(
                    "{setting} is for assertions that are signed here, and none is: give a key by private_key_jwt, or take \
                     {setting} out"
                ));
            }
        }
        // RFC 6749, appendices A.1 and A.4.
        if self.client_id.is_empty()
            || !self
                .client_id
                .bytes()
                .all(|byte| (b' '..=b'~').contains(&byte))
        {
            return wrong("the client id must be printable ASCII, and not empty".to_owned());
        }
        let is_scope = |byte| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
        if let Some(scope) = &self.scope
            && (scope.trim().is_empty() || !scope.bytes().all(is_scope))
        {
            return wrong("the scope must be words of printable ASCII without quotes and backslashes, separated by spaces".to_owned());
        }
        for resource in &self.resources {
            match Url::parse(resource) {
                Ok(url) if url.fragment().is_none() => {}
                _ => {
                    return wrong(format!(
                        "the resource {resource:?} is not an absolute URI without a fragment"
                    ));
                }
            }
        }
        for (name, _) in &self.parameters {
            if name.is_empty() || RESERVED.contains(&name.as_str()) {
                return wrong(format!(
                    "the parameter {name:?} is set by a method of its own, not by parameter"
                ));
            }
        }
        let (shortest, longest) = (Duration::from_secs(5), Duration::from_secs(600));
        let lifetime = self.assertion_lifetime.unwrap_or(ASSERTION_LIFETIME);
        if !(shortest..=longest).contains(&lifetime) {
            return wrong(format!(
                "the lifetime of an assertion must be {shortest:?} to {longest:?}, not {lifetime:?}"
            ));
        }
        if self
            .lifetime_if_unsaid
            .is_some_and(|lifetime| lifetime < Duration::from_secs(1))
        {
            return wrong("the lifetime if unsaid must be at least 1s".to_owned());
        }
        Ok(())
    }

    fn prove(mut self, proof: Proof) -> Self {
        self.proof = proof;
        self.proofs += 1;
        self
    }
}

impl fmt::Debug for ClientCredentialsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentialsBuilder")
            .field("token_endpoint", &self.token_endpoint)
            .field("client_id", &self.client_id)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

const ASSERTION_LIFETIME: Duration = Duration::from_secs(60);

/// What the provider itself sets.
const RESERVED: [&str; 7] = [
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "resource",
];
