//! Which identity is asked for: [`Identity`], and what each platform calls its id.

use keytide_core::Error;
use keytide_issuer::Env;

use crate::entra::is_client_id;

/// The identity of the machine itself, or one that was assigned to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    System,
    /// That of the client id in the environment, or else the machine's.
    OfEnvironment,
    ClientId(String),
    ObjectId(String),
    ResourceId(String),
}

impl Identity {
    /// The identity as of now.
    pub(super) fn resolved(&self, env: &Env) -> Result<Self, Error> {
        Ok(match self {
            Self::OfEnvironment => match env.get("AZURE_CLIENT_ID")? {
                Some(id) if !is_client_id(&id) => {
                    return Err(Error::misconfigured(
                        "AZURE_CLIENT_ID is no client id: give it in printable ASCII without blanks",
                    ));
                }
                Some(id) => Self::ClientId(id),
                None => Self::System,
            },
            known => known.clone(),
        })
    }

    pub(super) fn is_user_assigned(&self) -> bool {
        !matches!(self, Self::System | Self::OfEnvironment)
    }

    /// The parameter that names it to IMDS.
    pub(super) fn for_imds(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::System | Self::OfEnvironment => None,
            Self::ClientId(id) => Some(("client_id", id)),
            Self::ObjectId(id) => Some(("object_id", id)),
            Self::ResourceId(id) => Some(("msi_res_id", id)),
        }
    }

    /// The parameter that names it to App Service, which has other names for two of them.
    pub(super) fn for_app_service(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::System | Self::OfEnvironment => None,
            Self::ClientId(id) => Some(("client_id", id)),
            Self::ObjectId(id) => Some(("principal_id", id)),
            Self::ResourceId(id) => Some(("mi_res_id", id)),
        }
    }
}
