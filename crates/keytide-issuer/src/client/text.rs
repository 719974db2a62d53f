//! Text of an issuer that is a secret: [`SecretText`].

use std::fmt;

use keytide_core::Error;
use serde::Deserialize;
use zeroize::Zeroizing;

/// Text that is wiped, and masked when it is printed: for the fields of an answer that hold a token.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, which its taker has to wipe: a [`Secret`](keytide_core::Secret) does.
    #[must_use]
    pub fn into_string(mut self) -> String {
        std::mem::take(&mut *self.0)
    }

    /// The token in the field of this name, if a request can carry it: printable ASCII, up to 64 KiB.
    ///
    /// # Errors
    /// [`Unavailable`](keytide_core::ErrorKind::Unavailable), naming the field and nothing of what is in it.
    pub fn bearable(token: Option<Self>, field: &str) -> Result<Self, Error> {
        let wrong = |what| Error::unavailable(format!("the {field} of the answer {what}"));
        let token = token.filter(|token| !token.as_str().is_empty());
        let token = token.ok_or_else(|| wrong("is missing or empty"))?;
        if token.as_str().len() > LONGEST_TOKEN {
            return Err(wrong("is over 64 KiB, more than a request can carry"));
        }
        if !token.as_str().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("holds bytes that no request can carry"));
        }
        Ok(token)
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(***)")
    }
}

/// More than any server takes in one header.
const LONGEST_TOKEN: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_if_a_request_can_carry_it() {
        let of = |text: &str| SecretText::bearable(Some(text.to_owned().into()), "access_token");

        assert_eq!(of("a.b-c_~+/=").unwrap().into_string(), "a.b-c_~+/=");
        assert!(of(&"x".repeat(LONGEST_TOKEN)).is_ok());
        for bad in [
            "",
            "canary\r\nx: y",
            "canary\0",
            "canäry",
            "canary ",
            &"x".repeat(LONGEST_TOKEN + 1),
        ] {
            let error = of(bad).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(
                text.contains("access_token") && !text.contains("can\u{e4}"),
                "{text}"
            );
            assert!(!text.contains("canary"), "{text}");
        }
        assert!(SecretText::bearable(None, "token").is_err());
        assert_eq!(format!("{:?}", of("canary").unwrap()), "SecretText(***)");
    }
}
