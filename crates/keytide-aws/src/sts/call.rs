//! One call to STS through its SDK: [`Call`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use aws_sdk_sts::config::{
    AppName, BehaviorVersion, IdentityCache, Region, StalledStreamProtectionConfig,
};
use aws_sdk_sts::error::SdkError;
use aws_smithy_async::time::StaticTimeSource;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use http::StatusCode;
use keytide_core::{Cache, Error, Request};
use keytide_http::{aws_code_blames_credential, aws_code_in_xml};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;
use zeroize::Zeroizing;

use super::endpoint::StsEndpoint;
use super::transport::Transport;
use crate::codes;
use crate::failure::{AMZ_RETRY_AFTER, Failure, answered, patience};
use crate::keys::Keys;

/// One call: a client of the SDK of its own, which neither retries nor caches nor keeps a connection, over the guarded
/// transport that all share, and with the issuer's clock for its signature.
pub(crate) struct Call<'a> {
    pub(crate) client: Client,
    transport: Transport,
    request: &'a Request,
    issuer: String,
    blames_keys: AtomicBool,
}

impl<'a> Call<'a> {
    /// `None` for credentials: the call is not signed.
    pub(crate) fn new(
        sts: &StsEndpoint,
        credentials: Option<Credentials>,
        request: &'a Request,
    ) -> Result<Self, Error> {
        let transport = Transport::new(sts.client.clone());
        let mut config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(sts.region()?))
            .use_fips(sts.fips()?)
            .use_dual_stack(sts.dual_stack()?)
            .http_client(transport.clone())
            .identity_cache(IdentityCache::no_cache())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .time_source(StaticTimeSource::new(request.issuer_now()));
        config.set_app_name(AppName::new("keytide").ok());
        config.set_endpoint_url(sts.endpoint_url()?);
        if let Some(credentials) = credentials {
            config = config.credentials_provider(credentials);
        }
        Ok(Self {
            client: Client::from_conf(config.build()),
            transport,
            request,
            issuer: sts.issuer(),
            blames_keys: AtomicBool::new(false),
        })
    }

    /// Tells the cache that the keys of a request came from, where the answer blamed them: it asks for others now, for the
    /// next attempt.
    pub(crate) fn report(&self, base: &Cache, generation: u64) {
        if self.blames_keys.load(Ordering::Relaxed) {
            // The report counts from the call on; nobody waits here.
            drop(base.rejected(generation, &self.issuer));
        }
    }

    /// Sends. `denied` is put behind the message of an `AccessDenied`.
    ///
    /// The SDK logs whole requests and answers at the level TRACE, secrets and all: nothing that it says in here is heard.
    pub(crate) async fn send<O, E>(
        &self,
        sent: impl Future<Output = Result<O, SdkError<E, HttpResponse>>>,
        denied: impl FnOnce() -> String,
    ) -> Result<O, Error> {
        let answer = sent.with_subscriber(NoSubscriber::new()).await;
        let mut seen = self.transport.seen();
        if let Some(date) = seen.date {
            self.request.saw_issuer_clock(date);
        }
        if let Some(error) = seen.error.take() {
            return Err(error);
        }
        let (plain, sent) = (seen.retry_after, seen.sent);
        drop(seen);
        if answer.is_err() && !sent {
            return Err(Error::misconfigured(
                "the request to STS could not be made: check the region, the endpoint and the parameters of the provider",
            ));
        }
        answer.map_err(|error| self.failure(&error, plain, denied))
    }

    fn failure<E>(
        &self,
        error: &SdkError<E, HttpResponse>,
        plain: Option<keytide_core::RetryAfter>,
        denied: impl FnOnce() -> String,
    ) -> Error {
        let origin = &self.issuer;
        let Some(raw) = error.raw_response() else {
            return Error::unavailable(format!("no usable answer from {origin}"));
        };
        let status = StatusCode::from_u16(raw.status().as_u16()).unwrap_or_default();
        if status.is_success() {
            return Error::unavailable(format!(
                "{origin} answers {} with what is no answer of STS: check that nothing answers in its place",
                status.as_u16()
            ));
        }
        let code = raw.body().bytes().and_then(aws_code_in_xml);
        let failure = Failure {
            origin,
            status,
            code: code.as_deref().and_then(codes::known),
            retry_after: patience(raw.headers().get(AMZ_RETRY_AFTER), plain),
        };
        let blamed = code.as_deref().is_some_and(aws_code_blames_credential);
        self.blames_keys.store(blamed, Ordering::Relaxed);
        answered(match code.as_deref() {
            Some("AccessDenied" | "AccessDeniedException") => failure.error_with(&denied()),
            _ => failure.error(),
        })
    }
}

/// The keys of an answer.
pub(crate) fn keys_of(
    credentials: Option<aws_sdk_sts::types::Credentials>,
    principal: Option<String>,
) -> Result<Keys, Error> {
    let credentials =
        credentials.ok_or_else(|| Error::unavailable("the answer of STS holds no credentials"))?;
    let expires_at = SystemTime::try_from(credentials.expiration).map_err(|_| {
        Error::unavailable("the answer of STS has a time of expiry that is no instant")
    })?;
    let keys = Keys {
        access_key_id: credentials.access_key_id,
        secret_access_key: Zeroizing::new(credentials.secret_access_key),
        session_token: Some(Zeroizing::new(credentials.session_token)),
        expires_at: Some(expires_at),
        principal,
    };
    keys.checked()
}
