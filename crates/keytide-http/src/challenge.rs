//! Whether an answer blames the credential.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, StatusCode};

/// Whether the destination refused the request for its credential: any 401, and a 403 that says so.
pub(crate) fn blames_credential(status: StatusCode, headers: &HeaderMap) -> bool {
    match status {
        StatusCode::UNAUTHORIZED => true,
        StatusCode::FORBIDDEN => headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(says_invalid_token),
        _ => false,
    }
}

/// Whether a challenge carries `error="invalid_token"` (RFC 6750, section 3.1), as a parameter of its own.
fn says_invalid_token(challenge: &str) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    let parameters = challenge.split(|character| {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        character == ',' && !quoted
    });
    parameters
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(name, value)| {
            // The first parameter stands behind the name of its scheme.
            let name = name.split_whitespace().next_back().unwrap_or_default();
            let value = value.trim();
            let bare = value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'));
            name.eq_ignore_ascii_case("error") && bare.unwrap_or(value) == "invalid_token"
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_403_blames_the_credential_only_by_an_error_parameter_of_its_own() {
        for (challenge, blames) in [
            (r#"Bearer error="invalid_token""#, true),
            (
                r#"Bearer realm="a, b", error="invalid_token", error_description="expired""#,
                true,
            ),
            (r#"Basic realm="x", Bearer error = invalid_token"#, true),
            (r#"DPoP ERROR="invalid_token""#, true),
            (r#"Bearer error="insufficient_scope""#, false),
            (
                r#"Bearer error_description="error=\"invalid_token\"""#,
                false,
            ),
            (r#"Bearer realm="a, error=invalid_token, b""#, false),
            (r#"Bearer realm="a\", error=invalid_token, b""#, false),
            (r#"Bearer x_error="invalid_token""#, false),
            (r#"Bearer error="invalid_token_not""#, false),
            ("Bearer", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(WWW_AUTHENTICATE, challenge.parse().unwrap());

            assert_eq!(
                blames_credential(StatusCode::FORBIDDEN, &headers),
                blames,
                "{challenge}"
            );
            assert!(blames_credential(StatusCode::UNAUTHORIZED, &headers));
            assert!(!blames_credential(StatusCode::BAD_REQUEST, &headers));
        }
        assert!(!blames_credential(StatusCode::FORBIDDEN, &HeaderMap::new()));
    }
}
