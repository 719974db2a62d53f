//! Challenges of HTTP authentication: [`Challenge`].

use std::fmt;

/// One challenge of a `WWW-Authenticate` header (RFC 9110, sections 11.3 to 11.6.1).
///
/// Schemes and names are compared without case, parameters stand in any order, several challenges in one header or in
/// several. What is taken beyond the grammar: a value without quotes that is no token, such as the path that the agent of
/// Azure Arc names; and a backslash in quotes that escapes neither a quote nor a backslash, which stands for itself. What
/// makes no sense is passed over up to the next comma.
///
/// ```
/// use keytide_issuer::Challenge;
///
/// let challenges = Challenge::read(["Negotiate YWJj==, basic charset=\"UTF-8\", Realm = \"a, \\\"b\\\"\""]);
///
/// assert!(challenges[0].is("negotiate"));
/// assert_eq!(challenges[0].token68(), Some("YWJj=="));
/// assert!(challenges[1].is("Basic"));
/// assert_eq!(challenges[1].parameter("realm"), Some("a, \"b\""));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    scheme: String,
    token68: Option<String>,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The challenges in the values of a `WWW-Authenticate` header, in their order.
    #[must_use]
    pub fn read(values: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<Self> {
        let mut found = Vec::new();
        for value in values {
            // A parameter belongs to a challenge of its own line.
            let mut challenges = Vec::new();
            Reader(value.as_ref()).all(&mut challenges);
            found.append(&mut challenges);
        }
        found
    }

    /// Whether it is of this scheme, in whatever case.
    #[must_use]
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// What stands behind the scheme in place of parameters, such as a ticket of `Negotiate`.
    #[must_use]
    pub fn token68(&self) -> Option<&str> {
        self.token68.as_deref()
    }

    /// The value of a parameter, without its quotes; the first one, where a name stands twice.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let known = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.parameters
            .iter()
            .find(known)
            .map(|(_, value)| value.as_str())
    }
}

/// What is still to be read.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn all(&mut self, found: &mut Vec<Challenge>) {
        loop {
            self.take(|byte| matches!(byte, b' ' | b'\t' | b','));
            if self.0.is_empty() {
                return;
            }
            let name = self.take(is_token);
            if name.is_empty() {
                self.skip();
                continue;
            }
            let behind = self.0;
            match (self.value(), found.last_mut()) {
                (Some(value), Some(challenge)) => {
                    challenge.parameters.push((name.to_owned(), value));
                }
                // A parameter of no challenge.
                (Some(_), None) => {}
                (None, _) => {
                    self.0 = behind;
                    let token68 = self.token68();
                    found.push(Challenge {
                        scheme: name.to_owned(),
                        token68,
                        parameters: Vec::new(),
                    });
                }
            }
        }
    }

    /// What stands behind the `=` of a parameter; `None` where there is none, so that the name was that of a scheme.
    fn value(&mut self) -> Option<String> {
        self.take(is_blank);
        self.0 = self.0.strip_prefix('=')?;
        self.take(is_blank);
        let Some(quoted) = self.0.strip_prefix('"') else {
            return Some(self.take(|byte| !is_blank(byte) && byte != b',').to_owned());
        };
        let mut value = String::with_capacity(quoted.len());
        let mut rest = quoted.char_indices();
        while let Some((at, character)) = rest.next() {
            match character {
                '"' => {
                    self.0 = quoted.get(at + 1..).unwrap_or_default();
                    return Some(value);
                }
                '\\' => match rest.clone().next() {
                    Some((_, escaped @ ('"' | '\\'))) => {
                        rest.next();
                        value.push(escaped);
                    }
                    _ => value.push(character),
                },
                other => value.push(other),
            }
        }
        // The quote never ends: all of it is the value, as far as it came.
        self.0 = "";
        Some(value)
    }

    /// What stands behind a scheme and is no parameter.
    fn token68(&mut self) -> Option<String> {
        if self.take(is_blank).is_empty() {
            return None;
        }
        let before = self.0;
        let letters = self.take(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
        let padding = self.take(|byte| byte == b'=');
        let whole = before
            .get(..letters.len() + padding.len())
            .unwrap_or_default();
        self.take(is_blank);
        let ends = self.0.is_empty() || self.0.starts_with(',');
        if ends && !letters.is_empty() {
            return Some(whole.to_owned());
        }
        self.0 = before;
        None
    }

    fn take(&mut self, belongs: impl Fn(u8) -> bool) -> &'a str {
        let end = self.0.bytes().position(|byte| !belongs(byte));
        let (taken, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        taken
    }

    fn skip(&mut self) {
        self.0 = self.0.split_once(',').map_or("", |(_, rest)| rest);
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Values may be a destination's text, and are not shown.
impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Plain = (String, Option<String>, Vec<(String, String)>);

    fn read(values: &[&str]) -> Vec<Plain> {
        let challenges = Challenge::read(values.iter().copied()).into_iter();
        challenges
            .map(|challenge| (challenge.scheme, challenge.token68, challenge.parameters))
            .collect()
    }

    fn with(scheme: &str, parameters: &[(&str, &str)]) -> Plain {
        let parameters = parameters.iter();
        let owned = parameters.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        (scheme.to_owned(), None, owned.collect())
    }

    #[test]
    fn challenges_are_read_by_their_grammar() {
        let arc = "/var/opt/azcmagent/tokens/a.key";
        for (values, expected) in [
            (&[""][..], vec![]),
            (&["Basic"], vec![with("Basic", &[])]),
            (
                &["Basic realm=/var/opt/azcmagent/tokens/a.key"],
                vec![with("Basic", &[("realm", arc)])],
            ),
            (
                &["basic REALM = \"/var/opt/azcmagent/tokens/a.key\""],
                vec![with("basic", &[("REALM", arc)])],
            ),
            (
                &["Basic charset=UTF-8 , realm=/var/opt/azcmagent/tokens/a.key,x=\"\""],
                vec![with(
                    "Basic",
                    &[("charset", "UTF-8"), ("realm", arc), ("x", "")],
                )],
            ),
            (
                &["Basic realm=\"C:\\ProgramData\\a.key\""],
                vec![with("Basic", &[("realm", "C:\\ProgramData\\a.key")])],
            ),
            (
                &["Bearer realm=\"a, b=\\\"c\\\"\", error=invalid_token,, Digest nonce=n"],
                vec![
                    with(
                        "Bearer",
                        &[("realm", "a, b=\"c\""), ("error", "invalid_token")],
                    ),
                    with("Digest", &[("nonce", "n")]),
                ],
            ),
            (
                &["Negotiate, Bearer", "x=1, NTLM TlRM="],
                vec![
                    with("Negotiate", &[]),
                    with("Bearer", &[]),
                    ("NTLM".to_owned(), Some("TlRM=".to_owned()), vec![]),
                ],
            ),
            (
                &["Negotiate abc, Basic realm=x"],
                vec![
                    ("Negotiate".to_owned(), Some("abc".to_owned()), vec![]),
                    with("Basic", &[("realm", "x")]),
                ],
            ),
            (
                &["Bearer error=\"never ends"],
                vec![with("Bearer", &[("error", "never ends")])],
            ),
            (
                &["=x, \"q\", Basic realm=a"],
                vec![with("Basic", &[("realm", "a")])],
            ),
        ] {
            assert_eq!(read(values), expected, "{values:?}");
        }
    }

    #[test]
    fn names_are_compared_without_case_and_values_with() {
        let all = Challenge::read(["BEARER Error=\"Invalid_Token\", error=second"]);

        assert!(all[0].is("bearer") && !all[0].is("basic"));
        assert_eq!(all[0].parameter("ERROR"), Some("Invalid_Token"));
        assert_eq!(all[0].parameter("realm"), None);
        assert_eq!(
            format!("{:?}", all[0]),
            "Challenge { scheme: \"BEARER\", .. }"
        );
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_panic_or_hang(value in "\\PC*", more in "[ ,=\"\\\\a-c/]*") {
            let _ = Challenge::read([value.as_str(), more.as_str()]);
        }
    }
}
