//! Tokens of the account that a machine runs as: [`MetadataServer`].

#[cfg(feature = "bound-tokens")]
mod bound;
mod builder;
mod host;

use std::time::Duration;

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request, Secret};
use keytide_http::issuer::{Answer, Ask, Dialect, Endpoint, IssuerClient, Reply};

use crate::answer::{Token, whole};
use crate::identity;
use crate::wanted::Wanted;

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
/// # Errors
/// | what the server does | kind |
/// |---|---|
/// | 400, 401, 403 | [`Refused`](keytide_core::ErrorKind::Refused) |
/// | 404: no service account is attached | [`NotConfigured`](keytide_core::ErrorKind::NotConfigured); for a named account `Refused` |
/// | 429 | [`Throttled`](keytide_core::ErrorKind::Throttled) |
/// | any answer without `Metadata-Flavor: Google`, 5xx, silence, no token | [`Unavailable`](keytide_core::ErrorKind::Unavailable) |
/// | `NO_GCE_CHECK=true` | [`NotConfigured`](keytide_core::ErrorKind::NotConfigured), and nothing is asked |
///
/// # Revocation
/// [`UntilExpiry`](keytide_core::Revocation::UntilExpiry): a token is accepted until it ends, an hour at most. Disabling the
/// service account, or taking its roles away, takes effect within minutes.
#[derive(Debug)]
pub struct MetadataServer {
    endpoint: Endpoint,
    account: Option<String>,
    wanted: Wanted,
    switched_off: bool,
    #[cfg(feature = "bound-tokens")]
    certificate: Option<std::path::PathBuf>,
    client: IssuerClient,
}

impl MetadataServer {
    /// An access token with these scopes, such as `https://www.googleapis.com/auth/devstorage.read_only`. There is no
    /// default: what may do everything ([`CLOUD_PLATFORM`](crate::CLOUD_PLATFORM)) is asked for by name.
    pub fn access_token<S: Into<String>>(
        scopes: impl IntoIterator<Item = S>,
    ) -> MetadataServerBuilder {
        MetadataServerBuilder::new(Wanted::access(scopes))
    }

    /// An identity token for this audience: who will check it, as a URL or an id. It is what Cloud Run and IAP take, and
    /// a subject for other clouds and for model providers. It lives for an hour.
    pub fn identity_token(audience: impl Into<String>) -> MetadataServerBuilder {
        MetadataServerBuilder::new(Wanted::Identity(audience.into()))
    }

    /// The request, without what shows that its sender knows whom it asks.
    #[cfg(feature = "bound-tokens")]
    async fn asking(&self) -> Result<Ask, Error> {
        match &self.certificate {
            Some(path) => Ok(self
                .client
                .post(&self.endpoint)
                .json(bound::body(path).await?)),
            None => Ok(self.client.get(&self.endpoint)),
        }
    }

    /// The request, without what shows that its sender knows whom it asks.
    #[cfg(not(feature = "bound-tokens"))]
    async fn asking(&self) -> Result<Ask, Error> {
        Ok(self.client.get(&self.endpoint))
    }

    fn judged(&self, reply: Reply) -> Result<Answer, Error> {
        let (origin, status) = (self.endpoint.origin(), reply.status().as_u16());
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
        Profile::bearer("metadata_server")
            .issuer(self.endpoint.origin())
            .advisory_window(WINDOW)
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        if self.switched_off {
            return Err(Error::not_configured(
                "NO_GCE_CHECK is true: the metadata server is not asked",
            ));
        }
        let ask = self.asking().await?.header(FLAVOR, GOOGLE);
        let answer = self.judged(ask.send(request).await?)?;
        match &self.wanted {
            Wanted::Access(_) => {
                let token = Token::read(answer.body())?;
                let lifetime = token.lifetime()?;
                let issued = Issued::bearer(Secret::from(token.text.into_string()));
                let issued = issued.expires_in(lifetime);
                Ok(match &self.account {
                    Some(account) => issued.principal(account.as_str()),
                    None => issued,
                })
            }
            Wanted::Identity(audience) => identity::issued(whole(answer.body())?, audience),
        }
    }
}

const FLAVOR: &str = "metadata-flavor";
const GOOGLE: &str = "Google";
/// Before it the server gives the same token again.
pub(crate) const WINDOW: Duration = Duration::from_secs(225);
/// What the server says of its failures is text for people.
static NO_CODES: Dialect = Dialect::new(|_| Vec::new(), &[]);
