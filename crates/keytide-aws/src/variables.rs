//! What the platform tells a workload by environment variables: [`Variables`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The environment variables that providers look at. Read at each call of a provider, so that none is kept.
///
/// ```
/// use keytide_aws::{ContainerEndpoint, Variables};
///
/// // What the platform set for this process …
/// let provider = ContainerEndpoint::new();
/// // … or what a test says.
/// let variables = Variables::of([("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:8080/role")]);
/// let provider = ContainerEndpoint::new().variables(variables);
/// ```
#[derive(Clone, Default)]
pub struct Variables(Inner);

#[derive(Clone, Default)]
enum Inner {
    #[default]
    Process,
    Given(Arc<BTreeMap<String, String>>),
}

impl Variables {
    /// Those of this process. The default of every provider.
    #[must_use]
    pub fn of_process() -> Self {
        Self(Inner::Process)
    }

    /// These and no others.
    #[must_use]
    pub fn of<N: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let given = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self(Inner::Given(Arc::new(given.collect())))
    }

    /// The value of a variable that is set, is not empty, and is text.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let value = match &self.0 {
            Inner::Process => of_process(name),
            Inner::Given(given) => given.get(name).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }

    /// As the SDK's reader of configuration files takes them.
    pub(crate) fn for_sdk(&self) -> aws_types::os_shim_internal::Env {
        match &self.0 {
            Inner::Process => aws_types::os_shim_internal::Env::real(),
            Inner::Given(given) => {
                let given = given
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone()));
                given.collect::<std::collections::HashMap<_, _>>().into()
            }
        }
    }

    /// Whether a variable says `true`, in any case.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
fn of_process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Names alone: values may be secrets.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Process => f.write_str("Variables(process)"),
            Inner::Given(given) => f.debug_tuple("Variables").field(&given.keys()).finish(),
        }
    }
}
