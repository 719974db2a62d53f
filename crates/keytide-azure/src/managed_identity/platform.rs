//! Where this process runs, by what its environment says: [`Place`].

use std::fmt;
use std::path::Path;

use keytide_core::Error;
use keytide_http::issuer::Endpoint;
use zeroize::Zeroizing;

use crate::environment::Variables;

/// What is known of where this process runs, before its environment is looked at.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) variables: Variables,
    /// The IMDS that was named by the user, which then is the platform.
    pub(super) imds: Option<Endpoint>,
}

/// Who gives tokens here.
pub(super) enum Platform {
    Imds(Endpoint),
    AppService {
        endpoint: Endpoint,
        header: Zeroizing<String>,
    },
    Arc(Endpoint),
}

/// The answer of the environment alone.
enum Said {
    Platform(Platform),
    /// Arc, if its agent is installed; else IMDS.
    ArcOrImds(Endpoint),
}

impl Place {
    /// Which platform this is, in the order in which Microsoft's libraries look.
    pub(super) async fn find(&self) -> Result<Platform, Error> {
        match self.read()? {
            Said::Platform(platform) => Ok(platform),
            Said::ArcOrImds(imds) => {
                let installed = tokio::task::spawn_blocking(|| Path::new(HIMDS).exists()).await;
                if installed.unwrap_or(false) {
                    Ok(Platform::Arc(Endpoint::parse(ARC)?))
                } else {
                    Ok(Platform::Imds(imds))
                }
            }
        }
    }

    /// The origin of whoever gives tokens here, as far as the environment alone tells.
    pub(super) fn origin(&self) -> Option<String> {
        match self.read().ok()? {
            Said::Platform(Platform::Imds(endpoint) | Platform::Arc(endpoint))
            | Said::Platform(Platform::AppService { endpoint, .. })
            | Said::ArcOrImds(endpoint) => Some(endpoint.origin()),
        }
    }

    fn read(&self) -> Result<Said, Error> {
        if let Some(imds) = &self.imds {
            return Ok(Said::Platform(Platform::Imds(imds.clone())));
        }
        let variables = &self.variables;
        let not_spoken = |platform: &str, variable: &str| {
            Err(Error::misconfigured(format!(
                "{variable} says that this is {platform}, whose managed identities are not spoken to here: use \
                 WorkloadIdentity, or name the instance metadata service with imds_endpoint if it is none"
            )))
        };
        let endpoint = variables.get("IDENTITY_ENDPOINT");
        let header = variables.get("IDENTITY_HEADER");
        match (endpoint, header) {
            (Some(_), Some(_)) if variables.has("IDENTITY_SERVER_THUMBPRINT") => {
                not_spoken("Service Fabric", "IDENTITY_SERVER_THUMBPRINT")
            }
            (Some(url), Some(header)) => Ok(Said::Platform(Platform::AppService {
                endpoint: named("IDENTITY_ENDPOINT", &url)?,
                header: Zeroizing::new(header),
            })),
            _ if variables.has("MSI_ENDPOINT") && variables.has("MSI_SECRET") => {
                not_spoken("Azure Machine Learning", "MSI_SECRET")
            }
            _ if variables.has("MSI_ENDPOINT") => not_spoken("Azure Cloud Shell", "MSI_ENDPOINT"),
            (Some(url), None) if variables.has("IMDS_ENDPOINT") => Ok(Said::Platform(
                Platform::Arc(named("IDENTITY_ENDPOINT", &url)?),
            )),
            _ => match variables.get(IMDS_HOST) {
                Some(host) => Ok(Said::Platform(Platform::Imds(named(IMDS_HOST, &host)?))),
                None => Ok(Said::ArcOrImds(Endpoint::parse(IMDS)?)),
            },
        }
    }
}

fn named(variable: &str, url: &str) -> Result<Endpoint, Error> {
    Endpoint::parse_of_platform(url).map_err(|error| {
        Error::misconfigured(format!(
            "{variable} does not name an endpoint of this platform"
        ))
        .caused_by(error)
    })
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
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
