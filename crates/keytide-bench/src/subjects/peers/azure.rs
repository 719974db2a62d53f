//! azure_identity's client secret credential over a transport of our own.

use std::sync::Arc;

use azure_core::credentials::{AccessToken, Secret, TokenCredential as _};
use azure_core::http::headers::Headers;
use azure_core::http::request::Body;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, HttpClient, Request, StatusCode, Transport,
};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use http::HeaderValue;

use crate::contend::{Contend, bearer};
use crate::entrant::{Entrant, Info, Role};
use crate::issuer::FakeIssuer;
use crate::running::Failure;
use crate::subjects::versions;

pub(super) fn entrant() -> Entrant {
    let info = Info::new("azure_identity", versions::AZURE_IDENTITY, Role::Peer)
        .ahead(300, 0)
        .setup("ClientSecretCredential with its defaults, over a transport in this process")
        .path("credential.get_token(&[scope], None).await");
    Entrant::of::<Azure>(info)
}

struct Azure {
    credential: Arc<ClientSecretCredential>,
    scope: String,
}

impl Contend for Azure {
    type Read = AccessToken;

    fn start(issuer: &FakeIssuer) -> Result<Self, Failure> {
        let client_options = ClientOptions {
            transport: Some(Transport::new(Arc::new(InProcess))),
            ..ClientOptions::default()
        };
        let options = ClientSecretCredentialOptions { client_options };
        let secret = Secret::new("bench");
        let credential =
            ClientSecretCredential::new("bench", "bench".to_owned(), secret, Some(options))
                .map_err(Failure::of)?;
        Ok(Self {
            credential,
            scope: issuer.scope(),
        })
    }

    fn beside(&self, issuer: &FakeIssuer) -> Result<Self, Failure> {
        // One credential serves all scopes of an identity.
        Ok(Self {
            credential: Arc::clone(&self.credential),
            scope: issuer.scope(),
        })
    }

    async fn read(&self) -> Result<AccessToken, Failure> {
        self.credential
            .get_token(&[&self.scope], None)
            .await
            .map_err(Failure::of)
    }

    fn header(token: &AccessToken) -> Option<HeaderValue> {
        bearer(token.token.secret())
    }
}

#[derive(Debug)]
struct InProcess;

#[async_trait::async_trait]
impl HttpClient for InProcess {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let issuer = match request.body() {
            Body::Bytes(form) => str::from_utf8(form).ok().and_then(FakeIssuer::of_scope),
            _ => None,
        };
        let (status, body) = match issuer {
            Some(issuer) => issuer.respond().await,
            None => (404, String::new()),
        };
        Ok(AsyncRawResponse::from_bytes(
            StatusCode::from(status),
            Headers::new(),
            body,
        ))
    }
}
