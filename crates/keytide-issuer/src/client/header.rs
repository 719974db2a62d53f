//! Values of headers: [`text`].

use http::HeaderValue;

/// The value, where it is visible ASCII.
pub(super) fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}
