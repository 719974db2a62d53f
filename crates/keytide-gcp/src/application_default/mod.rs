//! The credential that the environment configures: [`ApplicationDefault`].

mod builder;
mod find;

use std::fmt;
use std::sync::{Arc, OnceLock};

use keytide_core::{Error, ErrorKind, Issued, Profile, ProvideCredential, Request, Subject};
use keytide_issuer::{Endpoint, Env, FileWatch, IssuerClient, TokenAnswer};

use self::find::{Found, Place, SearchStep};
use crate::CLOUD_PLATFORM;
use crate::external_account::{ExternalAccount, ExternalAccountBuilder};
use crate::hosts::{Hosts, Role};
use crate::impersonation::Plan;
use crate::metadata_server::MetadataServer;
use crate::quota_project::QuotaProject;
use crate::service_account_key::ServiceAccountKey;
use crate::token_purpose::TokenPurpose;
use crate::user_credentials::{Login, TOKEN_ENDPOINT};

pub use builder::ApplicationDefaultBuilder;

/// Finds a credential where Google's own libraries look for it (Application Default Credentials), and asks its issuer.
///
/// | place, in this order | what is there | is used |
/// |---|---|---|
/// | the file that `GOOGLE_APPLICATION_CREDENTIALS` names | a federation, also with impersonation | yes |
/// | | the key of a service account | by [`danger_service_account_key`](ApplicationDefaultBuilder::danger_service_account_key) only, else an error |
/// | | the login of a person | by [`danger_user_credentials`](ApplicationDefaultBuilder::danger_user_credentials) only, else an error; one of a workforce pool is not exchanged |
/// | `application_default_credentials.json` in `CLOUDSDK_CONFIG`, else in `~/.config/gcloud` (`%APPDATA%\gcloud`) | a federation | yes |
/// | | the login of a person, of a workforce pool too | by name only, else passed over |
/// | | the key of a service account | by name only, else an error |
/// | the metadata server | the account that is attached | yes |
///
/// So what needs no stored secret comes first, and a developer's login is never taken by accident, though `gcloud` left it
/// there. A variable that names a file is a decision: when the file is not there or cannot be used, that is an error, and
/// nothing else is tried.
///
/// A place is passed over only where it is certain that nothing is there: the variable is not set or empty, no file has that
/// name. Whatever cannot be looked at (a file without permission, a link that leads nowhere, a file system that fails, a
/// variable with a line break, or with a blank at an end) is an error that names it, and ends the search: the account that is attached never stands in
/// for it.
///
/// The environment and the files are read anew for each call; a file that is mended after a failure ends the backoff within
/// seconds. Once a place gave a credential, the provider stays with it, and
/// looks for no file that comes later; until then each call looks in all places anew.
///
/// ```
/// use keytide_core::{Agent, Error};
/// use keytide_gcp::ApplicationDefault;
///
/// # fn caches(agent: &Agent) -> Result<(), Error> {
/// let provider = ApplicationDefault::builder(["https://www.googleapis.com/auth/devstorage.read_only"]).build()?;
/// let token = agent.cache(provider).build()?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of the provider that was found; [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when a file is none of
/// these, or is not allowed; those of [`SmallFile`](keytide_issuer::SmallFile) when it cannot be read. When the metadata server was asked last, the error tells what was passed over.
///
/// # Revocation
/// [`UntilExpiry`](keytide_core::Revocation::UntilExpiry).
pub struct ApplicationDefault {
    scopes: Vec<String>,
    env: Env,
    hosts: Hosts,
    subject: Option<Arc<Subject>>,
    keys: bool,
    users: bool,
    token_uri: Endpoint,
    client: IssuerClient,
    metadata: MetadataServer,
    quota_project: QuotaProject,
    watch: FileWatch,
    chosen: OnceLock<SearchStep>,
}

impl ApplicationDefault {
    /// An access token with these scopes. There is no default.
    pub fn builder<S: Into<String>>(
        scopes: impl IntoIterator<Item = S>,
    ) -> ApplicationDefaultBuilder {
        ApplicationDefaultBuilder::new(scopes.into_iter().map(Into::into).collect())
    }

    /// The project that pays for requests, where `GOOGLE_CLOUD_QUOTA_PROJECT` names one, or else the file that was found
    /// (`quota_project_id`): see [`QuotaProject`].
    #[must_use]
    pub fn quota_project(&self) -> QuotaProject {
        self.quota_project.taken()
    }

    /// Who is to pay: the variable wins over what a file says.
    fn note_quota_project(&self, named: Option<(String, String)>) -> Result<(), Error> {
        let (project, whence) = match self.env.get(QUOTA_PROJECT)? {
            Some(project) => (Some(project), QUOTA_PROJECT.to_owned()),
            None => named.map_or((None, String::new()), |(project, whence)| {
                (Some(project), whence)
            }),
        };
        self.quota_project.note(project, &whence)
    }

    async fn ask(&self, found: Found, request: &Request) -> Result<Issued, Error> {
        match found {
            Found::Federation(config) => {
                let builder = ExternalAccount::from_config(*config);
                self.federated(builder)?.ask(request).await
            }
            Found::ImpersonatedFederation(config, plan) => {
                let builder = ExternalAccount::from_config(*config).planned(plan);
                self.federated(builder)?.ask(request).await
            }
            Found::Key(path, json) => {
                let builder =
                    ServiceAccountKey::danger_from_text_of(&path, json).hosts(self.hosts.clone());
                let builder = builder.scopes(&self.scopes).client(self.client.clone());
                let key = builder.build()?.quota_project_is_seen_to();
                key.ask(request).await
            }
            Found::Login(login) => {
                let token = self.logged_in(&login, &self.scopes, request).await?;
                token.issued()
            }
            Found::ImpersonatedLogin(login, plan) => self.impersonated(&login, plan, request).await,
            Found::Nothing(passed_over) => {
                let asked = self.metadata.provide(request).await;
                asked.map_err(|error| explained(&error, &passed_over))
            }
        }
    }

    fn federated(&self, builder: ExternalAccountBuilder) -> Result<ExternalAccount, Error> {
        let builder = builder
            .hosts(self.hosts.clone())
            .scopes(&self.scopes)
            .quota_project_is_seen_to()
            .client(self.client.clone());
        match &self.subject {
            Some(subject) => builder.shared_subject(Arc::clone(subject)).build(),
            None => builder.build(),
        }
    }

    async fn logged_in(
        &self,
        login: &Login,
        scopes: &[String],
        request: &Request,
    ) -> Result<TokenAnswer, Error> {
        login
            .exchange(scopes, &self.client, &self.token_uri, request)
            .await
    }

    async fn impersonated(
        &self,
        login: &Login,
        plan: Plan,
        request: &Request,
    ) -> Result<Issued, Error> {
        let impersonation = plan.checked(TokenPurpose::Access(self.scopes.clone()), &self.hosts)?;
        // A login grants no narrower scope that would do.
        let scopes = [CLOUD_PLATFORM.to_owned()];
        let base = self.logged_in(login, &scopes, request).await?;
        let base = base.token().as_str().as_bytes();
        let generated = impersonation.generate(&self.client, request, base).await;
        generated.map_err(|(error, _)| error)
    }
}

impl ProvideCredential for ApplicationDefault {
    fn profile(&self) -> Profile {
        let mut profile = Profile::bearer("application_default");
        let metadata = match self.chosen.get() {
            Some(step) => *step == SearchStep::Metadata,
            None => !self.env.has(find::VARIABLE),
        };
        if metadata {
            profile = profile.advisory_window(crate::metadata_server::WINDOW);
        }
        if self.keys || self.users {
            profile = profile
                .static_input("the key of a service account, or the login of a person, where one is configured")
                .remedy("attach an account to the workload, or federate its identity");
        }
        profile
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.watch.attempt(request, self.look(request)).await
    }
}

impl ApplicationDefault {
    async fn look(&self, request: &Request) -> Result<Issued, Error> {
        let allowed = find::Allowed {
            keys: self.keys,
            users: self.users,
        };
        let chosen = self.chosen.get().copied();
        let Place {
            step,
            found,
            quota_project,
        } = find::find(&self.env, allowed, chosen).await?;
        self.note_quota_project(quota_project)?;
        let issued = self.ask(found, request).await?;
        // Another attempt cannot have chosen another place meanwhile: there is one flight at a time.
        if self.chosen.set(step).is_ok() {
            request.answered_by(self.profile());
        }
        Ok(issued)
    }
}

/// The error of the last resort, with what was not there before it.
fn explained(error: &Error, passed_over: &str) -> Error {
    let message = format!("{passed_over}, and the metadata server gives nothing");
    let told = match error.kind() {
        ErrorKind::Throttled => Error::throttled(error.retry_after(), message),
        ErrorKind::Refused => Error::refused(message),
        ErrorKind::NotConfigured => Error::not_configured(message),
        ErrorKind::Misconfigured => Error::misconfigured(message),
        _ => Error::unavailable(message),
    };
    told.caused_by(error.clone())
}

impl fmt::Debug for ApplicationDefault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplicationDefault")
            .field("scopes", &self.scopes)
            .field("keys", &self.keys)
            .field("users", &self.users)
            .field("chosen", &self.chosen.get())
            .finish_non_exhaustive()
    }
}

impl ApplicationDefault {
    fn token_endpoint(hosts: &Hosts, url: Option<&str>) -> Result<Endpoint, Error> {
        hosts.endpoint(
            Role::TokenEndpoint,
            "the token_uri",
            url.unwrap_or(TOKEN_ENDPOINT),
        )
    }
}

const QUOTA_PROJECT: &str = "GOOGLE_CLOUD_QUOTA_PROJECT";
