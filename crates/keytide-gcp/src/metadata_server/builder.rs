//! How a metadata server is told what to hand out: [`MetadataServerBuilder`].

use keytide_core::Error;
use keytide_issuer::{Env, IssuerClient};

use super::MetadataServer;
use super::client::Client;
use crate::token_purpose::{TokenPurpose, check_account};

/// Builds a [`MetadataServer`]. Building contacts nobody, and reads no variable and no file.
#[derive(Debug)]
#[must_use]
pub struct MetadataServerBuilder {
    purpose: TokenPurpose,
    account: Option<String>,
    full: bool,
    host: Option<String>,
    env: Env,
    #[cfg(feature = "bound_tokens")]
    certificate: Option<std::path::PathBuf>,
    client: Option<IssuerClient>,
}

impl MetadataServerBuilder {
    pub(super) fn new(purpose: TokenPurpose) -> Self {
        Self {
            purpose,
            account: None,
            full: false,
            host: None,
            env: Env::process(),
            #[cfg(feature = "bound_tokens")]
            certificate: None,
            client: None,
        }
    }

    /// The service account, by its e-mail address, where more than one is attached. Defaults to `default`.
    pub fn service_account(mut self, email: impl Into<String>) -> Self {
        self.account = Some(email.into());
        self
    }

    /// Has an identity token tell of the instance too: project, zone, name (`format=full`). Defaults to no. Not for
    /// access tokens.
    pub fn instance_details(mut self) -> Self {
        self.full = true;
        self
    }

    /// The server, as `127.0.0.1:8080`. Defaults to what `GCE_METADATA_HOST`, `GCE_METADATA_ROOT` or `GCE_METADATA_IP`
    /// names, in this order, else to 169.254.169.254.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// The environment, which is read anew for each call. Defaults to that of the process.
    pub fn env(mut self, env: Env) -> Self {
        self.env = env;
        self
    }

    /// Asks for a token that is bound to the certificate in this file: PEM, leaf first, read anew for each request. It is good
    /// only over TLS connections that present that certificate, so whoever steals the token alone has nothing. Defaults to a
    /// token that is bound to nothing.
    ///
    /// **Unproven.** It is what Google's library for Python does for agent identities (google-auth 2.63.0), and was tried on a
    /// fake alone. Google binds tokens to certificates of agents only (SPIFFE trust domain
    /// `agents.global.org-NUMBER.system.id.goog`, `proj-NUMBER` for `org-NUMBER`); that is not checked here. The
    /// certificate is usually at `/var/run/secrets/workload-spiffe-credentials/certificates.pem`.
    #[cfg(feature = "bound_tokens")]
    #[cfg_attr(docsrs, doc(cfg(feature = "bound_tokens")))]
    pub fn bind_certificate(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.certificate = Some(path.into());
        self
    }

    /// The client that asks. Defaults to [`IssuerClient::quick`] with 10 s for an answer, or as many seconds as
    /// `GCE_METADATA_TIMEOUT` says (1 to 600).
    pub fn client(mut self, client: IssuerClient) -> Self {
        self.client = Some(client);
        self
    }

    /// Builds the provider.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming what is wrong: the scopes or the audience, the
    /// account, the [`host`](Self::host). What a variable says is judged when the provider is asked.
    pub fn build(self) -> Result<MetadataServer, Error> {
        self.purpose.check()?;
        if let Some(account) = &self.account {
            check_account(account)?;
        }
        if self.full && matches!(self.purpose, TokenPurpose::Access(_)) {
            return Err(Error::misconfigured(
                "only identity tokens tell of the instance",
            ));
        }
        let server = MetadataServer {
            host: self.host,
            env: self.env,
            account: self.account,
            purpose: self.purpose,
            full: self.full,
            #[cfg(feature = "bound_tokens")]
            certificate: self.certificate,
            client: Client(self.client),
        };
        if server.host.is_some() {
            // What was said here is judged here; the environment at each call.
            server.endpoint()?;
        }
        Ok(server)
    }
}
