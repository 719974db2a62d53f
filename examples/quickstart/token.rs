//! JSON Web Tokens as a Kubernetes API server signs them, with Ed25519: [`Signer`] and [`Verifier`].

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Signs tokens with a key that is made anew in each run.
pub(crate) struct Signer {
    key: Ed25519KeyPair,
}

/// Judges tokens as any service does that knows the issuer's public key.
pub(crate) struct Verifier {
    key: UnparsedPublicKey<Vec<u8>>,
}

/// A token that its issuer did sign, and that has not expired.
pub(crate) struct Verified {
    pub(crate) id: String,
    pub(crate) remaining: Duration,
}

impl Signer {
    pub(crate) fn new() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let key = Ed25519KeyPair::generate().map_err(|_| "no key could be made")?;
        Ok(Self { key })
    }

    pub(crate) fn verifier(&self) -> Verifier {
        let public = self.key.public_key().as_ref().to_vec();
        Verifier {
            key: UnparsedPublicKey::new(&ED25519, public),
        }
    }

    /// A token that lives from now on. Its dates have fractions (RFC 7519, section 2): where a life is six seconds,
    /// one second is much.
    pub(crate) fn mint(&self, id: &str, lifetime: Duration, now: SystemTime) -> String {
        let now = since_1970(now).as_secs_f64();
        let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": "quickstart" });
        let claims = json!({
            "iss": "https://issuer.quickstart.example",
            "aud": [AUDIENCE],
            "sub": "system:serviceaccount:demo:quickstart",
            "jti": id,
            "iat": now,
            "exp": now + lifetime.as_secs_f64(),
            "kubernetes.io": {
                "namespace": "demo",
                "serviceaccount": { "name": "quickstart", "uid": "6f1c9a52-0d53-4a1e-9f63-3a1b0c0f7a11" },
                "pod": { "name": "quickstart-0", "uid": "0b0b7c52-6a7f-4ef0-8a86-b2d7c3e1f0aa" },
            },
        });
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl Verifier {
    /// Checks signature, audience and expiry. An error says why not.
    pub(crate) fn verify(&self, token: &str, now: SystemTime) -> Result<Verified, &'static str> {
        let (signed, signature) = token.rsplit_once('.').ok_or("not a token")?;
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| "not a token")?;
        self.key
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| "not signed by the issuer")?;

        let (_, claims) = signed.split_once('.').ok_or("not a token")?;
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| "not a token")?;
        let claims: Value = serde_json::from_slice(&claims).map_err(|_| "not a token")?;
        if claims["aud"][0] != AUDIENCE {
            return Err("for another audience");
        }
        let expires = claims["exp"].as_f64().ok_or("without expiry")?;
        let remaining = expires - since_1970(now).as_secs_f64();
        if remaining <= 0.0 {
            return Err("expired");
        }
        Ok(Verified {
            id: claims["jti"].as_str().unwrap_or_default().to_owned(),
            remaining: Duration::from_secs_f64(remaining),
        })
    }
}

fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

pub(crate) const AUDIENCE: &str = "quickstart-api";
