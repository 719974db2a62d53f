//! Tokens of the account that a machine runs as: [`MetadataServer`].

#[cfg(feature = "bound_tokens")]
mod bound;
mod builder;
mod client;
mod host;

use std::time::Duration;

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use keytide_issuer::{Answer, Ask, Dialect, Endpoint, Env, Reply, TokenAnswer};

use self::client::Client;
use crate::answer::whole;
use crate::identity;
use crate::token_purpose::TokenPurpose;

pub use builder::MetadataServerBuilder;

/// Asks the metadata server of Compute Engine, GKE, Cloud Run and Cloud Functions for a token of the service account that
/// is attached to the workload.
///
/// ```
/// use keytide_gcp::MetadataServer;
///
/// # fn main() -> Result<(), keytide_core::Error> {
/// let storage = MetadataServer::access_token(["https://www.googleapis.com/auth/devstorage.read_only"]).build()?;
/// let caller = MetadataServer::identity_token("https://invoices-abc123-ew.a.run.app").build()?;
/// # Ok(())
/// # }
/// ```
///
/// The server hands out the same access token until its last minutes: 5 on Compute Engine, 4 on serverless platforms. So
/// this provider states an advisory window of 3 min 45 s, as Google's own libraries do, and a token that is given again
/// is no failure. On Compute Engine the scopes are those of the instance, whatever is asked for.
///
/// The environment is read anew for each call: `GCE_METADATA_HOST`, `GCE_METADATA_ROOT` and `GCE_METADATA_IP` for where the
/// server is, `GCE_METADATA_TIMEOUT` for how long it is waited for, `NO_GCE_CHECK` for whether it is asked.
///
/// # Errors
/// | what the server does | kind |
/// |---|---|
/// | 400, 401, 403 | [`Refused`](keytide_core::ErrorKind::Refused) |
/// | 404: no service account is attached | [`NotConfigured`](keytide_core::ErrorKind::NotConfigured); for a named account `Refused` |
/// | 429 | [`Throttled`](keytide_core::ErrorKind::Throttled) |
/// | any answer without `Metadata-Flavor: Google`, 5xx, silence, no token | [`Unavailable`](keytide_core::ErrorKind::Unavailable) |
/// | `NO_GCE_CHECK=true`, in any case | [`NotConfigured`](keytide_core::ErrorKind::NotConfigured), and nothing is asked |
/// | a variable that is not UTF-8, names no metadata server, or is no time limit | [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming it, and nothing is asked |
///
/// # Revocation
/// [`UntilExpiry`](keytide_core::Revocation::UntilExpiry): a token is accepted until it ends, an hour at most. Disabling the
/// service account, or taking its roles away, takes effect within minutes.
#[derive(Debug)]
pub struct MetadataServer {
    host: Option<String>,
    env: Env,
    account: Option<String>,
    purpose: TokenPurpose,
    full: bool,
    #[cfg(feature = "bound_tokens")]
    certificate: Option<std::path::PathBuf>,
    client: Client,
}

impl MetadataServer {
    /// An access token with these scopes, such as `https://www.googleapis.com/auth/devstorage.read_only`. There is no
    /// default: what may do everything ([`CLOUD_PLATFORM`](crate::CLOUD_PLATFORM)) is asked for by name.
    pub fn access_token<S: Into<String>>(
        scopes: impl IntoIterator<Item = S>,
    ) -> MetadataServerBuilder {
        MetadataServerBuilder::new(TokenPurpose::access(scopes))
    }

    /// An identity token for this audience: who will check it, as a URL or an id. It is what Cloud Run and IAP take, and
    /// a subject for other clouds and for model providers. It lives for an hour.
    pub fn identity_token(audience: impl Into<String>) -> MetadataServerBuilder {
        MetadataServerBuilder::new(TokenPurpose::Identity(audience.into()))
    }

    /// What is asked, where the environment says now.
    fn endpoint(&self) -> Result<Endpoint, Error> {
        let account = self.account.as_deref().unwrap_or("default");
        let (kind, name, value) = match &self.purpose {
            TokenPurpose::Access(scopes) => ("token", "scopes", scopes.join(",")),
            TokenPurpose::Identity(audience) => ("identity", "audience", audience.clone()),
        };
        let path = format!("/computeMetadata/v1/instance/service-accounts/{account}/{kind}");
        let server = host::endpoint(self.host.as_deref(), &self.env)?;
        let endpoint = server.at_path(&path)?.query(name, &value);
        Ok(if self.full {
            endpoint.query("format", "full")
        } else {
            endpoint
        })
    }

    /// The request, without what shows that its sender knows whom it asks.
    #[cfg(feature = "bound_tokens")]
    async fn asking(&self, endpoint: &Endpoint) -> Result<Ask, Error> {
        let client = self.client.now(&self.env)?;
        match &self.certificate {
            Some(path) => Ok(client.post(endpoint).json(bound::body(path).await?)),
            None => Ok(client.get(endpoint)),
        }
    }

    /// The request, without what shows that its sender knows whom it asks.
    #[cfg(not(feature = "bound_tokens"))]
    async fn asking(&self, endpoint: &Endpoint) -> Result<Ask, Error> {
        Ok(self.client.now(&self.env)?.get(endpoint))
    }

    fn judged(&self, reply: Reply, origin: &str) -> Result<Answer, Error> {
        let status = reply.status().as_u16();
        let says = |what: &str| format!("{origin} answers {status}: {what}");
        // A success and a no count only if they are the metadata server's; trouble is trouble, whoever tells of it.
        let matters = reply.status().is_success() || (400..500).contains(&status) && status != 429;
        if matters && reply.header(FLAVOR) != Some(GOOGLE) {
            return Err(Error::unavailable(says(
                "without Metadata-Flavor: Google, so it is not the metadata server that answers; look for a proxy, a \
                 captive portal, or a network policy in between",
            )));
        }
        Err(match (status, &self.account) {
            (400, _) => Error::refused(says("check the scopes or the audience")),
            (401 | 403, _) => Error::refused(says(
                "the workload may not have this token; on GKE, check the binding of the Kubernetes service account",
            )),
            (404, None) => {
                Error::not_configured(says("no service account is attached to this workload"))
            }
            (404, Some(account)) => Error::refused(says(&format!(
                "the service account {account} is not attached to this workload"
            ))),
            _ => return reply.accept(&NO_CODES),
        })
    }
}

impl ProvideCredential for MetadataServer {
    fn profile(&self) -> Profile {
        let profile = Profile::bearer("metadata_server").advisory_window(WINDOW);
        match self.endpoint() {
            Ok(endpoint) => profile.issuer(endpoint.origin()),
            // Then nothing is asked either.
            Err(_) => profile,
        }
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        if self.env.is_true("NO_GCE_CHECK")? {
            return Err(Error::not_configured(
                "NO_GCE_CHECK is true: the metadata server is not asked",
            ));
        }
        let endpoint = self.endpoint()?;
        let ask = self.asking(&endpoint).await?.header(FLAVOR, GOOGLE);
        let answer = self.judged(ask.send(request).await?, &endpoint.origin())?;
        match &self.purpose {
            TokenPurpose::Access(_) => {
                let issued = TokenAnswer::read(answer.body())?.issued()?;
                Ok(match &self.account {
                    Some(account) => issued.principal(account.as_str()),
                    None => issued,
                })
            }
            TokenPurpose::Identity(audience) => identity::issued(whole(answer.body())?, audience),
        }
    }
}

const FLAVOR: &str = "metadata-flavor";
const GOOGLE: &str = "Google";
/// Before it the server gives the same token again.
pub(crate) const WINDOW: Duration = Duration::from_secs(225);
/// What the server says of its failures is text for people.
static NO_CODES: Dialect = Dialect::new(|_| Vec::new(), &[]);
