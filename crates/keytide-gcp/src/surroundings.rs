//! What a provider may see of the process around it: [`Surroundings`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The environment, as providers read it. A test puts another in its place.
///
/// ```
/// use keytide_gcp::Surroundings;
///
/// let here = Surroundings::process();
/// let test = Surroundings::of([("GCE_METADATA_HOST", "127.0.0.1:8080")]);
/// ```
#[derive(Clone, Default)]
pub struct Surroundings(Variables);

#[derive(Clone, Default)]
enum Variables {
    #[default]
    Process,
    These(Arc<BTreeMap<String, String>>),
}

impl Surroundings {
    /// The environment of this process, read whenever a provider looks at it.
    #[must_use]
    pub fn process() -> Self {
        Self(Variables::Process)
    }

    /// These variables and no others.
    #[must_use]
    pub fn of<N: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let variables = variables.into_iter();
        let table = variables.map(|(name, value)| (name.into(), value.into()));
        Self(Variables::These(Arc::new(table.collect())))
    }

    /// A variable, unless it is unset, empty or not UTF-8.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let value = match &self.0 {
            Variables::Process => process_variable(name),
            Variables::These(table) => table.get(name).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }

    /// Where `gcloud auth application-default login` leaves its file.
    pub(crate) fn well_known_file(&self) -> Option<PathBuf> {
        let directory = match self.variable("CLOUDSDK_CONFIG") {
            Some(directory) => PathBuf::from(directory),
            None if cfg!(windows) => PathBuf::from(self.variable("APPDATA")?).join("gcloud"),
            None => PathBuf::from(self.variable("HOME")?).join(".config/gcloud"),
        };
        Some(directory.join("application_default_credentials.json"))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where this crate reads the environment"
)]
fn process_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Without values: some variables of a process are secrets.
impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Variables::Process => "Surroundings(process)",
            Variables::These(_) => "Surroundings(given)",
        })
    }
}
