//! How a managed identity is told what to ask for: [`ManagedIdentityBuilder`].

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use keytide_core::Error;
use keytide_issuer::{Endpoint, Env, IssuerClient};

use super::{Identity, KeyDirectory, Machine, ManagedIdentity, PlatformSearch};
use crate::hosts::Hosts;
use crate::resource::Resource;

/// Builds a [`ManagedIdentity`]. Building contacts nobody and reads nothing.
#[must_use]
pub struct ManagedIdentityBuilder {
    resource: String,
    identity: Identity,
    /// How many ids were given.
    ids: usize,
    imds: Option<String>,
    env: Env,
    hosts: Hosts,
    machine: Machine,
    keys: KeyDirectory,
    client: Option<IssuerClient>,
    may_be_absent: bool,
}

impl ManagedIdentityBuilder {
    pub(super) fn new(resource: String) -> Self {
        Self {
            resource,
            identity: Identity::System,
            ids: 0,
            imds: None,
            env: Env::process(),
            hosts: Hosts::default(),
            machine: Machine::default(),
            keys: KeyDirectory::OfPlatform,
            client: None,
            may_be_absent: false,
        }
    }

    /// The user-assigned identity of this client id. Defaults to the system-assigned identity.
    pub fn client_id(self, id: impl Into<String>) -> Self {
        self.identify(Identity::ClientId(id.into()))
    }

    /// The user-assigned identity of this object id, also called principal id.
    pub fn object_id(self, id: impl Into<String>) -> Self {
        self.identify(Identity::ObjectId(id.into()))
    }

    /// The user-assigned identity of this resource id: `/subscriptions/…/userAssignedIdentities/…`.
    pub fn resource_id(self, id: impl Into<String>) -> Self {
        self.identify(Identity::ResourceId(id.into()))
    }

    /// Asks the instance metadata service at this origin, whatever the environment says: a fake, or a proxy that stands
    /// in for it. Defaults to what `AZURE_POD_IDENTITY_AUTHORITY_HOST` names, else `http://169.254.169.254`, where the
    /// environment names no other platform and Arc's agent is not installed.
    pub fn imds_endpoint(mut self, origin: impl Into<String>) -> Self {
        self.imds = Some(origin.into());
        self
    }

    /// The environment that is read at each call. Defaults to that of the process.
    pub fn env(mut self, env: Env) -> Self {
        self.env = env;
        self
    }

    /// The directory that Arc's agent keeps its keys in: a key file anywhere else is not read. Defaults to
    /// `/var/opt/azcmagent/tokens`, on Windows to `%ProgramData%\AzureConnectedMachineAgent\Tokens`.
    pub fn arc_key_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.keys = KeyDirectory::At(directory.into());
        self
    }

    /// Goes where a variable (`IDENTITY_ENDPOINT`, `AZURE_POD_IDENTITY_AUTHORITY_HOST`) leads, though the token services of Azure's platforms are on the machine itself or at a link-local address. Whoever answers at this origin gets `IDENTITY_HEADER` or Arc's key, and gives out the tokens.
    pub fn danger_allow_endpoint(mut self, origin: impl Into<String>) -> Self {
        self.hosts.allow(origin.into());
        self
    }

    /// The client that asks. Defaults to [`IssuerClient::shared`].
    pub fn client(mut self, client: IssuerClient) -> Self {
        self.client = Some(client);
        self
    }

    /// The identity that `AZURE_CLIENT_ID` names at the call, if it is set.
    pub(crate) fn client_id_of_environment(self) -> Self {
        self.identify(Identity::OfEnvironment)
    }

    pub(crate) fn hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// What is at the places that are the same on every machine.
    pub(crate) fn machine(mut self, machine: Machine) -> Self {
        self.machine = machine;
        self
    }

    /// An IMDS that nobody named, and that is not there within a second, means that nothing is configured here.
    pub(crate) fn may_be_absent(mut self) -> Self {
        self.may_be_absent = true;
        self
    }

    /// Builds the provider.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming what is wrong: the resource, an id, more than
    /// one id, the endpoint.
    pub fn build(self) -> Result<ManagedIdentity, Error> {
        let resource = Resource::parse(&self.resource)?;
        self.check()?;
        let imds = self.imds.as_deref().map(Endpoint::parse).transpose();
        let imds = imds.map_err(|error| Error::misconfigured(format!("imds_endpoint: {error}")))?;
        Ok(ManagedIdentity {
            resource,
            identity: self.identity,
            search: PlatformSearch {
                env: self.env,
                hosts: self.hosts.checked()?,
                imds,
                machine: self.machine,
            },
            client: self.client.unwrap_or_else(IssuerClient::shared),
            keys: self.keys,
            may_be_absent: self.may_be_absent,
            found: AtomicBool::new(false),
        })
    }

    fn check(&self) -> Result<(), Error> {
        if self.ids > 1 {
            return Err(Error::misconfigured(
                "a managed identity has more than one id, and platforms take one: give the client id, the object id or the \
                 resource id",
            ));
        }
        let (what, id) = match &self.identity {
            Identity::System | Identity::OfEnvironment => return Ok(()),
            Identity::ClientId(id) => ("client id", id),
            Identity::ObjectId(id) => ("object id", id),
            Identity::ResourceId(id) if !id.starts_with('/') => {
                return Err(Error::misconfigured(format!(
                    "the resource id {id:?} of the managed identity does not begin with /subscriptions/"
                )));
            }
            Identity::ResourceId(id) => ("resource id", id),
        };
        // Resource ids may hold spaces and brackets: names of resource groups do.
        if id.is_empty() || !id.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(Error::misconfigured(format!(
                "the {what} of the managed identity must be printable ASCII, and not empty"
            )));
        }
        Ok(())
    }

    fn identify(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self.ids += 1;
        self
    }
}

impl fmt::Debug for ManagedIdentityBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedIdentityBuilder")
            .field("resource", &self.resource)
            .field("identity", &self.identity)
            .field("imds", &self.imds)
            .finish_non_exhaustive()
    }
}
