//! One call of the SDK over the guarded client that all providers share: [`Transport`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use keytide_core::{Error, RetryAfter};
use keytide_issuer::{Endpoint, IssuerClient, Wiped};

/// The SDK's way to the network, for one call: what it saw is told afterwards.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    client: IssuerClient,
    seen: Arc<Mutex<Seen>>,
}

/// What the SDK does not hand on.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The issuer's clock.
    pub(super) date: Option<SystemTime>,
    pub(super) retry_after: Option<RetryAfter>,
    /// Whether the SDK came to send anything.
    pub(super) sent: bool,
    /// Why there was no answer.
    pub(super) error: Option<Error>,
}

impl Transport {
    pub(super) fn new(client: IssuerClient) -> Self {
        Self {
            client,
            seen: Arc::default(),
        }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        let unsendable = || Error::misconfigured("the request of the SDK cannot be sent");
        let endpoint = Endpoint::parse(request.uri())?;
        let method = Method::try_from(request.method()).map_err(|_| unsendable())?;
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers().iter_bytes() {
            let name = HeaderName::try_from(name).map_err(|_| unsendable())?;
            let mut value = HeaderValue::from_bytes(value).map_err(|_| unsendable())?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        let mut body = Wiped::default();
        body.push(request.body().bytes().ok_or_else(unsendable)?);

        let ask = self.client.ask(method, &endpoint).written(headers, body);
        let exchange = ask.exchange().await?;
        let mut seen = self.seen();
        seen.date = exchange.date();
        seen.retry_after = exchange.retry_after();
        drop(seen);

        let (status, headers, body) = exchange.into_parts();
        let body = SdkBody::from(Bytes::from_owner(body));
        let mut response = HttpResponse::new(status.into(), body);
        for (name, value) in &headers {
            if let Ok(value) = value.to_str() {
                response
                    .headers_mut()
                    .append(name.as_str().to_owned(), value.to_owned());
            }
        }
        Ok(response)
    }
}

impl HttpConnector for Transport {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let transport = self.clone();
        transport.seen().sent = true;
        HttpConnectorFuture::new(async move {
            transport.exchange(request).await.map_err(|error| {
                transport.seen().error = Some(error.clone());
                ConnectorError::other(error.into(), None)
            })
        })
    }
}

impl HttpClient for Transport {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
