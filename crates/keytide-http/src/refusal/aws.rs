//! The error codes of AWS, wherever its protocols put them: a header, a JSON member, an XML element.

use http::HeaderMap;

/// Whether the code in the headers blames the credential; `None`: the headers have no code.
pub(super) fn of_headers(headers: &HeaderMap) -> Option<bool> {
    let code = headers.get("x-amzn-errortype")?.to_str().ok()?;
    Some(aws_code_blames_credential(shape_name(code)))
}

/// Whether an error of AWS with this code says that the credential is expired, unknown or malformed, so that another one is
/// needed and may help. The code stands alone: without the namespace before it and the URI behind it.
///
/// A code that may have another cause, such as `SignatureDoesNotMatch`, `RequestExpired` (a clock) or `AccessDenied`, is
/// none of these.
///
/// ```
/// use keytide_http::aws_code_blames_credential;
///
/// assert!(aws_code_blames_credential("ExpiredToken"));
/// assert!(!aws_code_blames_credential("AccessDenied"));
/// ```
#[must_use]
pub fn aws_code_blames_credential(code: &str) -> bool {
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

/// The code of an AWS error in XML: right below `Error`, be that the root (as S3 has it), in `ErrorResponse` (as the query
/// protocol has it), or in a list of `Errors` (as EC2 and some servers have it).
///
/// Strict: what has a comment, CDATA, a document type, or an attribute but in its root has no code, nor has HTML. A code
/// that a document only quotes elsewhere in its tree is none either.
///
/// ```
/// use keytide_http::aws_code_in_xml;
///
/// let body = b"<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>";
/// assert_eq!(aws_code_in_xml(body).as_deref(), Some("ExpiredToken"));
/// assert_eq!(aws_code_in_xml(b"<html><Error><Code>ExpiredToken</Code></Error></html>"), None);
/// ```
#[must_use]
pub fn aws_code_in_xml(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    if let Some(after) = rest.strip_prefix("<?xml") {
        rest = after.split_once("?>")?.1;
    }
    let mut open: Vec<&str> = Vec::new();
    loop {
        let (content, after) = rest.split_once('<')?;
        let (tag, after) = after.split_once('>')?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.last()? != &name.trim_end() {
                return None;
            }
            if SHAPES.contains(&open.as_slice()) {
                return Some(content.trim().to_owned());
            }
            open.pop();
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
        } else if open.is_empty() {
            return None;
        }
    }
}

/// Where an error's code stands.
const SHAPES: [&[&str]; 4] = [
    &["Error", "Code"],
    &["ErrorResponse", "Error", "Code"],
    &["ErrorResponse", "Errors", "Error", "Code"],
    &["Response", "Errors", "Error", "Code"],
];
/// No error is nested deeper than this.
const DEEPEST: usize = 8;
