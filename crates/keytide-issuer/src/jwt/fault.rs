//! Why a token cannot be used: [`JwtFault`].

use std::fmt;

/// Why a token cannot be used. What it says follows the name of whatever holds the token, as in `the file … is empty`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwtFault {
    /// It is no whole token: perhaps half written, so that the next look may find one.
    Torn(&'static str),
    /// It is a whole token that nobody can use: somebody has to mend it.
    Unusable(&'static str),
}

impl fmt::Display for JwtFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Torn(what) | Self::Unusable(what)) = self;
        f.write_str(what)
    }
}

impl std::error::Error for JwtFault {}
