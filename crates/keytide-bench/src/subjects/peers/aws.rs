//! The lazy identity cache of the AWS SDKs, called as their orchestrator calls it for each request.

use std::fmt;
use std::time::SystemTime;

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime::client::auth::http::BearerAuthScheme;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::endpoints::StaticUriEndpointResolver;
use aws_smithy_runtime::client::retries::strategy::NeverRetryStrategy;
use aws_smithy_runtime_api::client::auth::http::HTTP_BEARER_AUTH_SCHEME_ID;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::identity::http::Token;
use aws_smithy_runtime_api::client::identity::{
    Identity, IdentityFuture, ResolveCachedIdentity as _, ResolveIdentity, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_types::config_bag::ConfigBag;
use http::HeaderValue;

use crate::contend::{Contend, bearer};
use crate::entrant::{Entrant, Info, Role};
use crate::issuer::FakeIssuer;
use crate::running::Failure;
use crate::subjects::versions;

pub(super) fn entrant() -> Entrant {
    let info = Info::new("aws-smithy-runtime", versions::AWS_SMITHY_RUNTIME, Role::Peer)
        .ahead(10, 5)
        .setup("IdentityCache::lazy() with its defaults but max_partitions (for `scale`), tokio's sleep, one resolver of bearer tokens")
        .path("identity_cache.resolve_cached_identity(…).await, as the orchestrator does for each request");
    Entrant::of::<Aws>(info)
}

struct Aws {
    components: RuntimeComponents,
    config: ConfigBag,
    resolver: SharedIdentityResolver,
}

impl Contend for Aws {
    type Read = Identity;

    fn start(issuer: &FakeIssuer) -> Result<Self, Failure> {
        let resolver = SharedIdentityResolver::new(Resolver(issuer.clone()));
        let id = HTTP_BEARER_AUTH_SCHEME_ID;
        let components = RuntimeComponentsBuilder::new("bench")
            .with_auth_scheme(BearerAuthScheme::new())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
                id.clone(),
            ])))
            .with_endpoint_resolver(Some(StaticUriEndpointResolver::http_localhost(1)))
            .with_identity_cache(Some(
                IdentityCache::lazy().max_partitions(PARTITIONS).build(),
            ))
            .with_identity_resolver(id, resolver.clone())
            .with_retry_strategy(Some(NeverRetryStrategy::new()))
            .with_sleep_impl(Some(TokioSleep::new()))
            .with_time_source(Some(SystemTimeSource::new()))
            .build()
            .map_err(Failure::of)?;
        Ok(Self {
            components,
            config: ConfigBag::base(),
            resolver,
        })
    }

    fn beside(&self, issuer: &FakeIssuer) -> Result<Self, Failure> {
        // One cache, one more partition.
        Ok(Self {
            components: self.components.clone(),
            config: ConfigBag::base(),
            resolver: SharedIdentityResolver::new(Resolver(issuer.clone())),
        })
    }

    async fn read(&self) -> Result<Identity, Failure> {
        let resolver = self.resolver.clone();
        self.components
            .identity_cache()
            .resolve_cached_identity(resolver, &self.components, &self.config)
            .await
            .map_err(Failure::of)
    }

    fn header(identity: &Identity) -> Option<HeaderValue> {
        bearer(identity.data::<Token>()?.token())
    }
}

struct Resolver(FakeIssuer);

impl ResolveIdentity for Resolver {
    fn resolve_identity<'a>(
        &'a self,
        _: &'a RuntimeComponents,
        _: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        IdentityFuture::new(async move {
            let granted = self
                .0
                .issue()
                .await
                .map_err(|denied| format!("{denied:?}"))?;
            let ends: SystemTime = crate::time::wall() + granted.lifetime;
            let token = Token::new(granted.token, Some(ends));
            Ok(Identity::new(token, Some(ends)))
        })
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

/// Of 64, the default, the others would be dropped.
const PARTITIONS: usize = 200_000;
