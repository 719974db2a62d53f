//! PEM as people keep it: [`pem_text`].

use zeroize::Zeroizing;

use crate::token_text::without_bom;

/// PEM as its parsers read it (RFC 7468), of what has been through an editor, YAML or a variable: without a mark of UTF-8
/// (BOM), without what indents its lines or trails them, and with line ends where `\n` stands as two characters, as in a
/// string of JSON that was copied out of it.
///
/// Wiped when it is dropped. Whether there is a key in it is for its parser to say; [`pem_label`] says what is.
///
/// ```
/// use keytide_issuer::{pem_label, pem_text};
///
/// let pem = pem_text(b"\xef\xbb\xbf  -----BEGIN PRIVATE KEY-----\\n  MIIE\\n-----END PRIVATE KEY-----\\n");
///
/// assert_eq!(*pem, b"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n");
/// assert_eq!(pem_label(&pem), Some("PRIVATE KEY"));
/// ```
#[must_use]
pub fn pem_text(content: &[u8]) -> Zeroizing<Vec<u8>> {
    let content = without_bom(content);
    // Of its full size from the start, for one that grows leaves copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(content.len() + 1));
    for line in content.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let mut rest = line;
        while let Some(at) = escaped_end(rest) {
            let (before, after) = rest.split_at(at);
            add_line(&mut text, before);
            rest = after.get(2..).unwrap_or_default();
        }
        add_line(&mut text, rest);
    }
    text
}

/// What the first part of a PEM is, such as `PRIVATE KEY` or `CERTIFICATE`; `None` where there is none, or its label is no
/// short text.
#[must_use]
pub fn pem_label(pem: &[u8]) -> Option<&str> {
    let at = pem.windows(BEGIN.len()).position(|text| text == BEGIN)?;
    let label = pem.get(at + BEGIN.len()..)?;
    let end = label
        .windows(5)
        .take(64)
        .position(|text| text == b"-----")?;
    let label = std::str::from_utf8(label.get(..end)?).ok()?;
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ';
    label.bytes().all(plain).then_some(label)
}

/// Where a line's end stands as two characters. Base64 and labels hold no backslash.
fn escaped_end(line: &[u8]) -> Option<usize> {
    line.windows(2)
        .position(|two| matches!(two, [b'\\', b'n' | b'r']))
}

fn add_line(text: &mut Vec<u8>, line: &[u8]) {
    let line = line.trim_ascii();
    if !line.is_empty() {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
}

const BEGIN: &[u8] = b"-----BEGIN ";

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &[u8] = b"-----BEGIN A KEY-----\nMIIE\nabc=\n-----END A KEY-----\n";

    #[test]
    fn a_pem_is_taken_however_it_was_kept() {
        for kept in [
            "-----BEGIN A KEY-----\nMIIE\nabc=\n-----END A KEY-----\n",
            "-----BEGIN A KEY-----\r\nMIIE\r\nabc=\r\n-----END A KEY-----",
            "\u{feff}-----BEGIN A KEY-----\nMIIE\nabc=\n-----END A KEY-----\n",
            "    -----BEGIN A KEY-----\n    MIIE\n\tabc= \n    -----END A KEY-----\n",
            "-----BEGIN A KEY-----\\nMIIE\\nabc=\\n-----END A KEY-----\\n",
            "-----BEGIN A KEY-----\\r\\nMIIE\\r\\nabc=\\r\\n-----END A KEY-----\\r\\n",
            "\n\n-----BEGIN A KEY-----\nMIIE\n\nabc=\n-----END A KEY-----\n\n",
        ] {
            let pem = pem_text(kept.as_bytes());
            assert_eq!(*pem, PLAIN, "{kept:?}");
            assert!(pem.capacity() <= kept.len() + 1, "it grew");
        }
        assert_eq!(*pem_text(b"no pem"), b"no pem\n");
        assert_eq!(*pem_text(b""), b"");
    }

    #[test]
    fn a_label_says_what_a_pem_holds() {
        assert_eq!(pem_label(PLAIN), Some("A KEY"));
        assert_eq!(
            pem_label(b"x\n-----BEGIN CERTIFICATE-----\n"),
            Some("CERTIFICATE")
        );
        for none in [
            &b""[..],
            b"no pem",
            b"-----BEGIN ",
            b"-----BEGIN A",
            b"-----BEGIN canary-----",
            b"-----BEGIN \xff-----",
        ] {
            assert_eq!(pem_label(none), None);
        }
        let long = format!("-----BEGIN {}-----", "A".repeat(100));
        assert_eq!(pem_label(long.as_bytes()), None);
    }
}
