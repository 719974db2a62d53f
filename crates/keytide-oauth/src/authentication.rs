//! How a client shows who it is: [`Authentication`].

use std::fmt;

use keytide_core::{Error, Request, Subject};
use keytide_issuer::{Ask, Form, on_own_thread};
use zeroize::Zeroizing;

use crate::assertion::Assertion;

pub(crate) enum Authentication {
    /// `private_key_jwt`: an assertion that is signed here.
    Signed(Assertion),
    /// An assertion that somebody else has signed, such as a cluster for its workload.
    Federated(Subject),
    /// A secret in `Authorization: Basic`.
    Basic(Zeroizing<Vec<u8>>),
    /// A secret in the form.
    Post(Zeroizing<Vec<u8>>),
}

impl Authentication {
    /// Whether it rests on a secret that never expires and is sent with each request.
    pub(crate) fn is_static(&self) -> bool {
        matches!(self, Self::Basic(_) | Self::Post(_))
    }

    /// Adds what shows who asks, and completes the request.
    pub(crate) async fn complete(
        &self,
        ask: Ask,
        mut form: Form,
        client_id: &str,
        request: &Request,
    ) -> Result<Ask, Error> {
        match self {
            Self::Signed(assertion) => {
                let key = assertion.key.find().await?;
                let (assertion, now) = (assertion.clone(), request.issuer_now());
                let signed = on_own_thread(move || assertion.sign(key, now))
                    .await
                    .map_err(|error| {
                        Error::unavailable("the assertion was not signed").caused_by(error)
                    })??;
                present(&mut form, client_id, signed.as_bytes());
                Ok(ask.form(form))
            }
            Self::Federated(subject) => {
                let subject = subject.obtain(request).await?;
                let assertion = subject.expose_bearer("client assertion")?;
                present(&mut form, client_id, assertion);
                Ok(ask.form(form))
            }
            Self::Basic(secret) => Ok(ask.form(form).basic(client_id, secret)),
            Self::Post(secret) => {
                form.add("client_id", client_id);
                form.add("client_secret", secret);
                Ok(ask.form(form))
            }
        }
    }
}

fn present(form: &mut Form, client_id: &str, assertion: &[u8]) {
    form.add("client_id", client_id);
    form.add("client_assertion_type", JWT_BEARER);
    form.add("client_assertion", assertion);
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(assertion) => f.debug_tuple("Signed").field(&assertion.key).finish(),
            Self::Federated(subject) => f.debug_tuple("Federated").field(subject).finish(),
            Self::Basic(_) => f.write_str("Basic(***)"),
            Self::Post(_) => f.write_str("Post(***)"),
        }
    }
}

/// RFC 7523, section 2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
