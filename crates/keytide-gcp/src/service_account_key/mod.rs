//! Tokens by the key of a service account: [`ServiceAccountKey`].

mod assertion;
mod builder;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use keytide_issuer::{FileWatch, Form, IssuerClient, TokenAnswer};

use self::assertion::{Key, Signed};
use crate::answer::identity_token;
use crate::codes::OAUTH;
use crate::hosts::{Hosts, Role};
use crate::identity;
use crate::quota_project::QuotaProject;
use crate::token_purpose::TokenPurpose;

pub use builder::ServiceAccountKeyBuilder;

/// Signs assertions with the key of a service account and exchanges them for tokens (RFC 7523).
///
/// A key never expires, and whoever has the file is the service account. So a cache of it is refused unless it was built
/// with [`danger_allow_static`](keytide_core::CacheBuilder::danger_allow_static). Attach the account to the workload
/// ([`MetadataServer`](crate::MetadataServer)), or federate ([`ExternalAccount`](crate::ExternalAccount)), wherever that can
/// be done.
///
/// ```
/// use keytide_core::{Agent, Error};
/// use keytide_gcp::ServiceAccountKey;
///
/// # fn caches(agent: &Agent) -> Result<(), Error> {
/// let provider = ServiceAccountKey::danger_from_file("/run/keys/agent.json")
///     .scopes(["https://www.googleapis.com/auth/devstorage.read_only"])
///     .build()?;
/// let token = agent.cache(provider).danger_allow_static().build()?;
/// # Ok(())
/// # }
/// ```
///
/// The file is read anew for each exchange, so a key that is replaced is used without a restart,
/// and after a failure within seconds. `gcp_auth` parses the key
/// and signs; the exchange goes through the guarded client, dated by Google's clock as far as its answers have told it.
/// The first use of each provider is logged as a warning, with the age of the file: the key is at least as old.
///
/// # Errors
/// | what goes wrong | kind |
/// |---|---|
/// | `invalid_grant` (the key or the account is gone), `invalid_scope`, `invalid_client`, `unauthorized_client` | [`Refused`](keytide_core::ErrorKind::Refused) |
/// | 429, `slow_down` | [`Throttled`](keytide_core::ErrorKind::Throttled) |
/// | `server_error`, `internal_failure`, `temporarily_unavailable`, any other failure, no answer; the file is not there | [`Unavailable`](keytide_core::ErrorKind::Unavailable) |
/// | the file is no key, is of another universe than Google's own (`universe_domain`), or its `token_uri` leads to a place that Google does not document | [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) |
///
/// # Revocation
/// [`UntilExpiry`](keytide_core::Revocation::UntilExpiry) for a token. The key itself is accepted until it is deleted or
/// disabled by hand: terminating an agent does not do that.
pub struct ServiceAccountKey {
    key: Key,
    purpose: TokenPurpose,
    subject: Option<String>,
    hosts: Hosts,
    client: IssuerClient,
    quota_project: QuotaProject,
    watch: FileWatch,
    flagged: AtomicBool,
}

impl ServiceAccountKey {
    /// The key in this file, as the console writes it.
    pub fn danger_from_file(path: impl Into<std::path::PathBuf>) -> ServiceAccountKeyBuilder {
        ServiceAccountKeyBuilder::new(Key::file(path.into()))
    }

    /// The key in this text, as a secret store gives it out.
    pub fn danger_from_json(json: impl Into<String>) -> ServiceAccountKeyBuilder {
        ServiceAccountKeyBuilder::new(Key::text(json.into()))
    }

    /// The project that pays for requests, where the key file names one (`quota_project_id`): see [`QuotaProject`].
    #[must_use]
    pub fn quota_project(&self) -> QuotaProject {
        self.quota_project.taken()
    }

    /// The key in this text, which a file held.
    pub(crate) fn danger_from_text_of(
        path: &std::path::Path,
        json: String,
    ) -> ServiceAccountKeyBuilder {
        ServiceAccountKeyBuilder::new(Key::text_of(path, json))
    }

    /// Somebody else sees to the project that pays.
    pub(crate) fn quota_project_is_seen_to(self) -> Self {
        drop(self.quota_project.taken());
        self
    }

    /// Says once that there is a key, and how old its file is.
    fn flag(&self, signed: &Signed) {
        if self.flagged.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::warn!(
            target: "keytide::gcp",
            account = %signed.account,
            key_id = signed.key_id.as_deref().unwrap_or("unknown"),
            file_age_days = signed.file_age.map(|age| age.as_secs() / 86_400),
            "the key of a service account is in use: it never expires",
        );
    }
}

impl ProvideCredential for ServiceAccountKey {
    fn profile(&self) -> Profile {
        Profile::bearer("service_account_key")
            .issuer("https://oauth2.googleapis.com")
            .static_input("the key of a service account")
            .remedy(
                "attach the account to the workload (MetadataServer), or federate its identity (ExternalAccount)",
            )
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.watch.attempt(request, self.ask(request)).await
    }
}

impl ServiceAccountKey {
    /// One attempt, whose files somebody else may watch.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Issued, Error> {
        let signed = self
            .key
            .sign(&self.purpose, self.subject.as_deref(), request)
            .await?;
        let whence = format!("quota_project_id of {}", self.key.named());
        self.quota_project
            .note(signed.quota_project.clone(), &whence)?;
        let endpoint = self.hosts.endpoint(
            Role::TokenEndpoint,
            &format!("the token_uri of {}", self.key.named()),
            &signed.token_uri,
        )?;
        self.flag(&signed);
        let mut form = Form::new();
        form.add("grant_type", JWT_BEARER);
        form.add("assertion", signed.assertion.as_bytes());
        let ask = self
            .client
            .post(&endpoint)
            .header("accept", "application/json")
            .form(form);
        let answer = ask.send(request).await?.accept(&OAUTH)?.judged(&OAUTH)?;
        let issued = match &self.purpose {
            TokenPurpose::Access(_) => TokenAnswer::read(answer.body())?.issued()?,
            TokenPurpose::Identity(audience) => {
                identity::issued(identity_token(answer.body(), "id_token")?, audience)?
            }
        };
        // Whom the token speaks for: a user, where the account acts for one.
        Ok(issued.principal(self.subject.clone().unwrap_or(signed.account)))
    }
}

impl fmt::Debug for ServiceAccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccountKey")
            .field("key", &self.key)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
