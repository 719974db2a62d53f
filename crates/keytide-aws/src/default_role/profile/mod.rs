//! The shared configuration files of AWS: [`ProfileFiles`].

mod files;
mod plan;

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
            sts.region = plan.region;
        }
        let not_here = |source| {
            let profile = plan.from.clone();
            move |error| started(&profile, source, error)
        };
        let (mut provider, mut keys) = match plan.start {
            Start::Environment => {
                let keys = self.environment.keys(request).await;
                ("environment", keys.map_err(not_here("Environment"))?)
            }
            Start::Container => {
                let keys = self.container.keys(request).await;
                (
                    "container_endpoint",
                    keys.map_err(not_here("EcsContainer"))?,
                )
            }
            Start::Instance => {
                let keys = self.imds.keys(request).await;
                ("imds", keys.map_err(not_here("Ec2InstanceMetadata"))?)
            }
            Start::Process(command) => ("process", CredentialProcess::new(command).keys().await?),
            Start::WebIdentity { role_arn, path } => {
                let provider = WebIdentity::of_profile(role_arn, path.into(), sts.clone());
                ("web_identity", provider.keys(request).await?)
            }
            Start::Keys(keys) => ("profile", keys.checked()?),
        };
        for role in plan.roles {
            let ask = RoleRequest {
                external_id: role.external_id,
                ..RoleRequest::new(role.arn, SessionRequest::new(sts.clone()))
            };
            let base = Base {
                provider,
                principal: keys.principal.clone(),
                keys: keys.for_sdk(),
                held: None,
            };
            keys = ask.send(base, request).await?;
            provider = "assume_role";
        }
        Ok(keys)
    }

    async fn plan(&self) -> Result<Plan, Error> {
        let env = &self.sts.env;
        let selected = env.get("AWS_PROFILE")?;
        let profiles = Files::read(env).await?.parse(selected.clone()).await?;
        Plan::of(&profiles, selected.is_some(), self.allow_static)
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
