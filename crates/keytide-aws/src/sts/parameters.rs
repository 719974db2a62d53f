//! What is asked of STS, as its query protocol has it: [`Parameters`].

use keytide_issuer::Wiped;
use url::form_urlencoded::byte_serialize;

/// The parameters of one request, wiped with their buffer: a token may be among them.
pub(crate) struct Parameters {
    action: &'static str,
    form: Wiped,
}

impl Parameters {
    /// Of this operation, in the one version that STS has.
    pub(crate) fn of(action: &'static str) -> Self {
        let mut parameters = Self {
            action,
            form: Wiped::default(),
        };
        parameters.add("Action", action);
        parameters.add("Version", "2011-06-15");
        parameters
    }

    pub(crate) fn add(&mut self, name: &str, value: &str) {
        if !self.form.is_empty() {
            self.form.push(b"&");
        }
        self.encode(name);
        self.form.push(b"=");
        self.encode(value);
    }

    pub(crate) fn add_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    /// A list of texts: `name.member.1` and so on.
    pub(crate) fn add_list<'v>(&mut self, name: &str, values: impl IntoIterator<Item = &'v str>) {
        for (index, value) in values.into_iter().enumerate() {
            self.add(&format!("{name}.member.{}", index + 1), value);
        }
    }

    /// A list of tags.
    pub(crate) fn add_tags<'v>(&mut self, tags: impl IntoIterator<Item = (&'v str, &'v str)>) {
        for (index, (key, value)) in tags.into_iter().enumerate() {
            let member = index + 1;
            self.add(&format!("Tags.member.{member}.Key"), key);
            self.add(&format!("Tags.member.{member}.Value"), value);
        }
    }

    pub(super) fn action(&self) -> &'static str {
        self.action
    }

    pub(super) fn into_body(self) -> Wiped {
        self.form
    }

    fn encode(&mut self, text: &str) {
        for piece in byte_serialize(text.as_bytes()) {
            self.form.push(if piece == "+" {
                b"%20"
            } else {
                piece.as_bytes()
            });
        }
    }
}
