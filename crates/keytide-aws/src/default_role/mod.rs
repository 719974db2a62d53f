//! The role that the platform gives this workload, wherever it runs: [`DefaultRole`].

mod environment;
mod profile;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use keytide_core::{Error, ErrorKind, Issued, Profile, ProvideCredential, Request};
use keytide_issuer::{Env, FileWatch, IssuerClient};

use self::environment::EnvironmentKeys;
use self::profile::ProfileFiles;
use crate::container_endpoint::ContainerEndpoint;
use crate::imds::Imds;
use crate::keys::Keys;
use crate::sts::StsEndpoint;
use crate::web_identity::WebIdentity;

/// The role that this workload has, in the order in which the AWS SDKs look: environment, shared configuration files, web
/// identity, container endpoint, instance metadata. **Roles only**: keys that never expire are found, named and refused.
///
/// ```
/// use keytide_aws::DefaultRole;
///
/// let provider = DefaultRole::new();
/// ```
///
/// | step | takes | refuses |
/// |---|---|---|
/// | `environment` | the keys of a Lambda function | `AWS_ACCESS_KEY_ID` and the like, anywhere else |
/// | `profile` | `role_arn` with `source_profile` or `credential_source`, `web_identity_token_file`, `credential_process`, in `~/.aws/config` and `~/.aws/credentials` (`AWS_CONFIG_FILE`, `AWS_SHARED_CREDENTIALS_FILE`, `AWS_PROFILE`) | `aws_access_key_id`; `sso_…` and `login_session`, which are a person's |
/// | `web_identity` | [`WebIdentity::new`] | |
/// | `container_endpoint` | [`ContainerEndpoint`] | |
/// | `imds` | [`Imds`] | |
///
/// The first step that is configured here is the one; it stays so. What it meets after that (an issuer that is down, a
/// refusal) never leads on to another principal. A refusal is an error that names the variable or the file and says what to
/// do, and ends the search: it would hide the role that stands behind.
///
/// A step is passed over where its variables are not set or empty, and its files are not there. All else ends the search,
/// and is looked at again with the next attempt: half of a set of variables or of a key, a profile that starts from what is
/// not here, a variable or a file that is not UTF-8, a file that may not be read or is none.
///
/// The configuration files are read by [`SmallFile`](keytide_issuer::SmallFile), up to 1 MiB each, as botocore and the SDKs
/// read them. A profile that this workload does not start from may hold what nobody can read. `~` is `HOME`; where that is
/// not set, there are no files in it. Of a profile, `region`, `endpoint_url` (in `services` too),
/// `ignore_configured_endpoint_urls`, `use_fips_endpoint`, `use_dualstack_endpoint`, `ca_bundle` and `aws_account_id` are
/// heeded as well; `duration_seconds` and `role_session_name` are not.
///
/// Roles that a profile chains are asked for one after the other with each call, and each carries the agent's identity, as
/// [`AssumeRole`](crate::AssumeRole) does. A role of a profile needs a region: `AWS_REGION`, or `region` in the profile.
pub struct DefaultRole {
    settings: Settings,
    steps: [Step; 5],
    /// The step that first gave keys, or `NONE`.
    chosen: AtomicUsize,
    watch: FileWatch,
}

#[derive(Clone)]
struct Settings {
    env: Env,
    client: Option<IssuerClient>,
    allow_static: bool,
    allowed: Vec<String>,
}

enum Step {
    Environment(EnvironmentKeys),
    Profile(ProfileFiles),
    WebIdentity(WebIdentity),
    ContainerEndpoint(ContainerEndpoint),
    Imds(Imds),
}

impl DefaultRole {
    /// The role of this workload, by this process's environment. Making it contacts nobody and reads nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings {
            env: Env::process(),
            client: None,
            allow_static: false,
            allowed: Vec::new(),
        })
    }

    /// The environment variables that are looked at. Defaults to those of the process.
    #[must_use]
    pub fn env(self, env: Env) -> Self {
        Self::of(Settings {
            env,
            ..self.settings
        })
    }

    /// The client that asks all issuers. Defaults to what each step has as its default.
    #[must_use]
    pub fn client(self, client: IssuerClient) -> Self {
        Self::of(Settings {
            client: Some(client),
            ..self.settings
        })
    }

    /// Takes keys from the environment and from profiles that are no role's, and that may never expire. The cache must be
    /// built with [`danger_allow_static`](keytide_core::CacheBuilder::danger_allow_static) too, where they do not.
    ///
    /// Whoever finds such keys, in a repository, a log or a backup, has them for good.
    #[must_use]
    pub fn danger_allow_static_keys(self) -> Self {
        Self::of(Settings {
            allow_static: true,
            ..self.settings
        })
    }

    /// Lets the configuration (`AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`, `endpoint_url` of a profile) have STS asked at
    /// this origin too, such as `https://sts.corp.example`: scheme, host and port. Whoever answers there is sent what the
    /// call holds, the token of a pod included. Defaults to none: the documented hosts of STS, with FIPS, dual-stack and
    /// VPC endpoints.
    #[must_use]
    pub fn danger_allow_endpoint(mut self, origin: impl Into<String>) -> Self {
        self.settings.allowed.push(origin.into());
        Self::of(self.settings)
    }

    fn of(settings: Settings) -> Self {
        let Settings {
            env,
            client,
            allow_static,
            allowed,
        } = settings.clone();
        let mut sts = StsEndpoint {
            env: env.clone(),
            ..StsEndpoint::default()
        };
        for origin in allowed {
            sts.allowed.allow(origin);
        }
        let mut container = ContainerEndpoint::new().env(env.clone());
        let mut imds = Imds::new().env(env.clone());
        if let Some(client) = client {
            sts.client = client.clone().into();
            container = container.client(client.clone());
            imds = imds.client(client);
        }
        let environment = EnvironmentKeys::new(env, allow_static);
        let profile = ProfileFiles {
            sts: sts.clone(),
            environment: environment.clone(),
            container: container.clone(),
            imds: imds.clone(),
            allow_static,
        };
        Self {
            settings,
            steps: [
                Step::Environment(environment),
                Step::Profile(profile),
                Step::WebIdentity(WebIdentity::of_environment(sts)),
                Step::ContainerEndpoint(container),
                Step::Imds(imds),
            ],
            chosen: AtomicUsize::new(NONE),
            watch: FileWatch::new(),
        }
    }

    async fn search(&self, request: &Request) -> Result<Issued, Error> {
        let chosen = self.chosen.load(Ordering::Relaxed);
        if let Some(step) = self.steps.get(chosen) {
            return match step.keys(request).await {
                Ok(keys) => Ok(keys.issued()),
                Err(error) => Err(named(step.name(), &error, &[])),
            };
        }
        let mut passed_over = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            match step.keys(request).await {
                Ok(keys) => {
                    self.chosen.store(index, Ordering::Relaxed);
                    return Ok(keys.issued());
                }
                Err(error) if error.kind() == ErrorKind::NotConfigured => {
                    passed_over.push(format!("{}: {error}", step.name()));
                }
                Err(error) => return Err(named(step.name(), &error, &passed_over)),
            }
        }
        Err(Error::not_configured(format!(
            "this workload has no role: {}",
            passed_over.join("; ")
        )))
    }
}

impl Default for DefaultRole {
    fn default() -> Self {
        Self::new()
    }
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Environment(_) => "environment",
            Self::Profile(_) => "profile",
            Self::WebIdentity(_) => "web_identity",
            Self::ContainerEndpoint(_) => "container_endpoint",
            Self::Imds(_) => "imds",
        }
    }

    async fn keys(&self, request: &Request) -> Result<Keys, Error> {
        match self {
            Self::Environment(step) => step.keys(request).await,
            Self::Profile(step) => step.keys(request).await,
            Self::WebIdentity(step) => step.keys(request).await,
            Self::ContainerEndpoint(step) => step.keys(request).await,
            Self::Imds(step) => step.keys(request).await,
        }
    }
}

impl ProvideCredential for DefaultRole {
    fn profile(&self) -> Profile {
        Profile::signing_key("default_role").remedy(
            "give this workload a role: of the instance, the task, the pod or the function, or by web identity",
        )
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.watch.attempt(request, self.search(request)).await
    }
}

/// The same sort of error, with the step that it came from.
fn named(step: &str, error: &Error, passed_over: &[String]) -> Error {
    let message = match passed_over {
        [] => format!("{step}: {error}"),
        passed_over => format!("{step}: {error} (passed over: {})", passed_over.join("; ")),
    };
    let named = match error.kind() {
        ErrorKind::NotConfigured => Error::not_configured(message),
        ErrorKind::Misconfigured | ErrorKind::InvalidArgument => Error::misconfigured(message),
        ErrorKind::Refused => Error::refused(message),
        ErrorKind::Throttled => Error::throttled(error.retry_after(), message),
        _ => Error::unavailable(message),
    };
    match std::error::Error::source(error) {
        Some(source) => named.caused_by(source.to_string()),
        None => named,
    }
}

impl fmt::Debug for DefaultRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chosen = self.steps.get(self.chosen.load(Ordering::Relaxed));
        f.debug_struct("DefaultRole")
            .field("chosen", &chosen.map(Step::name))
            .finish_non_exhaustive()
    }
}

const NONE: usize = usize::MAX;
