//! The path in what is signed: [`PathEncoding`].

use std::borrow::Cow;

use crate::encode::{self, is_unreserved};

/// How the path of a request is encoded in what is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PathEncoding {
    /// The path as it is sent is encoded once more, so that `%20` becomes `%2520`: the rule of all services but S3.
    Double,
    /// As it is sent, whatever stands there: what `aws-sigv4` calls `Single`.
    AsSent,
    /// Decoded, and encoded by AWS's own rule: what S3 itself compares with. The same as [`AsSent`](Self::AsSent)
    /// for a path that was encoded by that rule, as the SDKs do; for one that another library encoded, which leaves
    /// characters such as `(`, `+` or `@` alone, only this one is accepted. A client sends the path so encoded too.
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
        PathEncoding::S3 => Cow::Owned(encode::path(&encode::decode(&path))),
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

/// How the path is to be written on the wire, where it is not: so that what is signed is what whoever stands on the way, and
/// the service, see.
///
/// For S3, encoded by AWS's own rule: S3 takes a plain `+` for a space, and everybody's signer leaves a path as it is sent.
/// For all others, without dot segments at the end, which some take out with the slash before them, and some without; and
/// with no colon before a slash, which readers of whole URIs take for the end of a scheme.
pub(crate) fn rewritten(encoding: PathEncoding, normalized: bool, path: &str) -> Option<String> {
    let written = match encoding {
        PathEncoding::S3 if !normalized && !hides_dots(path) => encode::path(&encode::decode(path)),
        PathEncoding::Double if normalized => {
            let path = if ends_with_dots(path) {
                normalize(path)
            } else {
                Cow::Borrowed(path)
            };
            path.replace(":/", "%3A/")
        }
        _ => return None,
    };
    (written != path).then_some(written)
}

/// Why a path cannot be signed so that everybody on the way, and the service, reads it as it is signed.
pub(crate) fn unclear(
    encoding: PathEncoding,
    normalized: bool,
    path: &str,
) -> Option<&'static str> {
    match encoding {
        PathEncoding::S3 if hides_dots(path) => {
            Some("the path has a percent-encoded dot segment, which is taken out on the way")
        }
        PathEncoding::S3 if path.contains('+') => {
            Some("the path has a plus sign, which S3 takes for a space: write %2B, or %20")
        }
        PathEncoding::Double if normalized && ends_with_dots(path) && normalize(path) != "/" => {
            Some(
                "the path ends with a dot segment, which services read in different ways: leave it out",
            )
        }
        _ => None,
    }
}

fn ends_with_dots(path: &str) -> bool {
    path.ends_with("/.") || path.ends_with("/..")
}

fn hides_dots(path: &str) -> bool {
    path.split('/').any(|segment| {
        segment.contains('%') && matches!(encode::decode(segment).as_slice(), b"." | b"..")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_written_as_it_is_signed() {
        use PathEncoding::{AsSent, Double, S3};
        for (encoding, normalized, path, expected) in [
            (S3, false, "/a+b", Some("/a%2Bb")),
            (S3, false, "/a(b)@c", Some("/a%28b%29%40c")),
            (S3, false, "/a%2bb%2Fc", Some("/a%2Bb/c")),
            (S3, false, "/a/./b/", None),
            (S3, false, "/a/%2e%2E/b+", None),
            (Double, true, "/a/b/.", Some("/a/b/")),
            (Double, true, "/a/b/..", Some("/a/")),
            (Double, true, "/..", Some("/")),
            (Double, true, "/a+b//c/../d", None),
            (Double, true, "/a:b:/c:", Some("/a:b%3A/c:")),
            (Double, false, "/a/.", None),
            (AsSent, true, "/a+b/.", None),
        ] {
            let written = rewritten(encoding, normalized, path);
            assert_eq!(written.as_deref(), expected, "{encoding:?} {path}");
            if let Some(written) = written {
                assert_eq!(rewritten(encoding, normalized, &written), None, "once");
                assert_eq!(unclear(encoding, normalized, &written), None);
            }
        }
        for (encoding, path, is) in [
            (S3, "/a+b", true),
            (S3, "/%2e/b", true),
            (S3, "/a%2Bb/.b", false),
            (Double, "/a/.", true),
            (Double, "/a/..", false),
            (Double, "/a/b/..", true),
            (Double, "/a+b/./c", false),
        ] {
            assert_eq!(
                unclear(encoding, encoding == Double, path).is_some(),
                is,
                "{path}"
            );
        }
    }

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
