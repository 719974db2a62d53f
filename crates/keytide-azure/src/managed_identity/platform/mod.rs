//! Where this process runs, by what its environment says: [`PlatformSearch`].

mod installed;

use std::fmt;
use std::path::{Path, PathBuf};

use keytide_core::Error;
use keytide_issuer::{Endpoint, Env};
use zeroize::Zeroizing;

use crate::hosts::Hosts;

/// What is known of where this process runs, before its environment is looked at.
#[derive(Clone)]
pub(super) struct PlatformSearch {
    pub(super) env: Env,
    pub(super) hosts: Hosts,
    /// The IMDS that was named by the user, which then is the platform.
    pub(super) imds: Option<Endpoint>,
    pub(super) machine: Machine,
}

/// What is at the same place on every machine, if it is there.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    /// The origin of the IMDS.
    pub(crate) imds: String,
    /// The program of Arc's agent.
    pub(crate) arc: PathBuf,
}

/// Who gives tokens here.
pub(super) enum Platform {
    Imds {
        endpoint: Endpoint,
        /// Whether somebody named it, so that it is one that is to be there.
        named: bool,
    },
    AppService {
        endpoint: Endpoint,
        header: Zeroizing<String>,
    },
    Arc(Endpoint),
}

/// The answer of the environment alone.
enum EnvAnswer {
    Platform(Platform),
    /// Arc, if its agent is installed; else IMDS.
    ArcOrImds(Endpoint),
}

impl PlatformSearch {
    /// Which platform this is, in the order in which Microsoft's libraries look. Looked up for each call: what could not
    /// be looked at once decides nothing for the next.
    pub(super) async fn find(&self) -> Result<Platform, Error> {
        match self.read()? {
            EnvAnswer::Platform(platform) => Ok(platform),
            EnvAnswer::ArcOrImds(endpoint) => {
                if installed::look(&self.machine.arc).await? {
                    Ok(Platform::Arc(Endpoint::parse(ARC)?))
                } else {
                    Ok(Platform::Imds {
                        endpoint,
                        named: false,
                    })
                }
            }
        }
    }

    /// The origin of whoever gives tokens here, as far as the environment alone tells.
    pub(super) fn origin(&self) -> Option<String> {
        match self.read().ok()? {
            EnvAnswer::Platform(
                Platform::Imds { endpoint, .. }
                | Platform::Arc(endpoint)
                | Platform::AppService { endpoint, .. },
            )
            | EnvAnswer::ArcOrImds(endpoint) => Some(endpoint.origin()),
        }
    }

    /// A platform that is named by halves is an error: to pass it over would lead to another identity.
    fn read(&self) -> Result<EnvAnswer, Error> {
        if let Some(endpoint) = &self.imds {
            return Ok(imds(endpoint.clone()));
        }
        let env = &self.env;
        if env.has("IDENTITY_SERVER_THUMBPRINT") {
            return not_spoken("Service Fabric", "IDENTITY_SERVER_THUMBPRINT");
        }
        let endpoint = self.hosts.platform(env, "IDENTITY_ENDPOINT")?;
        let header = env.get("IDENTITY_HEADER")?.map(Zeroizing::new);
        let (endpoint, header) = match (endpoint, header) {
            // App Service sets the variables of older libraries too.
            (Some(endpoint), Some(header)) => {
                return Ok(EnvAnswer::Platform(Platform::AppService {
                    endpoint,
                    header,
                }));
            }
            rest => rest,
        };
        match (env.get("MSI_ENDPOINT")?, env.has("MSI_SECRET")) {
            (Some(_), true) => return not_spoken("Azure Machine Learning", "MSI_SECRET"),
            (Some(_), false) => return not_spoken("Azure Cloud Shell", "MSI_ENDPOINT"),
            (None, true) => return half("MSI_SECRET", "MSI_ENDPOINT"),
            (None, false) => {}
        }
        match (endpoint, header, env.get("IMDS_ENDPOINT")?) {
            (Some(endpoint), None, Some(_)) => Ok(EnvAnswer::Platform(Platform::Arc(endpoint))),
            (Some(_), ..) => half(
                "IDENTITY_ENDPOINT",
                "IDENTITY_HEADER (of App Service) or IMDS_ENDPOINT (of Arc)",
            ),
            (None, Some(_), _) => half("IDENTITY_HEADER", "IDENTITY_ENDPOINT"),
            (None, None, Some(_)) => half("IMDS_ENDPOINT", "IDENTITY_ENDPOINT"),
            (None, None, None) => match self.hosts.platform(env, IMDS_HOST)? {
                Some(endpoint) => Ok(imds(endpoint)),
                None => Ok(EnvAnswer::ArcOrImds(Endpoint::parse(&self.machine.imds)?)),
            },
        }
    }
}

/// That which somebody named.
fn imds(endpoint: Endpoint) -> EnvAnswer {
    EnvAnswer::Platform(Platform::Imds {
        endpoint,
        named: true,
    })
}

fn not_spoken(platform: &str, variable: &str) -> Result<EnvAnswer, Error> {
    Err(Error::misconfigured(format!(
        "{variable} says that this is {platform}, whose managed identities are not spoken to here: use \
         WorkloadIdentity, or name the instance metadata service with imds_endpoint if it is none"
    )))
}

fn half(variable: &str, missing: &str) -> Result<EnvAnswer, Error> {
    Err(Error::misconfigured(format!(
        "{variable} is set, and what belongs to it is not: set {missing} too, take {variable} away, or name the instance \
         metadata service with imds_endpoint"
    )))
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            imds: IMDS.to_owned(),
            arc: Path::new(HIMDS).to_owned(),
        }
    }
}

impl fmt::Debug for PlatformSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlatformSearch")
            .field("imds", &self.imds)
            .finish_non_exhaustive()
    }
}

const IMDS: &str = "http://169.254.169.254";
/// Where IMDS is instead, for those who have a fake or a proxy of it: Microsoft's libraries for Python, Java and
/// JavaScript read it too.
const IMDS_HOST: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
/// Where Arc's agent listens.
const ARC: &str = "http://127.0.0.1:40342/metadata/identity/oauth2/token";
/// The program of Arc's agent.
#[cfg(not(windows))]
const HIMDS: &str = "/opt/azcmagent/bin/himds";
#[cfg(windows)]
const HIMDS: &str = r"C:\Program Files\AzureConnectedMachineAgent\himds.exe";

#[cfg(test)]
mod tests;
