//! A token as files, variables and answers of platforms hold it: [`token_text`], [`header_text`].

use std::fmt;

/// The one token in these bytes, without what cannot be part of any: the mark of UTF-8 (BOM) before it, white space and
/// line ends around it.
///
/// The rest must be printable ASCII without blanks, commas and quotation marks, of at most 64 KiB: what RFC 6749,
/// appendix A.12, allows in an access token, but for what ends one in a header (RFC 9110, section 11.2). All tokens that
/// platforms hand out (JWTs, opaque ones such as `ya29.…` or `00D…!…`) are that.
///
/// ```
/// use keytide_issuer::token_text;
///
/// assert_eq!(token_text(b"\xef\xbb\xbf  a.b.c\r\n"), Ok("a.b.c"));
/// assert_eq!(
///     token_text(b"a.b\r\nc").unwrap_err().to_string(),
///     "holds a line break (0x0d) at offset 3, and is no one token",
/// );
/// assert!(token_text(b"\"a.b.c\"").unwrap_err().to_string().contains("quotation mark (0x22) at offset 0"));
/// ```
///
/// # Errors
/// What it is instead: which byte, at which offset from the beginning of what was given, and nothing of the token.
pub fn token_text(content: &[u8]) -> Result<&str, TextFault> {
    judged(content, |byte| {
        byte.is_ascii_graphic() && !matches!(byte, b'"' | b',')
    })
}

/// The same for what goes into a header as it is, such as `Bearer a.b.c`: it may hold blanks, commas and quotation marks
/// inside (RFC 9110, section 5.5), and no quotation marks around it.
///
/// # Errors
/// Those of [`token_text`].
pub fn header_text(content: &[u8]) -> Result<&str, TextFault> {
    judged(content, |byte| byte == b' ' || byte.is_ascii_graphic())
}

/// Why something is no token. What it says follows the name of whatever holds it, and holds nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextFault {
    /// Nothing but what was trimmed off: perhaps it is being written.
    Empty,
    /// It is in UTF-16, as some editors and shells of Windows write.
    Utf16,
    /// It is over 64 KiB.
    TooLong,
    /// This byte is no part of a token.
    Byte {
        /// From the beginning of what was given, what was trimmed off included.
        offset: usize,
        /// The byte.
        byte: u8,
    },
}

impl TextFault {
    /// The error for the user: `named` is what holds the token, as `"the subject token in /run/token"`.
    ///
    /// [`Unavailable`](keytide_core::ErrorKind::Unavailable) for what is empty, for it may be filled in a moment; else
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured).
    #[must_use]
    pub fn explain(self, named: &str) -> keytide_core::Error {
        let message = format!("{named} {self}");
        match self {
            Self::Empty => keytide_core::Error::unavailable(message),
            _ => keytide_core::Error::misconfigured(message),
        }
    }
}

impl fmt::Display for TextFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (offset, byte) = match *self {
            Self::Empty => return f.write_str("is empty"),
            Self::Utf16 => return f.write_str("is written in UTF-16: write it in UTF-8"),
            Self::TooLong => return f.write_str("is over 64 KiB, more than a request can carry"),
            Self::Byte { offset, byte } => (offset, byte),
        };
        let (what, mend) = match byte {
            b'"' | b'\'' => ("a quotation mark", ": write the token without quotes"),
            b'\r' | b'\n' => ("a line break", ", and is no one token"),
            b' ' | b'\t' => ("a blank", ", and is no one token"),
            b',' => ("a comma", ", and is no one token"),
            0x80.. => ("a byte that is not ASCII", ": a token is printable ASCII"),
            _ => ("a control character", ": a token is printable ASCII"),
        };
        write!(f, "holds {what} ({byte:#04x}) at offset {offset}{mend}")
    }
}

impl std::error::Error for TextFault {}

/// Text as others see it: without the mark of UTF-8 (BOM) that some editors and shells of Windows write before it. For JSON
/// and PEM in files, whose parsers do not expect one.
#[must_use]
pub fn without_bom(content: &[u8]) -> &[u8] {
    content.strip_prefix(BOM).unwrap_or(content)
}

/// What may be a token, without what cannot be part of any: the mark of UTF-8 before it, white space and line ends around it.
/// For tokens whose own reader judges the rest, such as that of JWTs.
#[must_use]
pub fn trimmed(content: &[u8]) -> &[u8] {
    without_bom(content).trim_ascii()
}

fn judged(content: &[u8], fits: impl Fn(u8) -> bool) -> Result<&str, TextFault> {
    if content.starts_with(b"\xff\xfe") || content.starts_with(b"\xfe\xff") {
        return Err(TextFault::Utf16);
    }
    let inside = without_bom(content).trim_ascii_start();
    let start = content.len() - inside.len();
    let inside = inside.trim_ascii_end();
    let wrong = |at: usize, byte: u8| TextFault::Byte {
        offset: start + at,
        byte,
    };
    match inside {
        [] => return Err(TextFault::Empty),
        _ if inside.len() > LONGEST => return Err(TextFault::TooLong),
        [first @ (b'"' | b'\''), .., last] if first == last => return Err(wrong(0, *first)),
        _ => {}
    }
    if let Some(at) = inside.iter().position(|byte| !fits(*byte)) {
        return Err(wrong(at, inside.get(at).copied().unwrap_or_default()));
    }
    // All of it is ASCII.
    std::str::from_utf8(inside).map_err(|error| wrong(error.valid_up_to(), 0x80))
}

const BOM: &[u8] = b"\xef\xbb\xbf";
/// Bytes. No server or proxy in front of many takes more in one header: 64 KiB for all of them at Application Load
/// Balancers, 60 KiB at Envoy, 8 to 16 KiB at nginx, Apache and IIS, as their manuals say in November 2026.
const LONGEST: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use keytide_core::ErrorKind;

    use super::*;

    #[test]
    fn what_cannot_be_part_of_a_token_is_trimmed_off() {
        for content in [
            "a.b.c",
            "a.b.c\n",
            "a.b.c\r\n",
            "\u{feff}a.b.c",
            "\u{feff} \r\n\ta.b.c \r\n\r\n",
            "\n a.b.c\t",
        ] {
            assert_eq!(token_text(content.as_bytes()), Ok("a.b.c"), "{content:?}");
            assert_eq!(header_text(content.as_bytes()), Ok("a.b.c"), "{content:?}");
        }
        for token in [
            "ya29.A0-_~+/=",
            "00D80!AQcA.x",
            "1|abc",
            "ATATT3x=8C2F",
            "it's",
        ] {
            assert_eq!(token_text(token.as_bytes()), Ok(token));
        }
        assert_eq!(
            header_text(b" Bearer a, b=\"c\"\n"),
            Ok("Bearer a, b=\"c\"")
        );
        assert_eq!(token_text(&[b'x'; LONGEST]).map(str::len), Ok(LONGEST));
    }

    #[test]
    fn what_is_no_token_says_which_byte_and_where() {
        for (content, offset, byte) in [
            (&b"\"canary\""[..], 0, b'"'),
            (b"\xef\xbb\xbf 'canary'\n", 4, b'\''),
            (b"canary\ncanary", 6, b'\n'),
            (b" can\rary", 4, b'\r'),
            (b"can ary", 3, b' '),
            (b"can\tary", 3, b'\t'),
            (b"can,ary", 3, b','),
            (b"can\0ary", 3, 0),
            (b"can\x1bary", 3, 0x1b),
            (b"can\x7fary", 3, 0x7f),
            ("can\u{e4}ry".as_bytes(), 3, 0xc3),
            (b"canary\xff", 6, 0xff),
            ("canary\u{feff}".as_bytes(), 6, 0xef),
        ] {
            let fault = token_text(content).unwrap_err();
            assert_eq!(fault, TextFault::Byte { offset, byte });
            let error = fault.explain("the token in /run/t");
            assert_eq!(error.kind(), ErrorKind::Misconfigured);
            let text = error.to_string();
            assert!(
                text.contains(&format!("({byte:#04x}) at offset {offset}")),
                "{text}"
            );
            assert!(
                !text.contains("canary") && !text.contains("can\u{e4}"),
                "{text}"
            );
        }
        for content in [&b""[..], b" \r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"] {
            let fault = token_text(content).unwrap_err();
            assert_eq!(fault, TextFault::Empty);
            assert_eq!(fault.explain("it").kind(), ErrorKind::Unavailable);
        }
        assert_eq!(token_text(b"\xff\xfea\0.\0"), Err(TextFault::Utf16));
        assert_eq!(token_text(b"\xfe\xff\0a\0."), Err(TextFault::Utf16));
        assert_eq!(token_text(&[b'x'; LONGEST + 1]), Err(TextFault::TooLong));
        assert!(header_text(b"\"Bearer a\"").is_err());
        assert!(header_text(b"Bearer a\r\nx: y").is_err());
    }
}
