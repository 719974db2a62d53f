//! The client secret of the environment: found and named, used only where that was said to be wanted.

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use keytide_http::issuer::IssuerClient;
use zeroize::Zeroizing;

use crate::entra::{Client, Exchange, Proof};
use crate::environment::Variables;
use crate::resource::Resource;
use crate::workload_identity::authority;

#[derive(Debug)]
pub(super) struct ClientSecret {
    client_id: Option<String>,
    allowed: bool,
    variables: Variables,
    exchange: Exchange,
}

impl ClientSecret {
    pub(super) fn new(
        resource: &str,
        client_id: Option<String>,
        allowed: bool,
        capable: bool,
        variables: Variables,
        client: IssuerClient,
    ) -> Result<Self, Error> {
        Ok(Self {
            client_id,
            allowed,
            variables,
            exchange: Exchange::new(Resource::parse(resource)?, capable, client),
        })
    }
}

impl ProvideCredential for ClientSecret {
    fn profile(&self) -> Profile {
        let profile = Profile::bearer("client_secret");
        if !self.variables.has(SECRET) {
            return profile;
        }
        let profile = profile.issuer(authority(None, &self.variables).trim_end_matches('/'));
        if self.allowed {
            profile
                .static_input("the client secret in AZURE_CLIENT_SECRET")
                .remedy("use workload identity federation, which has no secret")
        } else {
            profile
        }
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let Some(secret) = self.variables.get(SECRET).map(Zeroizing::new) else {
            return Err(Error::not_configured("AZURE_CLIENT_SECRET is not set"));
        };
        if !self.allowed {
            return Err(Error::misconfigured(
                "AZURE_CLIENT_SECRET is set, and client secrets are refused: take it away and use workload identity \
                 federation or a managed identity, or allow it with danger_client_secret",
            ));
        }
        let needed = |variable: &str| {
            self.variables.get(variable).ok_or_else(|| {
                Error::misconfigured(format!(
                    "AZURE_CLIENT_SECRET is set, and {variable} is not: set it too"
                ))
            })
        };
        let tenant_id = needed("AZURE_TENANT_ID")?;
        let client_id = match &self.client_id {
            Some(id) => id.clone(),
            None => needed("AZURE_CLIENT_ID")?,
        };
        let client = Client::new(&authority(None, &self.variables), &tenant_id, &client_id)?;
        self.exchange
            .ask(&client, &Proof::Secret(secret), request)
            .await
    }
}

const SECRET: &str = "AZURE_CLIENT_SECRET";
