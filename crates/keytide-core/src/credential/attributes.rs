//! What a provider says else of a credential: [`Attributes`].

use std::sync::Arc;

/// By name, few of them; no memory where there are none.
#[derive(Debug, Default)]
pub(crate) struct Attributes(Vec<(&'static str, Arc<str>)>);

impl Attributes {
    pub(crate) fn set(&mut self, name: &'static str, value: Arc<str>) {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_ref())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
