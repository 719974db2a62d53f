//! Where a request for a token names its scope.

/// The text that names the scope in the body of a token request: the claims of an assertion where there is one, else the
/// body itself.
pub(super) fn named(body: &[u8]) -> Option<String> {
    let body = str::from_utf8(body).ok()?;
    claims(body).or_else(|| Some(body.to_owned()))
}

#[cfg(feature = "peers")]
fn claims(body: &str) -> Option<String> {
    use base64::Engine as _;
    use base64::alphabet::URL_SAFE;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

    let form = body.split('&');
    let assertion = form
        .filter_map(|pair| pair.strip_prefix("assertion="))
        .next()?;
    let payload = assertion.split('.').nth(1)?.replace("%3D", "=");
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let claims = GeneralPurpose::new(&URL_SAFE, config)
        .decode(payload)
        .ok()?;
    String::from_utf8(claims).ok()
}

#[cfg(not(feature = "peers"))]
fn claims(_: &str) -> Option<String> {
    None
}
