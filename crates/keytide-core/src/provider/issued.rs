//! What a provider brings back from its issuer: [`Issued`].

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::credential::fit::Alphabet;
use crate::credential::secret::Secret;
use crate::credential::{Attributes, Credential, RevokeAt, Signing};
use crate::error::Error;
use crate::error::text::bounded;
use crate::profile::CredentialKind;

/// A credential as the issuer gave it, before the cache judged it.
///
/// Say when it ends: by [`expires_at`](Self::expires_at) where the issuer names an instant, by
/// [`expires_in`](Self::expires_in) where it names a lifetime; where it gives both, set both and the earlier one
/// counts. One that says neither never expires, and is refused unless the cache allows static credentials.
///
/// ```
/// use std::time::Duration;
/// use keytide_core::{Issued, Secret};
///
/// let issued = Issued::bearer(Secret::from("eyJhbGciOi".to_owned()))
///     .expires_in(Duration::from_secs(900))
///     .principal("system:serviceaccount:billing:reader");
/// ```
pub struct Issued {
    pub(crate) kind: CredentialKind,
    pub(crate) secret: Secret,
    pub(crate) alphabet: Alphabet,
    pub(crate) signing: Option<Box<Signing>>,
    pub(crate) issued_at: Option<SystemTime>,
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) refresh_at: Option<SystemTime>,
    pub(crate) refresh_in: Option<Duration>,
    pub(crate) principal: Option<Arc<str>>,
    pub(crate) attributes: Attributes,
    pub(crate) revoke: Option<RevokeAt>,
}

impl Issued {
    /// A bearer token: printable ASCII without blanks, commas and quotation marks, of at most 64 KiB. Any other is refused by
    /// the cache ([`Misconfigured`](crate::ErrorKind::Misconfigured)), for no `Authorization` header can carry it: the error
    /// names the byte and where it stands, and shows nothing of the token.
    #[must_use]
    pub fn bearer(token: impl Into<Secret>) -> Self {
        Self::new(CredentialKind::BearerToken, token.into().prefixed(BEARER))
    }

    /// A secret of [`CredentialKind::BearerToken`] that is sent as a password (HTTP Basic, RFC 7617) or alone in a header of
    /// its own: all but control characters, at most 64 KiB. What sends `Authorization: Bearer` refuses those that no token can
    /// be.
    ///
    /// ```
    /// use keytide_core::{Issued, Secret};
    ///
    /// let issued = Issued::password(Secret::from("correct horse, battery staple".to_owned()));
    /// # drop(issued);
    /// ```
    #[must_use]
    pub fn password(secret: impl Into<Secret>) -> Self {
        Self {
            alphabet: Alphabet::Password,
            ..Self::bearer(secret)
        }
    }

    /// A key that signs requests, with its public id. The id and the session token must be such as a header can carry, like
    /// [a bearer token](Self::bearer); what signs may be any bytes.
    #[must_use]
    pub fn signing_key(key_id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        let mut issued = Self::new(CredentialKind::SigningKey, secret.into());
        issued.signing = Some(Box::new(Signing {
            key_id: key_id.into(),
            session_token: None,
        }));
        issued
    }

    /// The token that the issuer wants beside a signature, for a signing key. Ignored for a bearer token.
    #[must_use]
    pub fn session_token(mut self, token: impl Into<Secret>) -> Self {
        if let Some(signing) = &mut self.signing {
            signing.session_token = Some(token.into());
        }
        self
    }

    /// When the issuer stops accepting it, as the issuer said it: take no margin off.
    #[must_use]
    pub fn expires_at(mut self, instant: SystemTime) -> Self {
        self.expires_at = Some(instant);
        self
    }

    /// When the issuer made it, where it says so: what its whole lifetime is counted from, for the lifetime policy.
    /// Defaults to its receipt.
    #[must_use]
    pub fn issued_at(mut self, instant: SystemTime) -> Self {
        self.issued_at = Some(instant);
        self
    }

    /// How long the issuer accepts it. Counted from the moment the request was sent.
    #[must_use]
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.expires_in = Some(lifetime);
        self
    }

    /// When the issuer wants to be asked again. It wins over the advisory window, after a
    /// tenth of the life or 5 min at the least.
    #[must_use]
    pub fn refresh_at(mut self, instant: SystemTime) -> Self {
        self.refresh_at = Some(instant);
        self
    }

    /// How long after the request was sent the issuer wants to be asked again. It wins over the advisory window.
    #[must_use]
    pub fn refresh_in(mut self, after: Duration) -> Self {
        self.refresh_in = Some(after);
        self
    }

    /// Who the issuer says we are. A later answer for another principal is refused. At most 1 KiB is kept of it, on one
    /// line.
    #[must_use]
    pub fn principal(mut self, principal: impl Into<Arc<str>>) -> Self {
        let principal = principal.into();
        self.principal = Some(match bounded(&principal) {
            Cow::Borrowed(_) => principal,
            Cow::Owned(shown) => shown.into(),
        });
        self
    }

    /// Says something else of it to whoever reads the credential, such as a provider that asks for more with it: who issued
    /// it is not to be guessed from a provider's name. No secret: `Debug` shows it. One that is set again replaces the
    /// former.
    ///
    /// ```
    /// # use keytide_core::{Issued, Secret};
    /// let issued = Issued::signing_key("AKIDEXAMPLE", Secret::from("key".to_owned()))
    ///     .attribute("vending.tenant", "invoices");
    /// ```
    ///
    /// It is read by [`Credential::attribute`].
    #[must_use]
    pub fn attribute(mut self, name: &'static str, value: impl Into<Arc<str>>) -> Self {
        self.attributes.set(name, value.into());
        self
    }

    /// How the issuer is told that this credential is revoked, where it can be.
    #[must_use]
    pub fn revoke_with<F, R>(mut self, tell: F) -> Self
    where
        F: Fn(Arc<Credential>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Error>> + Send + 'static,
    {
        self.revoke = Some(Box::new(move |credential| Box::pin(tell(credential))));
        self
    }

    fn new(kind: CredentialKind, secret: Secret) -> Self {
        Self {
            kind,
            secret,
            alphabet: Alphabet::Token,
            signing: None,
            issued_at: None,
            expires_at: None,
            expires_in: None,
            refresh_at: None,
            refresh_in: None,
            principal: None,
            attributes: Attributes::default(),
            revoke: None,
        }
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("kind", &self.kind)
            .field("secret", &self.secret)
            .field("expires_at", &self.expires_at)
            .field("expires_in", &self.expires_in)
            .field("principal", &self.principal)
            .field("attributes", &self.attributes)
            .finish_non_exhaustive()
    }
}

/// What stands before a bearer token in an `Authorization` header (RFC 6750, section 2.1).
const BEARER: &[u8] = b"Bearer ";
