#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(all(feature = "http", feature = "kubernetes"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "http", feature = "kubernetes")),
    doc = "Keeps every credential an AI agent holds fresh, narrow, attributable and revocable. The whole story is shown \
           with features `http` and `kubernetes`."
)]

#[doc(inline)]
pub use keytide_core::*;

/// Providers of AWS role credentials.
#[cfg(feature = "aws")]
#[doc(inline)]
pub use keytide_aws as aws;

/// Session policies of AWS, and the one that ends an agent's sessions.
#[cfg(feature = "aws-policy")]
#[doc(inline)]
pub use keytide_aws_policy as aws_policy;

/// Providers of Azure credentials.
#[cfg(feature = "azure")]
#[doc(inline)]
pub use keytide_azure as azure;

/// Providers of Google Cloud credentials.
#[cfg(feature = "gcp")]
#[doc(inline)]
pub use keytide_gcp as gcp;

/// A credential attached to HTTP requests, at the moment of sending, for named destinations only.
#[cfg(feature = "http")]
#[doc(inline)]
pub use keytide_http as http;

/// For those who write providers: what reads the machine and asks an issuer.
#[cfg(feature = "issuer")]
#[doc(inline)]
pub use keytide_issuer as issuer;

/// Providers of Kubernetes credentials.
#[cfg(feature = "kubernetes")]
#[doc(inline)]
pub use keytide_kubernetes as kubernetes;

/// Providers of OAuth 2 tokens.
#[cfg(feature = "oauth")]
#[doc(inline)]
pub use keytide_oauth as oauth;

/// Signature Version 4 on every request, at the moment of sending.
#[cfg(feature = "sigv4")]
#[doc(inline)]
pub use keytide_sigv4 as sigv4;
