//! The client secret of the environment: found and named, used only where that was said to be wanted.

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use keytide_issuer::{Env, IssuerClient};
use zeroize::Zeroizing;

use crate::entra::{Client, Exchange, Proof, Said};
use crate::hosts::Hosts;
use crate::resource::Resource;
use crate::workload_identity::authority;

#[derive(Debug)]
pub(super) struct ClientSecret {
    client_id: Option<String>,
    allowed: bool,
    env: Env,
    hosts: Hosts,
    exchange: Exchange,
}

impl ClientSecret {
    pub(super) fn new(
        resource: &str,
        client_id: Option<String>,
        allowed: bool,
        capable: bool,
        (env, hosts): (Env, Hosts),
        client: IssuerClient,
    ) -> Result<Self, Error> {
        Ok(Self {
            client_id,
            allowed,
            env,
            hosts,
            exchange: Exchange::new(Resource::parse(resource)?, capable, client),
        })
    }
}

impl ClientSecret {
    /// What Microsoft's libraries would use in the place of a secret names another principal than the machine's.
    fn without_secret(&self) -> Error {
        match OTHERS.iter().find(|(variable, _)| self.env.has(variable)) {
            Some((variable, what)) => Error::misconfigured(format!(
                "{variable} is set, and {what} is not used here: take it away and use workload identity federation or a \
                 managed identity"
            )),
            None => Error::not_configured("AZURE_CLIENT_SECRET is not set"),
        }
    }
}

impl ProvideCredential for ClientSecret {
    fn profile(&self) -> Profile {
        let profile = Profile::bearer("client_secret");
        if !self.env.has(SECRET) {
            return profile;
        }
        let profile = match authority(None, &self.env, &self.hosts) {
            Ok(authority) => profile.issuer(authority.value.trim_end_matches('/')),
            Err(_) => profile,
        };
        if self.allowed {
            profile
                .static_input("the client secret in AZURE_CLIENT_SECRET")
                .remedy("use workload identity federation, which has no secret")
        } else {
            profile
        }
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let Some(secret) = self.env.get(SECRET)?.map(Zeroizing::new) else {
            return Err(self.without_secret());
        };
        if !self.allowed {
            return Err(Error::misconfigured(
                "AZURE_CLIENT_SECRET is set, and client secrets are refused: take it away and use workload identity \
                 federation or a managed identity, or allow it with danger_client_secret",
            ));
        }
        let needed = |variable| {
            let value = self.env.get(variable)?.ok_or_else(|| {
                Error::misconfigured(format!(
                    "AZURE_CLIENT_SECRET is set, and {variable} is not: set it too"
                ))
            })?;
            Ok(Said::new(value, variable))
        };
        let tenant_id = needed("AZURE_TENANT_ID")?;
        let client_id = match &self.client_id {
            Some(id) => Said::new(id.as_str(), "client_id"),
            None => needed("AZURE_CLIENT_ID")?,
        };
        let authority = authority(None, &self.env, &self.hosts)?;
        let client = Client::new(&authority, &tenant_id, &client_id)?;
        self.exchange
            .ask(&client, &Proof::Secret(secret), request)
            .await
    }
}

const SECRET: &str = "AZURE_CLIENT_SECRET";
/// What else an application or a person is known by to Microsoft's libraries.
const OTHERS: [(&str, &str); 2] = [
    ("AZURE_CLIENT_CERTIFICATE_PATH", "a client certificate"),
    ("AZURE_PASSWORD", "a password"),
];
