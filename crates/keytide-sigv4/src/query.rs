//! The query in what is signed: decoded, encoded by AWS's rule, sorted.

use std::borrow::Cow;

use crate::encode::uri;
use crate::sink::Sink;

/// Writes the parameters, sorted by name and then by value, both as they are encoded. One without `=` gets one.
pub(crate) fn write(query: Option<&str>, out: &mut impl Sink) {
    let Some(query) = query.filter(|query| !query.is_empty()) else {
        return;
    };
    let mut parameters: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    parameters.sort_unstable();
    let mut first = true;
    for (name, value) in &parameters {
        if !first {
            out.put(b"&");
        }
        first = false;
        out.put(name.as_bytes());
        out.put(b"=");
        out.put(value.as_bytes());
    }
}

fn encoded(text: Cow<'_, str>) -> String {
    match uri(&text) {
        Cow::Owned(encoded) => encoded,
        Cow::Borrowed(_) => text.into_owned(),
    }
}
