//! What the platform tells a workload by environment variables: [`Env`].

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use keytide_core::Error;

/// The environment, as providers read it: anew at each look, so that nothing is kept that the platform has replaced.
///
/// | a variable | is |
/// |---|---|
/// | not set, or empty | `None` |
/// | text | that text |
/// | not UTF-8, or with a control character such as a line break | an error that names it |
/// | read as what it is not: a URL, for one | an error that names it |
///
/// One that is set never counts as not set: a provider that is configured must not be passed over.
///
/// ```
/// use keytide_issuer::Env;
///
/// # fn main() -> Result<(), keytide_core::Error> {
/// // What a test says, instead of `Env::process()`.
/// let env = Env::of([("VENDING_URL", "https://vending.example"), ("VENDING_ROLE", "")]);
///
/// assert_eq!(env.get("VENDING_URL")?.as_deref(), Some("https://vending.example"));
/// assert_eq!(env.get("VENDING_ROLE")?, None);
/// assert_eq!(env.get("HOME")?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Env(Inner);

#[derive(Clone, Default)]
enum Inner {
    #[default]
    Process,
    Given(Arc<BTreeMap<OsString, OsString>>),
}

impl Env {
    /// The environment of this process: the default of every provider.
    #[must_use]
    pub fn process() -> Self {
        Self(Inner::Process)
    }

    /// These variables and no others.
    #[must_use]
    pub fn of<N: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let given = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self(Inner::Given(Arc::new(given.collect())))
    }

    /// The text of a variable; `None` where it is not set, or empty.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming the variable, when its value is not UTF-8 or holds
    /// a control character, such as the line break of a file that it was set from.
    pub fn get(&self, name: &str) -> Result<Option<String>, Error> {
        let Some(value) = self.get_os(name) else {
            return Ok(None);
        };
        let wrong = |what: &str| {
            let message = format!("the environment variable {name} is set, and its value {what}");
            Err(Error::misconfigured(message))
        };
        match value.into_string() {
            Ok(text) if text.contains(char::is_control) => {
                wrong("holds a control character, such as a line break: take it out")
            }
            Ok(text) => Ok(Some(text)),
            Err(_) => wrong("is not UTF-8 text"),
        }
    }

    /// The value of a variable as the URL of an issuer; `None` where it is not set, or empty.
    ///
    /// # Errors
    /// Those of [`get`](Self::get), and [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming the variable, for
    /// what [`Endpoint::parse`](crate::Endpoint::parse) refuses.
    #[cfg(feature = "client")]
    #[cfg_attr(docsrs, doc(cfg(feature = "client")))]
    pub fn endpoint(&self, name: &str) -> Result<Option<crate::Endpoint>, Error> {
        self.judged(name, crate::Endpoint::parse)
    }

    /// The same, where the platform itself sets the variable:
    /// [`Endpoint::parse_of_platform`](crate::Endpoint::parse_of_platform).
    ///
    /// # Errors
    /// Those of [`endpoint`](Self::endpoint).
    #[cfg(feature = "client")]
    #[cfg_attr(docsrs, doc(cfg(feature = "client")))]
    pub fn endpoint_of_platform(&self, name: &str) -> Result<Option<crate::Endpoint>, Error> {
        self.judged(name, crate::Endpoint::parse_of_platform)
    }

    #[cfg(feature = "client")]
    fn judged<T>(
        &self,
        name: &str,
        judge: impl FnOnce(&str) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let Some(value) = self.get(name)? else {
            return Ok(None);
        };
        judge(&value).map(Some).map_err(|error| {
            // In one line: whoever sees the first alone knows what to mend.
            let message = format!(
                "the environment variable {name} is set, and does not name an endpoint that can be asked: {error}"
            );
            let told = Error::misconfigured(message);
            match std::error::Error::source(&error) {
                Some(cause) => told.caused_by(cause.to_string()),
                None => told,
            }
        })
    }

    /// The value of a variable as a path, which need not be text; `None` where it is not set, or empty.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get_os(name).map(PathBuf::from)
    }

    /// Whether a variable says `true`, in any case.
    ///
    /// # Errors
    /// Those of [`get`](Self::get).
    pub fn is_true(&self, name: &str) -> Result<bool, Error> {
        let value = self.get(name)?;
        Ok(value.is_some_and(|value| value.eq_ignore_ascii_case("true")))
    }

    /// Whether a variable is set and not empty, readable or not.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get_os(name).is_some()
    }

    fn get_os(&self, name: &str) -> Option<OsString> {
        let value = match &self.0 {
            Inner::Process => of_process(name),
            Inner::Given(given) => given.get(OsStr::new(name)).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
fn of_process(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Names alone: values may be secrets.
impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Process => f.write_str("Env(process)"),
            Inner::Given(given) => f.debug_tuple("Env").field(&given.keys()).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use keytide_core::ErrorKind;

    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_text_is_an_error_that_names_it() {
        use std::os::unix::ffi::OsStringExt;

        let latin = OsString::from_vec(b"/home/m\xfcller".to_vec());
        let env = Env::of([("AWS_PROFILE", latin.clone())]);

        let error = env.get("AWS_PROFILE").unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(error.to_string().contains("AWS_PROFILE"), "{error}");
        assert!(!format!("{error:?}").contains("home"), "{error:?}");
        assert!(env.is_true("AWS_PROFILE").is_err());
        assert!(env.has("AWS_PROFILE"));
        assert_eq!(env.path("AWS_PROFILE"), Some(PathBuf::from(latin)));
    }

    #[test]
    fn a_variable_with_a_control_character_is_an_error_that_names_it() {
        for value in ["canary\n", "can\rary", "\0", "can\u{7f}ary", "\u{85}"] {
            let env = Env::of([("AWS_ROLE_ARN", value)]);

            let error = env.get("AWS_ROLE_ARN").unwrap_err();

            assert_eq!(error.kind(), ErrorKind::Misconfigured);
            assert!(error.to_string().contains("AWS_ROLE_ARN"), "{error}");
            assert!(!format!("{error:?}").contains("can"), "{error:?}");
            assert!(env.has("AWS_ROLE_ARN"));
        }
        let plain = Env::of([("A", "bücher ~")]);
        assert_eq!(plain.get("A").unwrap().as_deref(), Some("bücher ~"));
    }

    #[cfg(feature = "client")]
    #[test]
    fn a_variable_that_is_no_url_to_ask_is_an_error_that_names_it() {
        let env = Env::of([
            ("GOOD", "https://login.example.com/token"),
            ("PLATFORM", "http://169.254.129.2:8081/msi/token"),
            ("EMPTY", ""),
        ]);

        assert!(env.endpoint("GOOD").unwrap().is_some());
        assert!(env.endpoint_of_platform("PLATFORM").unwrap().is_some());
        for absent in ["EMPTY", "ABSENT"] {
            assert!(env.endpoint(absent).unwrap().is_none());
            assert!(env.endpoint_of_platform(absent).unwrap().is_none());
        }
        for host in [
            "login.canary.example",
            "login.canary.example:443/t",
            "localhost:1",
        ] {
            let error = Env::of([("AUTHORITY_HOST", host)]).endpoint("AUTHORITY_HOST");
            let text = error.unwrap_err().to_string();
            assert!(
                text.contains("AUTHORITY_HOST") && text.contains("has no scheme"),
                "{text}"
            );
            assert!(!text.contains("canary"), "{text}");
        }
        for wrong in [
            "http://10.0.0.5/canary",
            "canary",
            "https://",
            "file:///canary",
        ] {
            let env = Env::of([("ISSUER_URL", wrong)]);
            for asked in [
                env.endpoint("ISSUER_URL"),
                env.endpoint_of_platform("ISSUER_URL"),
            ] {
                let error = asked.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Misconfigured, "{wrong}");
                assert!(error.to_string().contains("ISSUER_URL"), "{error}");
                assert!(
                    error.to_string().contains(": the URL of the issuer"),
                    "{error}"
                );
                assert!(!format!("{error:?}").contains("canary"), "{error:?}");
            }
        }
        assert!(env.endpoint("PLATFORM").is_err());
    }

    #[test]
    fn an_empty_variable_is_one_that_is_not_set() {
        let env = Env::of([("A", ""), ("B", "TRUE")]);

        assert_eq!(env.get("A").unwrap(), None);
        assert_eq!(env.path("A"), None);
        assert!(!env.has("A"));
        assert!(!env.is_true("A").unwrap());
        assert!(env.is_true("B").unwrap());
        assert!(!env.has("C"));
    }

    #[test]
    fn values_are_not_shown() {
        let env = Env::of([("AWS_SECRET_ACCESS_KEY", "canary")]);

        let shown = format!("{env:?}");

        assert!(shown.contains("AWS_SECRET_ACCESS_KEY"), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}
