//! The shared configuration files of AWS: [`ProfileFiles`].

mod files;
mod ini;
mod plan;
mod profiles;
mod settings;

use keytide_core::{Error, ErrorKind, Request};

use self::files::Files;
use self::plan::{Plan, Start};
use super::environment::EnvironmentKeys;
use crate::assume_role::{Base, RoleRequest};
use crate::container_endpoint::ContainerEndpoint;
use crate::credential_process::CredentialProcess;
use crate::imds::Imds;
use crate::keys::Keys;
use crate::session::SessionRequest;
use crate::sts::StsEndpoint;
use crate::web_identity::WebIdentity;

/// The profile that `AWS_PROFILE` names, or `default`.
#[derive(Debug)]
pub(super) struct ProfileFiles {
    pub(super) sts: StsEndpoint,
    pub(super) environment: EnvironmentKeys,
    pub(super) container: ContainerEndpoint,
    pub(super) imds: Imds,
    pub(super) allow_static: bool,
}

impl ProfileFiles {
    pub(super) async fn keys(&self, request: &Request) -> Result<Keys, Error> {
        let plan = self.plan().await?;
        let mut sts = self.sts.clone();
        if sts.configured_region()?.is_none() {
            sts.region = plan.settings.region;
        }
        sts.configured = plan.settings.endpoint;
        sts.client.bundle = plan.settings.ca_bundle;
        let not_here = |source| {
            let profile = plan.from.clone();
            move |error| started(&profile, source, error)
        };
        let mut keys = match plan.start {
            Start::Environment => {
                let keys = self.environment.keys(request).await;
                keys.map_err(not_here("Environment"))?
            }
            Start::Container => {
                let keys = self.container.keys(request).await;
                keys.map_err(not_here("EcsContainer"))?
            }
            Start::Instance => {
                let keys = self.imds.keys(request).await;
                keys.map_err(not_here("Ec2InstanceMetadata"))?
            }
            Start::Process(command) => {
                let mut keys = CredentialProcess::new(command).keys().await?;
                let told = keys.marks.account_id.take();
                keys.marks.account_id = told.or(plan.settings.account_id);
                keys
            }
            Start::WebIdentity { role_arn, path } => {
                let provider = WebIdentity::of_profile(role_arn, path.into(), sts.clone());
                provider.keys(request).await?
            }
            Start::Keys(mut keys) => {
                keys.marks.account_id = plan.settings.account_id;
                keys.checked()?
            }
        };
        for role in plan.roles {
            let ask = RoleRequest {
                external_id: role.external_id,
                ..RoleRequest::new(role.arn, SessionRequest::new(sts.clone()))
            };
            let base = Base {
                principal: keys.principal.clone(),
                keys: keys.signer(),
                marks: keys.marks.clone(),
                held: None,
            };
            keys = ask.send(base, request).await?;
        }
        Ok(keys)
    }

    async fn plan(&self) -> Result<Plan, Error> {
        let env = &self.sts.env;
        let selected = env.get("AWS_PROFILE")?;
        let profiles = Files::read(env).await?.profiles()?;
        Plan::of(&profiles, selected.as_deref(), self.allow_static)
    }
}

/// The profile says where to start, so it is configured whatever is found there: a chain that passed over it would lead on
/// to another principal.
fn started(profile: &str, source: &str, error: Error) -> Error {
    if error.kind() != ErrorKind::NotConfigured {
        return error;
    }
    Error::misconfigured(format!(
        "the profile {profile} has the credential_source {source}, which is not configured here"
    ))
    .caused_by(error)
}
