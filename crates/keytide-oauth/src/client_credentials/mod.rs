//! A token for a client that acts for itself: [`ClientCredentials`].

mod builder;

use std::fmt;
use std::time::Duration;

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use keytide_issuer::{Endpoint, FileWatch, Form, IssuerClient, TokenAnswer};

use crate::authentication::Authentication;
use crate::codes::CODES;

pub use builder::ClientCredentialsBuilder;

/// Asks a token endpoint for an access token by the grant `client_credentials` (RFC 6749, section 4.4).
///
/// Each exchange sends the same parameters in the same order, but for what must be new: an assertion.
///
/// ```
/// use keytide_oauth::{AssertionKey, ClientCredentials};
///
/// # fn main() -> Result<(), keytide_core::Error> {
/// let provider = ClientCredentials::builder("https://login.example.com/oauth2/token", "invoice-reader")
///     .private_key_jwt(AssertionKey::from_pem_file("/run/keys/client.pem"))
///     .scope("invoices.read")
///     .resource("https://api.example.com")
///     .build()?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// | what the issuer does | kind |
/// |---|---|
/// | `invalid_client`, `invalid_grant`, `invalid_request`, `invalid_scope`, `invalid_target`, `unauthorized_client`, `unsupported_grant_type`, `access_denied` | [`Refused`](keytide_core::ErrorKind::Refused) |
/// | `slow_down`, 429, 503 with `Retry-After` | [`Throttled`](keytide_core::ErrorKind::Throttled) |
/// | `server_error`, `temporarily_unavailable`, any other failure, no answer, one that is no token | [`Unavailable`](keytide_core::ErrorKind::Unavailable) |
/// | a `token_type` that is not `Bearer` | [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) |
/// | no `expires_in`, and no [`lifetime_if_unsaid`](ClientCredentialsBuilder::lifetime_if_unsaid) | [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) |
///
/// # Revocation
/// The profile states [`UntilExpiry`](keytide_core::Revocation::UntilExpiry): no issuer is told.
pub struct ClientCredentials {
    endpoint: Endpoint,
    client_id: String,
    authentication: Authentication,
    parameters: Vec<(String, String)>,
    lifetime_if_unsaid: Option<Duration>,
    client: IssuerClient,
    watch: FileWatch,
}

impl ClientCredentials {
    /// A provider of tokens from this token endpoint for this client. It needs one way to show who asks: a
    /// [key](ClientCredentialsBuilder::private_key_jwt), or an
    /// [assertion](ClientCredentialsBuilder::assertion) from elsewhere.
    pub fn builder(
        token_endpoint: impl Into<String>,
        client_id: impl Into<String>,
    ) -> ClientCredentialsBuilder {
        ClientCredentialsBuilder::new(token_endpoint.into(), client_id.into())
    }

    async fn exchange(&self, request: &Request) -> Result<Issued, Error> {
        let mut form = Form::new();
        for (name, value) in &self.parameters {
            form.add(name, value);
        }
        let ask = self
            .client
            .post(&self.endpoint)
            .header("accept", "application/json");
        let ask = self
            .authentication
            .complete(ask, form, &self.client_id, request)
            .await?;
        // A few issuers say no with status 200.
        let answer = ask.send(request).await?.accept(&CODES)?.judged(&CODES)?;
        let answer = TokenAnswer::read(answer.body())?;
        let lifetime = self.lifetime(answer.lifetime()?)?;
        Ok(Issued::bearer(answer.into_token().into_string())
            .expires_in(lifetime)
            .principal(self.client_id.as_str()))
    }

    fn lifetime(&self, told: Option<Duration>) -> Result<Duration, Error> {
        told.or(self.lifetime_if_unsaid).ok_or_else(|| {
            Error::misconfigured(
                "the issuer does not say how long its tokens live (expires_in): look it up there, and set it as \
                 lifetime_if_unsaid",
            )
        })
    }
}

impl ProvideCredential for ClientCredentials {
    fn profile(&self) -> Profile {
        let profile = Profile::bearer("client_credentials").issuer(self.endpoint.origin());
        if self.authentication.is_static() {
            profile.static_input("a client secret").remedy(
                "use private_key_jwt, whose key is sent nowhere, or an assertion of the workload's own identity",
            )
        } else {
            profile
        }
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.watch.attempt(request, self.exchange(request)).await
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("endpoint", &self.endpoint)
            .field("client_id", &self.client_id)
            .field("authentication", &self.authentication)
            .finish_non_exhaustive()
    }
}
