//! The shared configuration files of AWS: [`ProfileFiles`].

mod plan;

use aws_runtime::env_config::file::EnvConfigFiles;
use keytide_core::{Error, Request};
use tokio::runtime::Handle;
use tracing::subscriber::NoSubscriber;

use self::plan::{Plan, Start};
use super::environment::EnvironmentKeys;
use crate::arn::RoleArn;
use crate::assume_role::{Base, RoleRequest};
use crate::container_endpoint::ContainerEndpoint;
use crate::imds::Imds;
use crate::keys::Keys;
use crate::process::Process;
use crate::sts::Place;
use crate::web_identity::WebIdentity;

/// The profile that `AWS_PROFILE` names, or `default`.
#[derive(Debug)]
pub(super) struct ProfileFiles {
    pub(super) place: Place,
    pub(super) environment: EnvironmentKeys,
    pub(super) container: ContainerEndpoint,
    pub(super) imds: Imds,
    pub(super) allow_static: bool,
}

impl ProfileFiles {
    pub(super) async fn keys(&self, request: &Request) -> Result<Keys, Error> {
        let plan = self.plan().await?;
        let mut place = self.place.clone();
        if place.region().is_err() {
            place.region = plan.region;
        }
        let (mut provider, mut keys) = match plan.start {
            Start::Environment => ("environment", self.environment.keys(request).await?),
            Start::Container => ("container_endpoint", self.container.keys(request).await?),
            Start::Instance => ("imds", self.imds.keys(request).await?),
            Start::Process(command) => ("process", Process::new(command).keys().await?),
            Start::WebIdentity { role_arn, path } => {
                let role = RoleArn::parse(&role_arn)?;
                let provider = WebIdentity::of_profile(role, path.into(), place.clone());
                ("web_identity", provider.keys(request).await?)
            }
            Start::Keys(keys) => ("profile", keys.checked()?),
        };
        for role in plan.roles {
            let ask = RoleRequest {
                external_id: role.external_id,
                ..RoleRequest::new(RoleArn::parse(&role.arn)?, place.clone())
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

    /// Reads the files, as the SDK does.
    async fn plan(&self) -> Result<Plan, Error> {
        let variables = self.place.variables.for_sdk();
        let allow_static = self.allow_static;
        // The SDK reads files on the thread that asks, and may quote a line that it does not understand in a log.
        let read = tokio::task::spawn_blocking(move || {
            let (files, fs) = (
                EnvConfigFiles::default(),
                aws_types::os_shim_internal::Fs::real(),
            );
            let load = aws_config::profile::load(&fs, &variables, &files, None);
            let profiles = tracing::subscriber::with_default(NoSubscriber::new(), || {
                Handle::current().block_on(load)
            });
            let named = variables.get("AWS_PROFILE").is_ok();
            match profiles {
                Ok(profiles) => Plan::of(&profiles, named, allow_static),
                // The SDK's error may quote the file.
                Err(_) => Err(Error::misconfigured(
                    "the shared configuration files of AWS cannot be read or parsed: check ~/.aws/config and ~/.aws/credentials, or \
                     where AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE lead",
                )),
            }
        });
        read.await.map_err(|_| {
            Error::unavailable("the shared configuration files were not read: the runtime ends or the reader failed")
        })?
    }
}
