//! The error codes of AWS, each with what happens next, and where they stand in an answer.

mod table;

use keytide_issuer::{Dialect, KnownCode, read_object};
use serde::Deserialize;

use self::table::KNOWN;

/// The code's entry, if it is a known one.
pub(crate) fn known(code: &str) -> Option<&'static KnownCode> {
    KNOWN.iter().find(|known| known.code() == code)
}

/// Whether a code blames the keys that a request was signed with: others are needed, and may help.
pub(crate) fn blames_keys(code: &str) -> bool {
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

/// The codes of the instance metadata service and of container endpoints: in JSON, or in the text of an agent.
pub(crate) static METADATA: Dialect = Dialect::new(in_metadata, KNOWN);

/// Codes are `Code` or `code` in JSON; the EKS Pod Identity agent writes `…: (AccessDeniedException): …` as text.
pub(crate) fn in_metadata(body: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Failure {
        #[serde(alias = "Code")]
        code: String,
    }
    if let Ok(failure) = read_object::<Failure>("the answer", body) {
        return vec![failure.code];
    }
    let text = std::str::from_utf8(body).unwrap_or_default();
    let inside = text.split('(').skip(1);
    inside
        .filter_map(|rest| rest.split_once(')'))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.ends_with("Exception"))
        .collect()
}

/// The code of an XML error: right below `Error`, be that the root (as S3 has it), in `ErrorResponse` (as the query protocol
/// has it), or in a list of `Errors` (as EC2 and some servers have it).
///
/// What is no such XML, HTML above all, has no code. A code that a document only quotes, in a comment or elsewhere in the
/// tree, is none either.
pub(crate) fn in_xml(body: &[u8]) -> Option<String> {
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
            if open.pop()? != name.trim_end() {
                return None;
            }
            if name.trim_end() == "Code" && SHAPES.contains(&open.as_slice()) {
                return Some(content.trim().to_owned());
            }
        } else if tag.starts_with(['!', '?']) {
            return None;
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next()?);
        }
        if open.is_empty() || open.len() > DEEPEST {
            return None;
        }
    }
}

/// Where an error's code stands.
const SHAPES: [&[&str]; 4] = [
    &["Error"],
    &["ErrorResponse", "Error"],
    &["ErrorResponse", "Errors", "Error"],
    &["Response", "Errors", "Error"],
];
/// No error is nested deeper than this.
const DEEPEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_either_shape_of_xml_and_nowhere_else() {
        let found = |body: &str| in_xml(body.as_bytes());
        let some = |code: &str| Some(code.to_owned());

        for body in [
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>m</Message></Error><RequestId>r</RequestId></ErrorResponse>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
            "<Response><Errors><Error><Code>AccessDenied</Code><Message>m</Message></Error></Errors><RequestID>r</RequestID></Response>",
            "<ErrorResponse><Errors><Error><Code>AccessDenied</Code></Error></Errors></ErrorResponse>",
            "\u{feff}<?xml version=\"1.0\"?>\r\n<Error>\r\n <Message>a &lt;Code&gt;X&lt;/Code&gt;</Message>\r\n <Code> AccessDenied </Code></Error>",
        ] {
            assert_eq!(found(body), some("AccessDenied"), "{body}");
        }
        for body in [
            "",
            "AccessDenied",
            "<Error>",
            "<Error><Code>AccessDenied",
            "<Error><!-- <Code>AccessDenied</Code> --></Error>",
            "<Error><Detail><Code>AccessDenied</Code></Detail></Error>",
            "<a><b><Error><Code>AccessDenied</Code></Error></b></a>",
            "<AssumeRoleResponse><Error><Code>AccessDenied</Code></Error></AssumeRoleResponse>",
            "<html><body><Error><Code>AccessDenied</Code></Error></body></html>",
            "<!DOCTYPE html><html><head><title>403</title></head></html>",
            "<Code>AccessDenied</Code>",
            "</Error>",
            "{\"Code\":\"AccessDenied\"}",
        ] {
            assert_eq!(found(body), None, "{body}");
        }
        assert_eq!(in_xml(&[0xff, 0xfe]), None);
        assert_eq!(found(&"<a>".repeat(100_000)), None);
    }

    #[test]
    fn agents_write_codes_as_json_or_in_their_text() {
        for (body, code) in [
            (
                r#"{"code":"InvalidIdInRequest","message":"m","HTTPErrorCode":400}"#,
                Some("InvalidIdInRequest"),
            ),
            (
                r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"m"}"#,
                Some("AssumeRoleUnauthorizedAccess"),
            ),
            (
                "[7e5f]: (AccessDeniedException): Unauthorized Exception! EKS does not have permissions, fault: client",
                Some("AccessDeniedException"),
            ),
            ("(not a code)", None),
            ("<html>", None),
        ] {
            assert_eq!(
                in_metadata(body.as_bytes()).first().map(String::as_str),
                code,
                "{body}"
            );
        }
    }

    #[test]
    fn the_readme_lists_each_code_under_its_kind() {
        let readme = include_str!("../../README.md");
        for known in KNOWN {
            let kind = format!("| [`{:?}`]", known.kind());
            let code = format!("`{}`", known.code());
            let mut rows = readme.lines().filter(|line| line.starts_with(&kind));
            assert!(rows.any(|row| row.contains(&code)), "{kind} {code}");
        }
    }

    #[test]
    fn each_code_stands_in_the_table_once() {
        let mut codes: Vec<_> = KNOWN.iter().map(KnownCode::code).collect();
        codes.sort_unstable();
        let before = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), before);
    }
}
