//! The headers that another request would have: [`ReplayHeaders`].

use http::{HeaderMap, HeaderName, HeaderValue};

/// Headers as they were before a credential was attached. Names and values are shared, so that keeping them takes one
/// allocation, or none where there are none; a table is made of them where it comes to another request.
#[derive(Clone)]
pub(crate) struct ReplayHeaders(Vec<(HeaderName, HeaderValue)>);

impl ReplayHeaders {
    #[inline]
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let kept = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Self(kept)
    }

    pub(crate) fn table(self) -> HeaderMap {
        let mut table = HeaderMap::with_capacity(self.0.len());
        for (name, value) in self.0 {
            table.append(name, value);
        }
        table
    }
}
