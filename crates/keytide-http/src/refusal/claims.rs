//! The claims that a challenge demands: the one thing that is taken from it.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use serde_json::Value;

use super::challenge::parameters_named;

/// The first `claims` of the challenges that is a JSON object in base64, of at most 8 KiB as it is written.
pub(super) fn of(headers: &HeaderMap) -> Option<String> {
    parameters_named(headers, "claims").find_map(|value| decoded(&value))
}

fn decoded(value: &str) -> Option<String> {
    if value.is_empty() || value.len() > LONGEST {
        return None;
    }
    let engine = if value.contains(['-', '_']) {
        &UNPADDED_URL
    } else {
        &UNPADDED
    };
    let text = String::from_utf8(engine.decode(value).ok()?).ok()?;
    matches!(serde_json::from_str(&text), Ok(Value::Object(_))).then_some(text)
}

const LONGEST: usize = 8 * 1024;
const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const UNPADDED: GeneralPurpose = GeneralPurpose::new(&STANDARD, ANY_PADDING);
const UNPADDED_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, ANY_PADDING);
