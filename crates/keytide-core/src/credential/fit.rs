//! Whether a secret can be sent at all: [`Unfit`].

use std::fmt;

use super::Signing;
use super::secret::Secret;

/// What the text of a secret is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alphabet {
    /// A token, as an `Authorization` header carries it: printable ASCII (RFC 6749, appendix A.12) without the blank, the
    /// comma and the quotation mark, which end it there (RFC 9110, section 11.2). RFC 6750 allows fewer (`b64token`), and
    /// issuers give more: `!` in tokens of Salesforce, `|` in those of Laravel, `=` within those of Atlassian.
    Token,
    /// A password: what RFC 7617, section 2, allows in one, all but control characters.
    Password,
}

/// Why a secret cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    TooLong {
        what: &'static str,
        length: usize,
    },
    Byte {
        what: &'static str,
        byte: u8,
        offset: usize,
    },
}

impl Unfit {
    /// What no request can carry of these; `None` for what can be sent.
    pub(crate) fn of(
        secret: &Secret,
        alphabet: Alphabet,
        signing: Option<&Signing>,
    ) -> Option<Self> {
        let Some(signing) = signing else {
            let what = match alphabet {
                Alphabet::Token => "token",
                Alphabet::Password => "password",
            };
            return Self::find(what, secret.bytes(), alphabet);
        };
        // What signs is never sent.
        let token = signing.session_token.as_ref();
        Self::find("key id", signing.key_id.as_bytes(), Alphabet::Token).or_else(|| {
            let token = token?.bytes();
            Self::find("session token", token, Alphabet::Token)
        })
    }

    fn find(what: &'static str, text: &[u8], alphabet: Alphabet) -> Option<Self> {
        if text.len() > LONGEST {
            let length = text.len();
            return Some(Self::TooLong { what, length });
        }
        let offset = text.iter().position(|byte| !alphabet.has(*byte))?;
        let byte = text.get(offset).copied().unwrap_or_default();
        Some(Self::Byte { what, byte, offset })
    }
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Token => byte.is_ascii_graphic() && !matches!(byte, b'"' | b','),
            Self::Password => !byte.is_ascii_control(),
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, byte, offset) = match *self {
            Self::TooLong { what, length } => {
                return write!(
                    f,
                    "the {what} has {length} bytes, more than the {} KiB that servers take in a header",
                    LONGEST / 1024
                );
            }
            Self::Byte { what, byte, offset } => (what, byte, offset),
        };
        let kind = match byte {
            b' ' | b'\t' => "a blank",
            b'\r' | b'\n' => "a line break",
            b',' => "a comma",
            b'"' => "a quotation mark",
            0x80.. => "a byte that is not ASCII",
            _ => "a control character",
        };
        write!(
            f,
            "the {what} holds {kind} ({byte:#04x}) at offset {offset}, which no header of its kind can carry"
        )
    }
}

/// Bytes. Nothing that stands in front of many servers takes more: 64 KiB for all headers at Application Load Balancers,
/// 60 KiB at Envoy, 8 to 16 KiB at nginx, Apache and IIS, as their manuals say in November 2026.
const LONGEST: usize = 64 << 10;
