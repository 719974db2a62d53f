//! The parameters of `WWW-Authenticate` challenges (RFC 9110, section 11.6.1).

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use keytide_issuer::Challenge;

/// Whether a challenge has this `error` (RFC 6750, section 3), as a parameter of its own.
pub(super) fn says(headers: &HeaderMap, error: &str) -> bool {
    parameters_named(headers, "error").any(|value| value == error)
}

/// The values of the parameters of this name, one of each challenge, unquoted.
pub(super) fn parameters_named(
    headers: &HeaderMap,
    name: &'static str,
) -> impl Iterator<Item = String> + use<> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    // What is not ASCII, such as a realm, does not hide the rest.
    let challenges = Challenge::read(values.map(|value| String::from_utf8_lossy(value.as_bytes())));
    challenges
        .into_iter()
        .filter_map(move |challenge| challenge.parameter(name).map(ToOwned::to_owned))
}
