//! google-cloud-auth's metadata credentials, against the issuer's HTTP front.

#![expect(
    clippy::disallowed_methods,
    reason = "the crate lets GCE_METADATA_HOST win over what it is told: better said than measured"
)]

use google_cloud_auth::credentials::{CacheableResource, Credentials, mds};
use http::{Extensions, HeaderMap, HeaderValue};

use crate::contend::Contend;
use crate::entrant::{Entrant, Info, Role};
use crate::issuer::FakeIssuer;
use crate::running::Failure;
use crate::subjects::versions;

pub(super) fn entrant() -> Entrant {
    let info = Info::new("google-cloud-auth", versions::GOOGLE_CLOUD_AUTH, Role::Peer)
        .ahead(240, 0)
        .setup("mds::Builder with its defaults; its endpoint is the fake issuer on the loopback")
        .path(
            "credentials.headers(Extensions::new()).await, as Google's clients do for each request",
        );
    Entrant::of::<Google>(info)
}

struct Google(Credentials);

impl Contend for Google {
    type Read = CacheableResource<HeaderMap>;

    fn start(issuer: &FakeIssuer) -> Result<Self, Failure> {
        if std::env::var_os("GCE_METADATA_HOST").is_some() {
            return Err(Failure::of(
                "unset GCE_METADATA_HOST: google-cloud-auth would ask that host instead of the fake issuer",
            ));
        }
        let url = issuer.url().map_err(Failure::of)?;
        let credentials = mds::Builder::default().with_endpoint(url).build();
        credentials.map(Self).map_err(Failure::of)
    }

    fn beside(&self, issuer: &FakeIssuer) -> Result<Self, Failure> {
        // Credentials are made for their scopes and share nothing.
        Self::start(issuer)
    }

    async fn read(&self) -> Result<CacheableResource<HeaderMap>, Failure> {
        self.0.headers(Extensions::new()).await.map_err(Failure::of)
    }

    fn header(read: &CacheableResource<HeaderMap>) -> Option<HeaderValue> {
        match read {
            CacheableResource::New { data, .. } => data.get(http::header::AUTHORIZATION).cloned(),
            CacheableResource::NotModified => None,
        }
    }
}
