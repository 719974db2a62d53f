//! The document, for people to read and for IAM to take.

use serde_json::Value;

/// What is found on the sessions of one instance alone.
pub(super) struct Mark {
    operator: &'static str,
    key: String,
    value: String,
}

impl Mark {
    pub(super) fn equals(key: impl Into<String>, value: &str) -> Self {
        Self {
            operator: "StringEquals",
            key: key.into(),
            value: value.to_owned(),
        }
    }

    pub(super) fn like(key: impl Into<String>, value: &str) -> Self {
        Self {
            operator: "StringLike",
            key: key.into(),
            value: value.to_owned(),
        }
    }

    fn condition(&self) -> String {
        let [key, value] =
            [&self.key, &self.value].map(|text| Value::from(text.as_str()).to_string());
        format!("\"{}\": {{{key}: {value}}}", self.operator)
    }
}

/// A statement for each mark, for the conditions of one must all hold. Without a mark, one for every session.
pub(super) fn document(marks: &[Mark], before: Option<&str>) -> String {
    let issued =
        before.map(|before| format!("\"DateLessThan\": {{\"aws:TokenIssueTime\": \"{before}\"}}"));
    let mut conditions: Vec<Vec<String>> =
        marks.iter().map(|mark| vec![mark.condition()]).collect();
    if conditions.is_empty() {
        conditions.push(Vec::new());
    }
    let statements: Vec<String> = conditions
        .into_iter()
        .map(|mut parts| {
            parts.extend(issued.clone());
            let condition = parts.join(",\n        ");
            format!(
                "    {{\n      \"Effect\": \"Deny\",\n      \"Action\": \"*\",\n      \"Resource\": \"*\",\n      \
                 \"Condition\": {{\n        {condition}\n      }}\n    }}"
            )
        })
        .collect();
    format!(
        "{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n{}\n  ]\n}}\n",
        statements.join(",\n")
    )
}
