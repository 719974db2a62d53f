//! object_store's token cache, reached through the credentials of an Azure store over a transport of our own.

use std::sync::Arc;

use http::HeaderValue;
use object_store::ClientOptions;
use object_store::azure::{AzureConfigKey, AzureCredential, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService,
};

use crate::contend::{Contend, bearer};
use crate::entrant::{Entrant, Info, Role};
use crate::issuer::FakeIssuer;
use crate::running::Failure;
use crate::subjects::versions;

pub(super) fn entrant() -> Entrant {
    let info = Info::new("object_store", versions::OBJECT_STORE, Role::Peer)
        .ahead(300, 0)
        .setup("MicrosoftAzure with client secret and defaults, over a transport in this process")
        .path("store.credentials().get_credential().await, as the store does for each request");
    Entrant::of::<ObjectStore>(info)
}

struct ObjectStore(MicrosoftAzure);

impl Contend for ObjectStore {
    type Read = Arc<AzureCredential>;

    fn start(issuer: &FakeIssuer) -> Result<Self, Failure> {
        MicrosoftAzureBuilder::new()
            .with_account("bench")
            .with_container_name("bench")
            .with_client_secret_authorization("bench", "bench", "bench")
            .with_config(AzureConfigKey::AuthorityHost, "http://fake.invalid")
            .with_http_connector(InProcess(issuer.clone()))
            .build()
            .map(Self)
            .map_err(Failure::of)
    }

    fn beside(&self, issuer: &FakeIssuer) -> Result<Self, Failure> {
        // A store has one credential.
        Self::start(issuer)
    }

    async fn read(&self) -> Result<Arc<AzureCredential>, Failure> {
        let credentials = self.0.credentials();
        credentials.get_credential().await.map_err(Failure::of)
    }

    fn header(credential: &Arc<AzureCredential>) -> Option<HeaderValue> {
        match &**credential {
            AzureCredential::BearerToken(token) => bearer(token),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
struct InProcess(FakeIssuer);

impl HttpConnector for InProcess {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait::async_trait]
impl HttpService for InProcess {
    async fn call(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (status, body) = self.0.respond().await;
        let mut response = HttpResponse::new(body.into());
        *response.status_mut() =
            http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::BAD_GATEWAY);
        Ok(response)
    }
}
