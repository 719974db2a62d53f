//! JSON that says each thing once: [`read`].

use std::collections::HashSet;

use serde_json::Value;

/// Reads a document, and the names of members that stand twice in one object: of those, the parsers of the world take the
/// first, the last, or none.
///
/// # Errors
/// It is no JSON.
pub(crate) fn read(text: &str) -> Result<(Value, Vec<String>), serde_json::Error> {
    let value = serde_json::from_str(text)?;
    Ok((value, twice(text)))
}

/// Of what is JSON already.
fn twice(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // The names so far of each object that is open; `None` for an array.
    let mut open: Vec<Option<HashSet<String>>> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}', '[', ']', '"']) {
        let mark = rest.as_bytes()[at];
        rest = &rest[at..];
        match mark {
            b'{' => open.push(Some(HashSet::new())),
            b'[' => open.push(None),
            b'}' | b']' => {
                open.pop();
            }
            _ => {
                let (literal, after) = rest.split_at(end_of_string(rest));
                rest = after;
                let is_name = rest.trim_start().starts_with(':');
                if let (true, Some(Some(names))) = (is_name, open.last_mut())
                    && let Ok(name) = serde_json::from_str::<String>(literal)
                    && !names.insert(name.clone())
                {
                    found.push(name);
                }
                continue;
            }
        }
        rest = &rest[1..];
    }
    found
}

/// Behind the closing quote of the string that the text begins with.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_twice_in_one_object_is_told() {
        for (text, expected) in [
            (
                r#"{"a": [1, {"b": 1}, {"b": 2}], "c": {"a": {}, "b": []}}"#,
                &[][..],
            ),
            (r#"{"a": 1, "b": {"a": 1, "a": "x"}, "a": 2}"#, &["a", "a"]),
            (r#"{"a": "\"a\": {", "b": "a", "A": 1, "a" : 2}"#, &["a"]),
            (r#"{"\u0061": 1, "a": 2}"#, &["a"]),
            (r#"["a", "a", {"é\\": 1, "é\\": 1}]"#, &["é\\"]),
            ("\"a\"", &[]),
            ("null", &[]),
        ] {
            assert_eq!(read(text).unwrap().1, expected, "{text}");
        }
        for bad in ["", "{", "{} {}", "{\"a\" 1}", &"[".repeat(10_000)] {
            assert!(read(bad).is_err());
        }
    }
}
