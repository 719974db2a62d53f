//! Keys, tokens, agents and clients.

use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keytide_core::{Agent, AgentBuilder, AgentIdentity, Cache, Credential};
use keytide_oauth::{AssertionKey, ClientCredentials, ClientCredentialsBuilder, IssuerClient};
use serde_json::Value;

/// A private key in PEM, and the public one as aws-lc-rs verifies with it.
pub(crate) struct TestKey {
    pub(crate) pem: String,
    pub(crate) public: Vec<u8>,
}

fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

fn ec(curve: &'static EcdsaSigningAlgorithm, sec1: bool) -> TestKey {
    let der = EcdsaKeyPair::generate_pkcs8(curve, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(curve, der.as_ref()).unwrap();
    let pem = if sec1 {
        let der: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
        pem("EC PRIVATE KEY", der.as_ref())
    } else {
        pem("PRIVATE KEY", der.as_ref())
    };
    TestKey {
        pem,
        public: pair.public_key().as_ref().to_vec(),
    }
}

pub(crate) fn p256() -> TestKey {
    ec(&ECDSA_P256_SHA256_FIXED_SIGNING, false)
}

pub(crate) fn p256_sec1() -> TestKey {
    ec(&ECDSA_P256_SHA256_FIXED_SIGNING, true)
}

pub(crate) fn p384() -> TestKey {
    ec(&ECDSA_P384_SHA384_FIXED_SIGNING, false)
}

pub(crate) fn ed25519() -> TestKey {
    let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap();
    TestKey {
        pem: pem("PRIVATE KEY", der.as_ref()),
        public: pair.public_key().as_ref().to_vec(),
    }
}

pub(crate) fn rsa() -> TestKey {
    let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    TestKey {
        pem: pem("PRIVATE KEY", der.as_ref()),
        public: pair.public_key().as_ref().to_vec(),
    }
}

/// A client that waits as long as a user's does: what hangs is cut off by whoever asked, and a busy machine is not.
pub(crate) fn patient() -> IssuerClient {
    IssuerClient::builder().build().unwrap()
}

pub(crate) fn agent() -> Agent {
    builder().build().unwrap()
}

pub(crate) fn builder() -> AgentBuilder {
    let identity = AgentIdentity {
        agent_type: "oauth".into(),
        version: "1".into(),
        environment: "test".into(),
        owner: "tests".into(),
    };
    Agent::builder(identity)
}

/// A client with a key, at this token endpoint.
pub(crate) fn signed(token_endpoint: &str, key: &TestKey) -> ClientCredentialsBuilder {
    ClientCredentials::builder(token_endpoint, "reader")
        .private_key_jwt(AssertionKey::from_pem(&key.pem).unwrap())
        .client(patient())
}

pub(crate) fn cache(builder: ClientCredentialsBuilder) -> Cache {
    agent().cache(builder.build().unwrap()).build().unwrap()
}

pub(crate) fn text(credential: &Credential) -> String {
    String::from_utf8(credential.expose_bearer("test").unwrap().to_vec()).unwrap()
}

/// One part of a JWT.
pub(crate) fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is dated by the machine's clock is compared with it"
)]
pub(crate) fn now() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
