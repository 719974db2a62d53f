//! How a client shows who it is: [`Proof`].

use std::fmt;
use std::sync::Arc;

use keytide_core::{Credential, Error, Request, Subject};
use keytide_issuer::{Form, Jwt};
use zeroize::Zeroizing;

use super::assertion_file::AssertionFile;

/// How a client shows who it is.
pub(crate) enum Proof {
    /// An assertion in a file.
    File(AssertionFile),
    /// An assertion that another cache keeps fresh.
    Subject(Subject),
    /// A client secret, out of the environment.
    Secret(Zeroizing<String>),
}

enum Assertion {
    Read(Zeroizing<String>),
    Held(Arc<Credential>),
}

impl Proof {
    /// Adds the proof to the form.
    pub(super) async fn add_to(&self, form: &mut Form, request: &Request) -> Result<(), Error> {
        let assertion = match self {
            Self::File(file) => Assertion::Read(file.read().await?),
            Self::Subject(subject) => Assertion::Held(subject.obtain(request).await?),
            Self::Secret(secret) => {
                form.add("client_secret", secret.as_bytes());
                return Ok(());
            }
        };
        let assertion = match &assertion {
            Assertion::Read(token) => token.as_bytes(),
            Assertion::Held(credential) => credential.expose_bearer("client assertion")?,
        };
        self.check(assertion, request)?;
        form.add("client_assertion_type", JWT_BEARER);
        form.add("client_assertion", assertion);
        Ok(())
    }

    /// One that has ended is not sent. It has not where either clock says so: ours, or Entra's as far as it is known. What
    /// is known of that one comes from answers, so there must be some while ours says that all is well.
    fn check(&self, assertion: &[u8], request: &Request) -> Result<(), Error> {
        let claims = Jwt::parse(assertion).and_then(|jwt| jwt.claims());
        let Ok(end) = claims.and_then(|claims| claims.expires_at()) else {
            return match self {
                Self::File(file) => Err(Error::misconfigured(format!(
                    "the assertion file {} holds no JWT that says when it ends",
                    file.path().display()
                ))),
                _ => Ok(()),
            };
        };
        if end > request.now() || end > request.issuer_now() {
            return Ok(());
        }
        let named = match self {
            Self::File(file) => format!(" in {}", file.path().display()),
            _ => String::new(),
        };
        Err(Error::unavailable(format!(
            "the assertion{named} has expired: check that its platform still replaces it, and the clock of this machine"
        )))
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => f.debug_tuple("File").field(&file.path()).finish(),
            Self::Subject(subject) => f.debug_tuple("Subject").field(subject).finish(),
            Self::Secret(_) => f.write_str("Secret(***)"),
        }
    }
}

/// RFC 7523, section 2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
