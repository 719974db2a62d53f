//! Which paths stand below a prefix, for every server alike.

use super::fold::folds_to_grammar;

/// Why a path may mean different things to different servers; `None` if it means the same to all.
///
/// A server may decode once or twice, merge slashes, drop what follows a semicolon, take a backslash for a slash, cut at
/// a zero byte, or fold characters that look like dots and slashes. What none of these changes is clear.
pub(crate) fn ambiguity(path: &str) -> Option<&'static str> {
    if !path.starts_with('/') {
        return Some("it does not begin with a slash");
    }
    // On the stack, for paths that are not uncommonly long: this is done for each request.
    let (mut short, mut long);
    let decoded: &mut [u8] = if path.len() <= SHORT {
        short = [0; SHORT];
        &mut short
    } else {
        long = vec![0; path.len()];
        &mut long
    };
    let mut written = 0;
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => return Some("it holds a backslash"),
            b';' => return Some("it holds a semicolon"),
            b'?' | b'#' => return Some("it holds a question mark or a number sign"),
            0..=b' ' | 0x7f => return Some("it holds a space or a control character"),
            b'%' => {
                let Some(encoded) = hex(bytes.next(), bytes.next()) else {
                    return Some("it holds a percent sign that encodes nothing");
                };
                match encoded {
                    b'/' | b'\\' => return Some("it holds a percent-encoded slash or backslash"),
                    b'.' => return Some("it holds a percent-encoded dot"),
                    b'%' => return Some("it holds a percent-encoded percent sign"),
                    b';' => return Some("it holds a percent-encoded semicolon"),
                    b'?' | b'#' => {
                        return Some("it holds a percent-encoded question mark or number sign");
                    }
                    0..=0x1f | 0x7f => {
                        return Some("it holds a percent-encoded control character");
                    }
                    other => decoded[written] = other,
                }
            }
            other => decoded[written] = other,
        }
        written += 1;
    }
    let Ok(decoded) = std::str::from_utf8(&decoded[..written]) else {
        return Some("it is not UTF-8 once decoded");
    };
    if decoded.contains(folds_to_grammar) {
        return Some("it holds a character that some servers take for one of . / \\ % ; ? #");
    }
    let mut segments = decoded.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return Some("it holds an empty segment");
        }
        // Some systems drop dots and spaces at the end of a name.
        if !segment.is_empty() && segment.trim_end_matches(['.', ' ']).is_empty() {
            return Some("it holds a segment of dots");
        }
    }
    None
}

/// Whether a path is the prefix or stands below it, segment by segment.
pub(crate) fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'))
}

fn hex(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

const SHORT: usize = 256;
