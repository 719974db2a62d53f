//! gcp_auth's service account, against the issuer's HTTP front.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gcp_auth::{CustomServiceAccount, Token, TokenProvider as _};
use http::HeaderValue;

use crate::contend::{Contend, bearer};
use crate::entrant::{Entrant, Info, Role};
use crate::issuer::FakeIssuer;
use crate::running::Failure;
use crate::subjects::versions;

pub(super) fn entrant() -> Entrant {
    let info = Info::new("gcp_auth", versions::GCP_AUTH, Role::Peer)
        .ahead(20, 0)
        .setup("CustomServiceAccount with a 2,048-bit key; its token_uri is the fake issuer on the loopback")
        .path("provider.token(&[scope]).await");
    Entrant::of::<GcpAuth>(info)
}

struct GcpAuth {
    account: Arc<CustomServiceAccount>,
    scope: String,
}

impl Contend for GcpAuth {
    type Read = Arc<Token>;

    fn start(issuer: &FakeIssuer) -> Result<Self, Failure> {
        let account = serde_json::json!({
            "type": "service_account",
            "project_id": "bench",
            "private_key": key()?,
            "client_email": "bench@bench.invalid",
            "token_uri": FakeIssuer::url_for_scopes().map_err(Failure::of)?,
        });
        let account = CustomServiceAccount::from_json(&account.to_string()).map_err(Failure::of)?;
        Ok(Self {
            account: Arc::new(account),
            scope: issuer.scope(),
        })
    }

    fn beside(&self, issuer: &FakeIssuer) -> Result<Self, Failure> {
        // One account serves all scopes.
        Ok(Self {
            account: Arc::clone(&self.account),
            scope: issuer.scope(),
        })
    }

    async fn read(&self) -> Result<Arc<Token>, Failure> {
        self.account
            .token(&[&self.scope])
            .await
            .map_err(Failure::of)
    }

    fn header(token: &Arc<Token>) -> Option<HeaderValue> {
        bearer(token.as_str())
    }
}

/// A key of this process alone, in PEM.
fn key() -> Result<&'static str, Failure> {
    static KEY: OnceLock<Option<String>> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        let pair = KeyPair::generate(KeySize::Rsa2048).ok()?;
        let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
        let text = STANDARD.encode(der.as_ref());
        let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
        for line in text.as_bytes().chunks(64) {
            pem.push_str(str::from_utf8(line).ok()?);
            pem.push('\n');
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        Some(pem)
    });
    key.as_deref()
        .ok_or_else(|| Failure::of("no RSA key could be made"))
}
