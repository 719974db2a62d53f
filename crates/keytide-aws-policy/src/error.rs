//! What is wrong with a policy: [`Error`].

use std::fmt;

/// What cannot be in a policy, or be said of a session: it names the part and says what to mend.
///
/// With the feature `agent` it becomes a [`Misconfigured`](https://docs.rs/keytide-core/latest/keytide_core/enum.ErrorKind.html)
/// error of `keytide-core`, by `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

#[cfg(feature = "agent")]
#[cfg_attr(docsrs, doc(cfg(feature = "agent")))]
impl From<Error> for keytide_core::Error {
    fn from(error: Error) -> Self {
        Self::misconfigured(error.0)
    }
}
