//! How a workload identity is told what to ask for: [`WorkloadIdentityBuilder`].

use std::fmt;
use std::path::PathBuf;

use keytide_core::{CredentialKind, Error, Subject};
use keytide_issuer::{Env, FileWatch, IssuerClient};

use super::{Settings, WorkloadIdentity};
use crate::entra::{AUTHORITY, AssertionFile, Client, Exchange, Proof, Said};
use crate::hosts::Hosts;
use crate::resource::Resource;

/// Builds a [`WorkloadIdentity`]. Building contacts nobody and reads nothing.
#[must_use]
pub struct WorkloadIdentityBuilder {
    resource: String,
    tenant_id: Option<String>,
    client_id: Option<String>,
    authority: Option<String>,
    proof: Option<Proof>,
    /// How often an assertion was given.
    proofs: usize,
    capable: bool,
    env: Env,
    hosts: Hosts,
    client: Option<IssuerClient>,
}

impl WorkloadIdentityBuilder {
    pub(super) fn new(resource: String) -> Self {
        Self {
            resource,
            tenant_id: None,
            client_id: None,
            authority: None,
            proof: None,
            proofs: 0,
            capable: false,
            env: Env::process(),
            hosts: Hosts::default(),
            client: None,
        }
    }

    /// The tenant. Defaults to `AZURE_TENANT_ID`.
    pub fn tenant_id(mut self, id: impl Into<String>) -> Self {
        self.tenant_id = Some(id.into());
        self
    }

    /// The application, or the user-assigned identity, by its client id. Defaults to `AZURE_CLIENT_ID`.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// The file that holds the assertion, opened and read anew for each exchange. Defaults to what
    /// `AZURE_FEDERATED_TOKEN_FILE` names.
    pub fn token_file(self, path: impl Into<PathBuf>) -> Self {
        self.prove(Proof::File(AssertionFile::at(path)))
    }

    /// The assertion that another cache keeps fresh, in place of a file.
    ///
    /// A forced refresh asks that cache again first. With [`SubjectUse::Once`](keytide_core::SubjectUse::Once) none is
    /// presented twice; Entra takes one as often as it is valid.
    pub fn assertion(self, assertion: Subject) -> Self {
        self.prove(Proof::Subject(assertion))
    }

    /// The origin of the cloud's login service. Defaults to `AZURE_AUTHORITY_HOST`, else
    /// `https://login.microsoftonline.com`. One that is said here may be any; the variable leads to those that Microsoft
    /// documents and to this machine, or to what [`danger_allow_endpoint`](Self::danger_allow_endpoint) allows.
    pub fn authority(mut self, origin: impl Into<String>) -> Self {
        self.authority = Some(origin.into());
        self
    }

    /// Tells Entra with each request that claims challenges are answered here (`cp1`): see
    /// [`WorkloadIdentity`](WorkloadIdentity#continuous-access-evaluation). Defaults to not.
    pub fn continuous_access_evaluation(mut self) -> Self {
        self.capable = true;
        self
    }

    /// The environment that is read at each call. Defaults to that of the process.
    pub fn env(mut self, env: Env) -> Self {
        self.env = env;
        self
    }

    /// Goes where `AZURE_AUTHORITY_HOST` leads, though Microsoft documents no login service there. Whoever answers at this origin can use the assertion, and gives out the tokens.
    pub fn danger_allow_endpoint(mut self, origin: impl Into<String>) -> Self {
        self.hosts.allow(origin.into());
        self
    }

    /// The client that asks. Defaults to [`IssuerClient::shared`].
    pub fn client(mut self, client: IssuerClient) -> Self {
        self.client = Some(client);
        self
    }

    /// Builds the provider. What the environment will say is judged at each call.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming the value that is wrong: the resource, the tenant,
    /// the client id, the authority; or when there is more than one assertion, or the cache of the assertion holds signing
    /// keys.
    pub fn build(self) -> Result<WorkloadIdentity, Error> {
        let resource = Resource::parse(&self.resource)?;
        if self.proofs > 1 {
            return Err(Error::misconfigured(
                "there is more than one assertion, and Entra takes one: give a file or another cache",
            ));
        }
        if let Some(Proof::Subject(subject)) = &self.proof {
            subject.expect_kind(CredentialKind::BearerToken)?;
        }
        // What was said is judged with what stands in for the rest.
        Client::new(
            &Said::new(self.authority.as_deref().unwrap_or(AUTHORITY), "authority"),
            &Said::new(self.tenant_id.as_deref().unwrap_or("unsaid"), "tenant_id"),
            &Said::new(self.client_id.as_deref().unwrap_or("unsaid"), "client_id"),
        )?;
        let client = self.client.unwrap_or_else(IssuerClient::shared);
        Ok(WorkloadIdentity {
            settings: Settings {
                tenant_id: self.tenant_id,
                client_id: self.client_id,
                authority: self.authority,
                proof: self.proof,
                env: self.env,
                hosts: self.hosts.checked()?,
            },
            exchange: Exchange::new(resource, self.capable, client),
            watch: FileWatch::new(),
        })
    }

    pub(crate) fn hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    fn prove(mut self, proof: Proof) -> Self {
        self.proof = Some(proof);
        self.proofs += 1;
        self
    }
}

impl fmt::Debug for WorkloadIdentityBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkloadIdentityBuilder")
            .field("resource", &self.resource)
            .field("tenant_id", &self.tenant_id)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}
