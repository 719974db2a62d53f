//! Why a token cannot be used: [`JwtFault`].

use std::fmt;

/// Why a token cannot be used. What it says follows the name of whatever holds the token, as in `the file … is empty`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwtFault {
    /// It is no whole token: perhaps half written, so that the next look may find one.
    Torn(&'static str),
    /// It holds a byte that no JWT is made of, so it is no whole token either.
    Byte {
        /// Where, from the beginning of what was parsed.
        offset: usize,
        /// The byte.
        byte: u8,
    },
    /// It is a whole token that nobody can use: somebody has to mend it.
    Unusable(&'static str),
}

impl fmt::Display for JwtFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Torn(what) | Self::Unusable(what) => f.write_str(what),
            Self::Byte { offset, byte } => write!(
                f,
                "holds bytes that no JWT is made of: {byte:#04x} at offset {offset}"
            ),
        }
    }
}

impl std::error::Error for JwtFault {}
