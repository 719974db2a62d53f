//! The error codes of AWS, each with what happens next, and where they stand in an answer.

mod table;

use keytide_issuer::{Dialect, KnownCode, read_object};
use serde::Deserialize;

use self::table::KNOWN;

/// The code's entry, if it is a known one.
pub(crate) fn known(code: &str) -> Option<&'static KnownCode> {
    KNOWN.iter().find(|known| known.code() == code)
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

#[cfg(test)]
mod tests {
    use super::*;

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
            let kind = format!("| `{:?}`", known.kind());
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
