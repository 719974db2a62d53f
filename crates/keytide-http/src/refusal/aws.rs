//! The error codes of AWS, wherever its protocols put them: a header, a JSON member, an XML element.

use http::HeaderMap;

/// Whether the code in the headers blames the credential; `None`: the headers have no code.
pub(super) fn of_headers(headers: &HeaderMap) -> Option<bool> {
    let code = headers.get("x-amzn-errortype")?.to_str().ok()?;
    Some(blames(shape_name(code)))
}

/// Whether an error of this name says that the credential is expired, unknown or malformed.
///
/// A code that may have another cause, such as `SignatureDoesNotMatch`, `RequestExpired` (a clock) or `AccessDenied`, is
/// none of these.
pub(super) fn blames(code: &str) -> bool {
    matches!(
        code,
        "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "InvalidAccessKeyId"
            | "InvalidToken"
            | "TokenRefreshRequired"
    )
}

/// The name of a shape without the namespace before it and the URI behind it.
pub(super) fn shape_name(code: &str) -> &str {
    let name = code.split(':').next().unwrap_or_default();
    name.rsplit('#').next().unwrap_or_default().trim()
}

/// The text of the first `Code` that stands right below an `Error`, in the XML of the query protocols and of S3.
///
/// Strict: no comment, no CDATA, no document type, no attribute but in the root, or there is no code.
pub(super) fn xml_code(body: &[u8]) -> Option<String> {
    let mut rest = std::str::from_utf8(body).ok()?.trim_start();
    if let Some(after) = rest.strip_prefix("<?xml") {
        rest = after.split_once("?>")?.1;
    }
    let mut open: Vec<&str> = Vec::new();
    loop {
        let (text, after) = rest.split_once('<')?;
        let (tag, after) = after.split_once('>')?;
        if let Some(name) = tag.strip_prefix('/') {
            let closed = open.pop()?;
            if closed != name.trim_end() {
                return None;
            }
            if closed == "Code" && open.last() == Some(&"Error") {
                return Some(text.trim().to_owned());
            }
            if open.is_empty() {
                return None;
            }
        } else if tag.starts_with(['!', '?']) {
            return None;
        } else if !tag.ends_with('/') {
            let name = tag.split_whitespace().next()?;
            let plain = name.len() == tag.len() || open.is_empty();
            if !plain || open.len() >= DEEPEST {
                return None;
            }
            open.push(name);
        }
        rest = after;
    }
}

const DEEPEST: usize = 16;
