//! The body of most requests for a token: [`Form`].

use std::fmt;

use url::form_urlencoded::byte_serialize;

use super::wiped::Wiped;

/// Parameters as `application/x-www-form-urlencoded`, in the order in which they were added, wiped with their buffer.
///
/// A space is written as `%20`: every decoder of forms takes it, and some issuers do not take `+`.
///
/// ```
/// use keytide_issuer::Form;
///
/// let mut form = Form::new();
/// form.add("grant_type", "client_credentials");
/// form.add("scope", "invoices.read invoices.write");
/// ```
#[derive(Default)]
pub struct Form(Wiped);

impl Form {
    /// A form without parameters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter. One that is there already is added again: some may repeat.
    pub fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        if !self.0.is_empty() {
            self.0.push(b"&");
        }
        encode(name.as_bytes(), &mut self.0);
        self.0.push(b"=");
        encode(value.as_ref(), &mut self.0);
    }

    pub(super) fn into_body(self) -> Wiped {
        self.0
    }
}

/// Appends the bytes as the value of a form is written.
pub(super) fn encode(bytes: &[u8], to: &mut Wiped) {
    for piece in byte_serialize(bytes) {
        to.push(if piece == "+" {
            b"%20"
        } else {
            piece.as_bytes()
        });
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_in_order_and_so_that_every_issuer_reads_them() {
        let mut form = Form::new();
        form.add("scope", "a b+c");
        form.add("secret", [0xff, b'&', b'=', b'%']);
        form.add("scope", "ü~*-._");
        form.add("empty", "");

        assert_eq!(
            std::str::from_utf8(form.into_body().as_ref()).unwrap(),
            "scope=a%20b%2Bc&secret=%FF%26%3D%25&scope=%C3%BC%7E*-._&empty="
        );
    }

    #[test]
    fn a_form_tells_nothing_of_itself() {
        let mut form = Form::new();
        form.add("client_secret", "canary");

        assert_eq!(format!("{form:?}"), "Form(***)");
    }
}
