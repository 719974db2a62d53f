//! A credential of the crate `azure_identity` as a provider: [`IdentityProvider`].

mod builder;
mod process;

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential,
    AzureDeveloperCliCredentialOptions, DeveloperToolsCredential, DeveloperToolsCredentialOptions,
};
use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};

pub use self::builder::IdentityProviderBuilder;
use self::process::KillGroup;
use super::azure_core::SdkProvider;

/// Asks a credential of the crate `azure_identity`, a new one for each call: those keep their tokens themselves, and cannot
/// be told to ask again.
///
/// On a developer's machine it takes the sign-in that is there:
///
/// ```
/// use keytide_azure::bridge::IdentityProvider;
///
/// # fn example() -> Result<(), keytide_core::Error> {
/// let provider = IdentityProvider::azure_cli("https://vault.azure.net", None).build()?;
/// # Ok(())
/// # }
/// ```
///
/// Such a token is good for all that the person may do who signed in: it is for trying things out, and not for what runs
/// without that person. Behind a managed identity in a [`Chain`](keytide_core::Chain), it is asked where there is none.
///
/// Any other credential is made by a function, which is called for each call; what is dear to make is shared by its copies:
///
/// ```
/// use azure_identity::{AzurePipelinesCredential, AzurePipelinesCredentialOptions};
/// use keytide_azure::bridge::IdentityProvider;
///
/// # fn example(system_access_token: String) -> Result<(), keytide_core::Error> {
/// let provider = IdentityProvider::builder("https://vault.azure.net", move || {
///     AzurePipelinesCredential::new(
///         "00000000-1111-2222-3333-444444444444".into(),
///         "55555555-6666-7777-8888-999999999999".into(),
///         "service-connection",
///         system_access_token.clone(),
///         None::<AzurePipelinesCredentialOptions>,
///     )
/// })
/// .build()?;
/// # Ok(())
/// # }
/// ```
///
/// # Limits
/// Those of [`SdkProvider`]. With a call that is ended after its [`time_limit`](IdentityProviderBuilder::time_limit) end the
/// programs that it runs. `azure_identity` sends its requests by the transport of `azure_core`: the client of keytide's other
/// providers, with its guards and proxies, has no part in it.
///
/// # Errors
/// Those of [`SdkProvider`]. None quotes what the SDK or a program said.
#[derive(Debug)]
pub struct IdentityProvider {
    inner: SdkProvider,
    name: &'static str,
}

impl IdentityProvider {
    /// A provider of tokens for this resource (`https://vault.azure.net`) or scope (`https://vault.azure.net/.default`), by a
    /// credential that `make` makes for each call. It must not block. Its error is
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured).
    pub fn builder<C: TokenCredential + 'static>(
        resource: impl Into<String>,
        make: impl Fn() -> azure_core::Result<Arc<C>> + Send + Sync + 'static,
    ) -> IdentityProviderBuilder {
        IdentityProviderBuilder {
            name: "azure_identity",
            inner: SdkProvider::builder(resource, move || Ok(make()? as Arc<dyn TokenCredential>)),
        }
    }

    /// The sign-in of the Azure CLI: it runs `az account get-access-token`.
    ///
    /// In a process group of its own, which is killed when the call ends before it, unless the options name an executor.
    pub fn azure_cli(
        resource: impl Into<String>,
        options: Option<AzureCliCredentialOptions>,
    ) -> IdentityProviderBuilder {
        let mut options = options.unwrap_or_default();
        options.executor.get_or_insert_with(|| Arc::new(KillGroup));
        Self::builder(resource, move || {
            AzureCliCredential::new(Some(options.clone()))
        })
        .named("azure_cli")
    }

    /// The sign-in of the Azure Developer CLI: it runs `azd auth token`, as [`azure_cli`](Self::azure_cli) its program.
    pub fn azure_developer_cli(
        resource: impl Into<String>,
        options: Option<AzureDeveloperCliCredentialOptions>,
    ) -> IdentityProviderBuilder {
        let mut options = options.unwrap_or_default();
        options.executor.get_or_insert_with(|| Arc::new(KillGroup));
        Self::builder(resource, move || {
            AzureDeveloperCliCredential::new(Some(options.clone()))
        })
        .named("azure_developer_cli")
    }

    /// The sign-in of the Azure CLI, and where that gives no token, of the Azure Developer CLI. Which one is found out anew
    /// at each call.
    pub fn developer_tools(
        resource: impl Into<String>,
        options: Option<DeveloperToolsCredentialOptions>,
    ) -> IdentityProviderBuilder {
        let mut options = options.unwrap_or_default();
        options.executor.get_or_insert_with(|| Arc::new(KillGroup));
        Self::builder(resource, move || {
            DeveloperToolsCredential::new(Some(options.clone()))
        })
        .named("azure_developer_tools")
    }

    fn new(name: &'static str, inner: SdkProvider) -> Self {
        Self { inner, name }
    }
}

impl ProvideCredential for IdentityProvider {
    fn profile(&self) -> Profile {
        Profile::bearer(self.name)
            .remedy("build the cache with long_lived(LongLived::Flag) to be served and told")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.inner.provide(request).await
    }
}
