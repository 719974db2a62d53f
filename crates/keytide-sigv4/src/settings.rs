//! What a signer was built with: [`Settings`].

use http::HeaderName;

use crate::path::PathEncoding;
use crate::payload::Payload;
use crate::services::Takes;

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) path: PathEncoding,
    pub(crate) normalize_path: bool,
    pub(crate) payload: Payload,
    pub(crate) takes: Takes,
    pub(crate) content_sha256_header: bool,
    pub(crate) sign_session_token: bool,
    pub(crate) unsigned: Vec<HeaderName>,
}
