//! A token for a workload that its own platform vouches for: [`WorkloadIdentity`].

mod builder;

use std::fmt;

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use keytide_issuer::{Endpoint, Env, FileWatch};

use crate::entra::{AUTHORITY, AssertionFile, Client, Exchange, Proof, REMEDY, Said};
use crate::hosts::Hosts;

pub use builder::WorkloadIdentityBuilder;

/// Exchanges the identity that a workload has from its platform for an access token of Entra: workload identity
/// federation.
///
/// On AKS, its webhook puts four variables into each pod whose service account is labelled for it, and nothing else is
/// needed. They are read for each exchange, and so is the file:
///
/// | variable | what it says | the builder's word for it, which wins |
/// |---|---|---|
/// | `AZURE_FEDERATED_TOKEN_FILE` | where the token of the service account is | [`token_file`](WorkloadIdentityBuilder::token_file), [`assertion`](WorkloadIdentityBuilder::assertion) |
/// | `AZURE_TENANT_ID` | the tenant | [`tenant_id`](WorkloadIdentityBuilder::tenant_id) |
/// | `AZURE_CLIENT_ID` | the application, or the user-assigned identity | [`client_id`](WorkloadIdentityBuilder::client_id) |
/// | `AZURE_AUTHORITY_HOST` | the login service; `https://login.microsoftonline.com` if it is not set | [`authority`](WorkloadIdentityBuilder::authority) |
///
/// ```
/// use keytide_azure::WorkloadIdentity;
///
/// # fn main() -> Result<(), keytide_core::Error> {
/// let provider = WorkloadIdentity::builder("https://vault.azure.net").build()?;
/// # Ok(())
/// # }
/// ```
///
/// `AZURE_AUTHORITY_HOST` leads the workload's token away, so it may name the login services that Microsoft documents and this
/// machine, and nothing else unless [code allows it](WorkloadIdentityBuilder::danger_allow_endpoint).
///
/// Elsewhere any provider of keytide gives the assertion: that of a projected token, of SPIFFE, of AWS or Google.
///
/// ```
/// use keytide_azure::WorkloadIdentity;
/// use keytide_core::{Cache, Error, Subject, SubjectUse};
///
/// fn vault(identity: Cache) -> Result<WorkloadIdentity, Error> {
///     WorkloadIdentity::builder("https://vault.azure.net")
///         .tenant_id("72f988bf-86f1-41af-91ab-2d7cd011db47")
///         .client_id("2a6dd5ba-a0ac-4f7b-b0fc-8f0f3a8e1c11")
///         .assertion(Subject::new(identity, SubjectUse::Repeatable))
///         .build()
/// }
/// ```
///
/// A file that is put right after a failure is looked at every few seconds, and ends the backoff.
///
/// An assertion whose end has come is not sent: by our clock, unless Entra's answers have shown that it is ahead of theirs.
///
/// # Lifetimes
/// 60 to 90 minutes, as Entra pleases. `refresh_in` is a hint that wins over the advisory window. `ext_expires_in` is not
/// looked at: nothing is served past its expiry.
///
/// # Continuous access evaluation
/// A resource that evaluates access continuously may refuse a token before its end, with a challenge that demands claims.
/// keytide's HTTP layer reports it, and the next token is asked for with those claims and the capability `cp1`. Nothing
/// else of the challenge is used: no address, no scope.
///
/// Only clients that declare the capability get such challenges, and tokens that live for up to 28 h:
/// [`continuous_access_evaluation`](WorkloadIdentityBuilder::continuous_access_evaluation) declares it, and the cache then
/// needs [`long_lived(LongLived::Flag)`](keytide_core::CacheBuilder::long_lived). It is off by default, because a
/// resource that does not evaluate access continuously takes a token to its end.
///
/// Claims that Entra refuses are sent once for each challenge, not with other refreshes: a destination cannot keep the
/// others from their tokens.
///
/// # Errors
/// By the number behind `AADSTS`, which Entra sends as `error_codes`; never by its description. All numbers are told, known
/// or not.
///
/// | what Entra says | kind |
/// |---|---|
/// | 70021, 700211, 700212, 700213, 7002131: no federated credential matches; 700023, 700027, 50027, 7000218: the assertion; 700016, 7000112, 65001, 501051: the application; 70011, 1002012, 50001, 500011: the resource; 50076, 50079, 53003: a policy; 7000215, 7000222: a secret | [`Refused`](keytide_core::ErrorKind::Refused) |
/// | 90002, 900023: the tenant | [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) |
/// | 50196; 429; 90006, 90033 and 503 with `Retry-After` | [`Throttled`](keytide_core::ErrorKind::Throttled) |
/// | 700024 (the assertion is outside its time: the next attempt reads it anew), 90006, 90033, anything that is not known, no answer | [`Unavailable`](keytide_core::ErrorKind::Unavailable) |
/// | none of these: the code of OAuth, such as `invalid_client` | [`Refused`](keytide_core::ErrorKind::Refused) |
/// | no `AZURE_FEDERATED_TOKEN_FILE`, and no assertion was given | [`NotConfigured`](keytide_core::ErrorKind::NotConfigured) |
/// | a file or an assertion, but no tenant or no client id; a variable that is not UTF-8, is none of what it should be, or leads elsewhere; an assertion whose own provider is not configured | [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) |
/// | the file is not there | [`Unavailable`](keytide_core::ErrorKind::Unavailable): it may be about to be mounted |
/// | the file may not be read, is no regular file, is over 32 KiB, or holds no JWT with an end | [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) |
///
/// # Revocation
/// [`UntilExpiry`](keytide_core::Revocation::UntilExpiry). To delete the federated credential, or to disable the service
/// principal, stops new tokens; those that are out are good until they end, but at resources that evaluate access
/// continuously.
pub struct WorkloadIdentity {
    settings: Settings,
    exchange: Exchange,
    watch: FileWatch,
}

/// What was said when it was built; what was not is read from the environment at each call.
#[derive(Debug)]
struct Settings {
    tenant_id: Option<String>,
    client_id: Option<String>,
    authority: Option<String>,
    proof: Option<Proof>,
    env: Env,
    hosts: Hosts,
}

impl WorkloadIdentity {
    /// A provider of tokens for this resource: its App ID URI, such as `https://vault.azure.net`, or the scope of it,
    /// with `/.default` behind.
    pub fn builder(resource: impl Into<String>) -> WorkloadIdentityBuilder {
        WorkloadIdentityBuilder::new(resource.into())
    }
}

impl Settings {
    /// Who asks, once it is known that there is something to show.
    fn client(&self) -> Result<Client, Error> {
        let needed = |told: &Option<String>, by, variable| {
            if let Some(told) = told {
                return Ok(Said::new(told.as_str(), by));
            }
            let value = self.env.get(variable)?.ok_or_else(|| {
                Error::misconfigured(format!(
                    "{variable} is not set, and there is an assertion to present: set it, or tell the builder"
                ))
            })?;
            Ok(Said::new(value, variable))
        };
        let tenant_id = needed(&self.tenant_id, "tenant_id", "AZURE_TENANT_ID")?;
        let client_id = needed(&self.client_id, "client_id", "AZURE_CLIENT_ID")?;
        Client::new(&self.authority()?, &tenant_id, &client_id)
    }

    fn authority(&self) -> Result<Said, Error> {
        authority(self.authority.as_deref(), &self.env, &self.hosts)
    }

    /// The file that the environment names.
    fn file(&self) -> Result<Proof, Error> {
        let file = self.env.get("AZURE_FEDERATED_TOKEN_FILE")?;
        let file = file.ok_or_else(|| {
            Error::not_configured(
                "AZURE_FEDERATED_TOKEN_FILE is not set: label the pod and its service account for workload identity, or give \
                 an assertion",
            )
        })?;
        if file.trim().len() != file.len() {
            return Err(Error::misconfigured(
                "the environment variable AZURE_FEDERATED_TOKEN_FILE is set, and its value begins or ends with a blank: take \
                 it out",
            ));
        }
        Ok(Proof::File(AssertionFile::at(file)))
    }
}

/// The login service of the cloud.
///
/// # Errors
/// `Misconfigured`, when the variable that names it is none of a place to ask, or leads where no variable may.
pub(crate) fn authority(told: Option<&str>, env: &Env, hosts: &Hosts) -> Result<Said, Error> {
    if let Some(told) = told {
        return Ok(Said::new(told, "authority"));
    }
    let named = hosts.authority(env, AUTHORITY_HOST)?;
    let value = named.as_ref().map_or(AUTHORITY, Endpoint::as_str);
    Ok(Said::new(value, AUTHORITY_HOST))
}

impl ProvideCredential for WorkloadIdentity {
    fn profile(&self) -> Profile {
        let profile = Profile::bearer("workload_identity").remedy(REMEDY);
        match self.settings.authority() {
            Ok(authority) => profile.issuer(authority.value.trim_end_matches('/')),
            // Nobody is asked then: each call ends with that error.
            Err(_) => profile,
        }
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.watch.attempt(request, self.ask(request)).await
    }
}

impl WorkloadIdentity {
    async fn ask(&self, request: &Request) -> Result<Issued, Error> {
        let from_environment;
        let proof = match &self.settings.proof {
            Some(proof) => proof,
            None => {
                from_environment = self.settings.file()?;
                &from_environment
            }
        };
        let client = self.settings.client()?;
        self.exchange.ask(&client, proof, request).await
    }
}

impl fmt::Debug for WorkloadIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkloadIdentity")
            .field("settings", &self.settings)
            .field("exchange", &self.exchange)
            .finish()
    }
}

const AUTHORITY_HOST: &str = "AZURE_AUTHORITY_HOST";
