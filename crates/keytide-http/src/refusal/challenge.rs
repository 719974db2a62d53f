//! The parameters of `WWW-Authenticate` challenges (RFC 9110, section 11.6.1).

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// Whether a challenge has this `error` (RFC 6750, section 3), as a parameter of its own.
pub(super) fn says(headers: &HeaderMap, error: &str) -> bool {
    parameters_named(headers, "error").any(|value| value == error)
}

/// The values of all parameters of this name, unquoted.
pub(super) fn parameters_named<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> impl Iterator<Item = String> + 'a {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(parameters)
        .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| unquoted(value))
}

/// Name and raw value of each parameter, of whatever scheme.
fn parameters(challenge: &str) -> impl Iterator<Item = (&str, &str)> {
    let (mut quoted, mut escaped) = (false, false);
    challenge
        .split(move |character| {
            match character {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ => {}
            }
            character == ',' && !quoted
        })
        .filter_map(|parameter| parameter.split_once('='))
        .map(|(name, value)| {
            // The first parameter stands behind the name of its scheme.
            let name = name.split_whitespace().next_back().unwrap_or_default();
            (name, value.trim())
        })
}

fn unquoted(value: &str) -> String {
    let inside = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let Some(inside) = inside else {
        return value.to_owned();
    };
    let mut plain = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            other => plain.push(other),
        }
    }
    plain
}
