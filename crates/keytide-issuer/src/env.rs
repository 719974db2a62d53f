//! What the platform tells a workload by environment variables: [`Env`].

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use keytide_core::Error;

/// The environment, as providers read it: anew at each look, so that nothing is kept that the platform has replaced.
///
/// An empty variable counts as one that is not set. One that cannot be read as text is an error that names it, and never
/// counts as not set: a provider that is configured must not be passed over.
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
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming the variable, when its value is not UTF-8.
    pub fn get(&self, name: &str) -> Result<Option<String>, Error> {
        let Some(value) = self.get_os(name) else {
            return Ok(None);
        };
        match value.into_string() {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Error::misconfigured(format!(
                "the environment variable {name} is set, and its value is not UTF-8 text"
            ))),
        }
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
