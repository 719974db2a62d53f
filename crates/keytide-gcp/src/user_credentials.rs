//! Tokens of the developer who logged in: [`UserCredentials`].

use std::fmt;
use std::path::PathBuf;

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use keytide_issuer::{
    Endpoint, FileWatch, Form, IssuerClient, SecretText, SmallFile, TokenAnswer, without_bom,
};
use serde::Deserialize;

use crate::codes::OAUTH;
use crate::hosts::{Hosts, Role};
use crate::quota_project::QuotaProject;
use crate::token_purpose::check_scopes;

/// Exchanges the refresh token that `gcloud auth application-default login` left for access tokens of the person who logged
/// in.
///
/// It is for a developer's own machine: an agent with it acts as that person. The refresh token never expires, so a cache of
/// it is refused unless it was built with
/// [`danger_allow_static`](keytide_core::CacheBuilder::danger_allow_static).
///
/// # Errors
/// As those of [`ServiceAccountKey`](crate::ServiceAccountKey); `invalid_grant` means that the login has to be done again.
///
/// # Revocation
/// [`UntilExpiry`](keytide_core::Revocation::UntilExpiry), by choice: Google would take a token of a user back, and the whole
/// login with it.
pub struct UserCredentials {
    file: SmallFile,
    scopes: Vec<String>,
    endpoint: Endpoint,
    quota_project: QuotaProject,
    watch: FileWatch,
    client: IssuerClient,
}

/// What the login left.
#[derive(Deserialize)]
pub(crate) struct Login {
    client_id: String,
    client_secret: SecretText,
    refresh_token: SecretText,
    universe_domain: Option<String>,
    quota_project_id: Option<String>,
}

impl UserCredentials {
    /// The login in this file.
    pub fn danger_from_file<S: Into<String>>(
        path: impl Into<PathBuf>,
        scopes: impl IntoIterator<Item = S>,
    ) -> UserCredentialsBuilder {
        UserCredentialsBuilder {
            path: path.into(),
            scopes: scopes.into_iter().map(Into::into).collect(),
            token_uri: TOKEN_ENDPOINT.to_owned(),
            hosts: Hosts::default(),
            client: None,
        }
    }

    /// The project that pays for requests, where the login names one (`quota_project_id`): see [`QuotaProject`].
    #[must_use]
    pub fn quota_project(&self) -> QuotaProject {
        self.quota_project.taken()
    }
}

impl Login {
    /// The project that pays for what the person does.
    pub(crate) fn quota_project(&self) -> Option<String> {
        self.quota_project_id.clone()
    }

    /// Whether it is of Google's own universe: a login of another is not exchanged here.
    pub(crate) fn check(&self) -> Result<(), Error> {
        Hosts::default().expect_universe(self.universe_domain.as_deref())
    }

    /// Exchanges the refresh token.
    pub(crate) async fn exchange(
        &self,
        scopes: &[String],
        client: &IssuerClient,
        endpoint: &Endpoint,
        request: &Request,
    ) -> Result<TokenAnswer, Error> {
        let mut form = Form::new();
        form.add("grant_type", "refresh_token");
        form.add("client_id", &self.client_id);
        form.add("client_secret", self.client_secret.as_str());
        form.add("refresh_token", self.refresh_token.as_str());
        form.add("scope", scopes.join(" "));
        let ask = client
            .post(endpoint)
            .header("accept", "application/json")
            .form(form);
        let answer = ask.send(request).await?.accept(&OAUTH)?.judged(&OAUTH)?;
        TokenAnswer::read(answer.body())
    }
}

impl ProvideCredential for UserCredentials {
    fn profile(&self) -> Profile {
        Profile::bearer("user_credentials")
            .issuer(self.endpoint.origin())
            .static_input("the refresh token of a person")
            .remedy("give the agent an identity of its own: a service account that the developer may impersonate")
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.watch.attempt(request, self.ask(request)).await
    }
}

impl UserCredentials {
    async fn ask(&self, request: &Request) -> Result<Issued, Error> {
        let json = self.file.read().await?;
        let login: Login = serde_json::from_slice(without_bom(&json)).map_err(|_| {
            Error::misconfigured(format!(
                "the login of a user in {} has no client_id, client_secret and refresh_token: log in again",
                self.file.path().display()
            ))
        })?;
        let path = self.file.path().display();
        login.check().map_err(|error| {
            Error::misconfigured(format!("the login of a user in {path} cannot be used"))
                .caused_by(error)
        })?;
        let whence = format!("quota_project_id of the login of a user in {path}");
        self.quota_project.note(login.quota_project(), &whence)?;
        let token = login
            .exchange(&self.scopes, &self.client, &self.endpoint, request)
            .await?;
        token.issued()
    }
}

impl fmt::Debug for UserCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserCredentials")
            .field("path", &self.file.path())
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// Builds a [`UserCredentials`]. Building contacts nobody and reads no file.
#[derive(Debug)]
#[must_use]
pub struct UserCredentialsBuilder {
    path: PathBuf,
    scopes: Vec<String>,
    token_uri: String,
    hosts: Hosts,
    client: Option<IssuerClient>,
}

impl UserCredentialsBuilder {
    /// The token endpoint. Defaults to `https://oauth2.googleapis.com/token`.
    pub fn token_uri(mut self, url: impl Into<String>) -> Self {
        self.token_uri = url.into();
        self
    }

    /// Sends the refresh token to this origin too, though Google does not document it. Whoever answers there is the person
    /// from then on.
    pub fn danger_allow_endpoint(mut self, origin: impl Into<String>) -> Self {
        self.hosts.allow(origin.into());
        self
    }

    /// The client that asks. Defaults to [`IssuerClient::shared`].
    pub fn client(mut self, client: IssuerClient) -> Self {
        self.client = Some(client);
        self
    }

    /// Builds the provider.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming what is wrong: the scopes or the endpoint.
    pub fn build(self) -> Result<UserCredentials, Error> {
        check_scopes(&self.scopes)?;
        let hosts = self.hosts.checked()?;
        Ok(UserCredentials {
            file: SmallFile::new(self.path, "the login of a user"),
            scopes: self.scopes,
            quota_project: QuotaProject::default(),
            watch: FileWatch::new(),
            endpoint: hosts.endpoint(Role::TokenEndpoint, "the token_uri", &self.token_uri)?,
            client: self.client.unwrap_or_else(IssuerClient::shared),
        })
    }
}

pub(crate) const TOKEN_ENDPOINT: &str = "https://oauth2.googleapis.com/token";
