//! How bytes are written in what is signed: URI encoding by AWS's rule, and hexadecimal.

/// Encodes every byte but the unreserved characters of RFC 3986 (letters, digits, `-`, `.`, `_`, `~`), in upper case.
pub(crate) fn uri(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        push(*byte, &mut encoded);
    }
    encoded
}

/// As [`uri`], but slashes stay.
pub(crate) fn path(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        match byte {
            b'/' => encoded.push('/'),
            byte => push(*byte, &mut encoded),
        }
    }
    encoded
}

pub(crate) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Percent-decodes; what is not two hexadecimal digits stays.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
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

/// In lower case.
pub(crate) fn hex(bytes: &[u8]) -> [u8; 64] {
    let mut hex = [b'0'; 64];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[LOWER[usize::from(byte >> 4)], LOWER[usize::from(byte & 15)]]);
    }
    hex
}

fn push(byte: u8, text: &mut String) {
    if is_unreserved(byte) {
        text.push(char::from(byte));
    } else {
        text.push('%');
        text.push(char::from(UPPER[usize::from(byte >> 4)]));
        text.push(char::from(UPPER[usize::from(byte & 15)]));
    }
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";
