//! The path in what is signed: [`PathEncoding`].

use std::borrow::Cow;

use crate::encode::{self, is_unreserved};

/// How the path of a request is encoded in what is signed. The path that is sent is never touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PathEncoding {
    /// The path as it is sent is encoded once more, so that `%20` becomes `%2520`: the rule of all services but S3.
    Double,
    /// As it is sent, whatever stands there: what `aws-sigv4` calls `Single`.
    AsSent,
    /// Decoded, and encoded by AWS's own rule: what S3 itself compares with. The same as [`AsSent`](Self::AsSent)
    /// for a path that was encoded by that rule, as the SDKs do; for one that another library encoded, which leaves
    /// characters such as `(`, `+` or `@` alone, only this one is accepted.
    S3,
}

pub(crate) fn canonical(encoding: PathEncoding, normalized: bool, path: &str) -> Cow<'_, str> {
    let path = if normalized {
        normalize(path)
    } else {
        Cow::Borrowed(path)
    };
    let plain = |byte| byte == b'/' || is_unreserved(byte);
    match encoding {
        PathEncoding::AsSent => path,
        _ if path.bytes().all(plain) => path,
        PathEncoding::Double => Cow::Owned(encode::path(path.as_bytes())),
        PathEncoding::S3 => Cow::Owned(encode::path(&decode(&path))),
    }
}

/// Takes `.`, `..` and empty segments out.
fn normalize(path: &str) -> Cow<'_, str> {
    if !path.contains("//") && !path.contains("/.") && path.starts_with('/') {
        return Cow::Borrowed(path);
    }
    let mut kept = Vec::new();
    let mut last = "";
    for segment in path.split('/') {
        last = segment;
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            name => kept.push(name),
        }
    }
    let mut normal = String::with_capacity(path.len() + 1);
    for segment in &kept {
        normal.push('/');
        normal.push_str(segment);
    }
    let a_folder = matches!(last, "" | "." | "..");
    if a_folder || normal.is_empty() {
        normal.push('/');
    }
    Cow::Owned(normal)
}

/// Percent-decodes; what is not two hexadecimal digits stays.
fn decode(path: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = match after {
            [high, low, ..] if byte == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        rest = match escaped {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                &after[2..]
            }
            None => {
                decoded.push(byte);
                after
            }
        };
    }
    decoded
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn paths_encoded_by_the_rule_of_aws_are_the_same_to_s3(segments in proptest::collection::vec(".{0,6}", 0..4)) {
            let encoded = encode::path(format!("/{}", segments.join("/")).as_bytes());
            // As S3 has it: dots are part of a key.
            let canonical = |encoding| super::canonical(encoding, false, &encoded).into_owned();
            prop_assert_eq!(canonical(PathEncoding::S3), canonical(PathEncoding::AsSent));
            prop_assert_eq!(canonical(PathEncoding::S3), encoded.clone());
        }
    }
}
