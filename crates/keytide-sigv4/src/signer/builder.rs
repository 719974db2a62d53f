//! How a signer is told what its service expects: [`SigV4Builder`].

use http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderName};
use keytide_core::{CredentialKind, Error};
use keytide_http::AttachProfile;

use super::SigV4;
use crate::headers::{NEVER_SIGNED, X_AMZ_CONTENT_SHA256, X_AMZ_DATE, X_AMZ_SECURITY_TOKEN};
use crate::path::PathEncoding;
use crate::payload::Payload;
use crate::services::{Service, Takes};
use crate::settings::Settings;

/// Builds a [`SigV4`]. What is not set follows from the name of the service.
#[derive(Debug, Clone)]
#[must_use]
pub struct SigV4Builder {
    region: String,
    service: String,
    path: Option<PathEncoding>,
    normalize_path: Option<bool>,
    payload: Option<Payload>,
    content_sha256_header: Option<bool>,
    sign_session_token: bool,
    unsigned: Vec<HeaderName>,
}

impl SigV4Builder {
    pub(super) fn new(region: String, service: String) -> Self {
        Self {
            region,
            service,
            path: None,
            normalize_path: None,
            payload: None,
            content_sha256_header: None,
            sign_session_token: true,
            unsigned: NEVER_SIGNED.to_vec(),
        }
    }

    /// How the path is encoded in what is signed. Defaults to [`PathEncoding::S3`] for S3 and to
    /// [`PathEncoding::Double`] for all others, as AWS documents it.
    pub fn path_encoding(mut self, encoding: PathEncoding) -> Self {
        self.path = Some(encoding);
        self
    }

    /// Takes `.`, `..` and empty segments out of the path in what is signed (RFC 3986, section 5.2.4). The path that is sent
    /// stays as it is, but for a dot segment at its end. The default of all services but S3.
    pub fn normalize_path(mut self) -> Self {
        self.normalize_path = Some(true);
        self
    }

    /// Leaves `.`, `..` and empty segments in the path in what is signed. The default of S3, where they are part of a key.
    pub fn keep_path(mut self) -> Self {
        self.normalize_path = Some(false);
        self
    }

    /// What of the body is signed. Defaults to [`Payload::Signed`], and for VPC Lattice to [`Payload::Unsigned`].
    pub fn payload(mut self, payload: Payload) -> Self {
        self.payload = Some(payload);
        self
    }

    /// Sends the hash of the payload too, in `x-amz-content-sha256`. The default of S3, Glacier,
    /// OpenSearch Serverless and VPC Lattice, which demand it.
    pub fn content_sha256_header(mut self) -> Self {
        self.content_sha256_header = Some(true);
        self
    }

    /// Does not send the hash of the payload. The default of all other services.
    pub fn without_content_sha256_header(mut self) -> Self {
        self.content_sha256_header = Some(false);
        self
    }

    /// Adds the session token to the request after signing, as AWS IoT and a few others want it. Defaults to signing it.
    pub fn leave_session_token_unsigned(mut self) -> Self {
        self.sign_session_token = false;
        self
    }

    /// Does not sign this header, for example because a proxy on the way rewrites it. Headers of one connection, and those
    /// that hops write anew, are never signed: `connection` and what it names, `te`, `transfer-encoding`, `via`, `user-agent`,
    /// `x-amzn-trace-id`, `accept-encoding`, `cookie` and their like, and `content-length` for OpenSearch Serverless. `host` and the headers that SigV4
    /// itself sets always are.
    pub fn leave_unsigned(mut self, name: HeaderName) -> Self {
        self.unsigned.push(name);
        self
    }

    /// Builds it.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured): region or service is missing or has characters that
    /// none has, a header is left unsigned that must be signed, or an unsigned payload is asked for with a service that
    /// takes none.
    pub fn build(self) -> Result<SigV4, Error> {
        check("region", &self.region, |byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
        })?;
        check("service", &self.service, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
        })?;
        let ours = [
            http::header::HOST,
            X_AMZ_DATE,
            X_AMZ_SECURITY_TOKEN,
            X_AMZ_CONTENT_SHA256,
        ];
        if let Some(name) = self.unsigned.iter().find(|name| ours.contains(name)) {
            return Err(Error::misconfigured(format!(
                "the header {name} is part of every signature and cannot be left unsigned"
            )));
        }
        let service = Service::named(&self.service);
        let usual = match service.takes {
            Takes::Unsigned => Payload::Unsigned,
            Takes::Signed | Takes::Either => Payload::Signed,
        };
        let payload = self.payload.unwrap_or(usual);
        let asked = match service.takes {
            Takes::Signed if payload != Payload::Signed => {
                Some("does not take unsigned payloads: sign them")
            }
            Takes::Unsigned if payload != Payload::Unsigned => {
                Some("takes no signed payloads: leave them unsigned, as is the default")
            }
            Takes::Unsigned if self.content_sha256_header == Some(false) => {
                Some("demands x-amz-content-sha256: do not leave it out")
            }
            _ => None,
        };
        if let Some(asked) = asked {
            let message = format!("the service {} {asked}", self.service);
            return Err(Error::misconfigured(message));
        }
        let mut unsigned = self.unsigned;
        if !service.takes_length {
            unsigned.push(CONTENT_LENGTH);
        }
        let s3 = service.has_s3_paths;
        let content_sha256_header = self.content_sha256_header.unwrap_or(service.wants_sha256);
        let encoding = if s3 {
            PathEncoding::S3
        } else {
            PathEncoding::Double
        };
        let mut headers = vec![AUTHORIZATION, X_AMZ_DATE, X_AMZ_SECURITY_TOKEN];
        if content_sha256_header {
            headers.push(X_AMZ_CONTENT_SHA256);
        }
        let mut profile = AttachProfile::new(headers)
            .takes(CredentialKind::SigningKey)
            .reads_clock()
            .reads_answers()
            .rewrites();
        if payload != Payload::Unsigned {
            profile = profile.reads_body();
        }
        Ok(SigV4 {
            settings: Settings {
                path: self.path.unwrap_or(encoding),
                normalize_path: self.normalize_path.unwrap_or(!s3),
                payload,
                takes: service.takes,
                content_sha256_header,
                sign_session_token: self.sign_session_token,
                unsigned,
                region: self.region,
                service: self.service,
            },
            profile,
        })
    }
}

fn check(what: &str, name: &str, allowed: impl Fn(u8) -> bool) -> Result<(), Error> {
    if !name.is_empty() && name.len() <= LONGEST && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::misconfigured(format!(
        "the {what} to sign for is missing or is not the name of one: it is the signing name, such as {}",
        if what == "region" {
            "eu-central-1"
        } else {
            "bedrock"
        }
    )))
}

const LONGEST: usize = 64;
