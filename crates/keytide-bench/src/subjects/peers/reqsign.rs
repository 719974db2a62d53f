//! reqsign-core's signer, with a bearer token as its credential.

use std::time::{Duration, SystemTime};

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderValue, Request};
use reqsign_core::time::Timestamp;
use reqsign_core::{Context, Error, ProvideCredential, SignRequest, Signer, SigningCredential};

use crate::contend::Contend;
use crate::entrant::{Entrant, Info, Role};
use crate::issuer::FakeIssuer;
use crate::running::Failure;
use crate::subjects::versions;

pub(super) fn entrant() -> Entrant {
    let info = Info::new("reqsign-core", versions::REQSIGN_CORE, Role::Peer)
        .ahead(MARGIN.as_secs(), 0)
        .setup("Signer with a bearer token that counts as valid until two minutes (or half its life) before its end")
        .path("signer.sign(&mut parts, None).await: its only way in; it attaches the header too");
    Entrant::of::<Reqsign>(info)
}

struct Reqsign {
    signer: Signer<Bearer>,
    parts: Parts,
}

impl Contend for Reqsign {
    type Read = Parts;

    fn start(issuer: &FakeIssuer) -> Result<Self, Failure> {
        let provider = Provider(issuer.clone());
        let signer = Signer::new(Context::new(), provider, Attach);
        let request = Request::get("https://bench.invalid/").body(());
        let (parts, ()) = request.map_err(Failure::of)?.into_parts();
        Ok(Self { signer, parts })
    }

    fn beside(&self, issuer: &FakeIssuer) -> Result<Self, Failure> {
        // A signer has one credential.
        Self::start(issuer)
    }

    async fn read(&self) -> Result<Parts, Failure> {
        let mut parts = self.parts.clone();
        self.signer
            .sign(&mut parts, None)
            .await
            .map_err(Failure::of)?;
        Ok(parts)
    }

    fn header(parts: &Parts) -> Option<HeaderValue> {
        parts.headers.get(AUTHORIZATION).cloned()
    }
}

#[derive(Debug, Clone)]
struct Bearer {
    token: String,
    refresh: SystemTime,
    ends: SystemTime,
}

impl SigningCredential for Bearer {
    fn is_valid(&self) -> bool {
        crate::time::wall() < self.refresh
    }

    fn is_valid_at(&self, instant: Timestamp) -> bool {
        instant.as_system_time() < self.ends
    }
}

#[derive(Debug)]
struct Provider(FakeIssuer);

impl ProvideCredential for Provider {
    type Credential = Bearer;

    async fn provide_credential(&self, _: &Context) -> Result<Option<Bearer>, Error> {
        let granted = self.0.issue().await;
        let granted = granted.map_err(|denied| Error::unexpected(format!("{denied:?}")))?;
        let ends = crate::time::wall() + granted.lifetime;
        Ok(Some(Bearer {
            token: granted.token,
            refresh: ends - super::margin(granted.lifetime, MARGIN),
            ends,
        }))
    }
}

#[derive(Debug)]
struct Attach;

impl SignRequest for Attach {
    type Credential = Bearer;

    async fn sign_request(
        &self,
        _: &Context,
        parts: &mut Parts,
        credential: Option<&Bearer>,
        _: Option<Duration>,
    ) -> Result<(), Error> {
        let bearer = credential.ok_or_else(|| Error::credential_invalid("no credential"))?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", bearer.token))
            .map_err(|error| Error::unexpected(error.to_string()))?;
        value.set_sensitive(true);
        parts.headers.insert(AUTHORIZATION, value);
        Ok(())
    }
}

const MARGIN: Duration = Duration::from_secs(120);
