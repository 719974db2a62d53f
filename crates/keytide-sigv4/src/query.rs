//! The query in what is signed: decoded, encoded by AWS's rule, sorted.

use crate::encode::{decode, uri};
use crate::sink::Sink;

/// Writes the parameters, sorted by name and then by value, both as they are encoded. One without `=` gets one.
pub(crate) fn write(query: Option<&str>, out: &mut impl Sink) {
    let mut parameters: Vec<_> = pairs(query.unwrap_or_default())
        .map(|(name, value)| (encoded(name), encoded(value.unwrap_or_default())))
        .collect();
    parameters.sort_unstable();
    let mut first = true;
    for (name, value) in &parameters {
        if !first {
            out.put(b"&");
        }
        first = false;
        out.put(name.as_bytes());
        out.put(b"=");
        out.put(value.as_bytes());
    }
}

/// How the query is to be written on the wire, where it is not: encoded by AWS's rule, in the order that it has, so that
/// nobody can read it otherwise than it is signed. A plus sign, which forms have for a space, is sent as `%20`.
pub(crate) fn rewritten(query: &str) -> Option<String> {
    let mut written = String::with_capacity(query.len() + 16);
    for (name, value) in pairs(query) {
        if !written.is_empty() {
            written.push('&');
        }
        written.push_str(&encoded(name));
        if let Some(value) = value {
            written.push('=');
            written.push_str(&encoded(value));
        }
    }
    (written != query).then_some(written)
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let pieces = query.split('&').filter(|piece| !piece.is_empty());
    pieces.map(|piece| match piece.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (piece, None),
    })
}

/// Bytes that are not UTF-8 stay what they are.
fn encoded(text: &str) -> String {
    uri(&decode(&text.replace('+', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_and_encoded_byte_by_byte() {
        for (query, signed, sent) in [
            ("", "", None),
            ("b=1&a=2", "a=2&b=1", None),
            ("acl", "acl=", None),
            ("a=%FF%fe", "a=%FF%FE", Some("a=%FF%FE")),
            ("a=b+c", "a=b%20c", Some("a=b%20c")),
            ("a=%2B", "a=%2B", None),
            ("a=(b)/c", "a=%28b%29%2Fc", Some("a=%28b%29%2Fc")),
            ("a=%zz", "a=%25zz", Some("a=%25zz")),
            ("a=b=c", "a=b%3Dc", Some("a=b%3Dc")),
            ("&&a&&", "a=", Some("a")),
            ("a=\u{e4}", "a=%C3%A4", Some("a=%C3%A4")),
            ("=x", "=x", None),
        ] {
            let mut canonical = Vec::new();
            write(Some(query), &mut canonical);
            assert_eq!(String::from_utf8(canonical).unwrap(), signed, "{query}");
            assert_eq!(rewritten(query).as_deref(), sent, "{query}");
            let again = rewritten(sent.unwrap_or(query));
            assert_eq!(again, None, "{query}");
        }
    }
}
