//! The default headers of a reqwest builder, which reqwest adds below, where nobody judges them: [`Defaults`].

use http::HeaderMap;

use crate::destination::{Of, disguised, reads_as};
use crate::error::Error;
use crate::guard::Guard;

/// The names of the headers that a builder adds to every request.
///
/// reqwest shows them in its `Debug` and nowhere else. A test holds on to how it writes them.
pub(super) struct Defaults {
    /// `None`: they are not shown.
    names: Option<Vec<String>>,
}

impl Defaults {
    pub(super) fn of(http: &reqwest::ClientBuilder) -> Self {
        Self {
            names: names(&format!("{http:?}")),
        }
    }

    /// Whether none of them undoes what the client promises.
    pub(super) fn check(&self, guard: &Guard, leaves: bool) -> Result<(), Error> {
        let is_narrow = guard
            .destinations
            .iter()
            .any(|allowed| !allowed.admits_all());
        let Some(names) = &self.names else {
            if !is_narrow && !leaves {
                return Ok(());
            }
            return Err(Error::invalid(
                "this version of reqwest does not show the default headers of its builder, so that no method or path can \
                 be promised, nor a request sent without a credential",
            ));
        };
        for name in names {
            let reads = |other: &str| reads_as(name, other);
            let set_here = |ours: &str| name != ours && reads(ours);
            let reason = if reads("host") {
                "it names another host than the URL that is judged"
            } else if disguised(name) == Some(Of::Method) || is_narrow && disguised(name).is_some()
            {
                "servers take a request that has it for one of another method or path"
            } else if guard.sets(set_here) {
                "servers may take it for the header of the credential"
            } else if name.starts_with("x-amz-") && guard.sets(|ours| ours == "x-amz-date") {
                "it is added when the request is signed already, and AWS refuses it so: set it on each request"
            } else if leaves && is_sensitive(name) {
                "it may be a credential, and would go along where a redirect leads out of the destinations"
            } else {
                continue;
            };
            return Err(Error::invalid(format!(
                "the reqwest builder has the default header {name}: {reason}"
            )));
        }
        Ok(())
    }
}

/// Takes out of the headers of a request what may be a credential, of whomever.
pub(super) fn strip_sensitive(headers: &mut HeaderMap) {
    let sensitive: Vec<_> = headers
        .iter()
        .filter(|(name, value)| value.is_sensitive() || is_sensitive(name.as_str()))
        .map(|(name, _)| name.clone())
        .collect();
    for name in sensitive {
        headers.remove(name);
    }
}

fn is_sensitive(name: &str) -> bool {
    let of_an_origin = ["cookie", "cookie2", "host", "proxy-authorization"];
    crate::guard::is_known(name) || of_an_origin.iter().any(|other| reads_as(name, other))
}

/// The names in how reqwest shows a builder. A quotation mark within a value is shown with a backslash, so that what stands
/// between two of them and before a colon is a name.
fn names(shown: &str) -> Option<Vec<String>> {
    let (_, headers) = shown.split_once("default_headers: {")?;
    let before_colons = headers.match_indices("\": ").map(|(at, _)| &headers[..at]);
    let names = before_colons.filter_map(|before| before.rsplit('"').next());
    let is_name = |name: &&str| name.parse::<http::HeaderName>().is_ok();
    Some(names.filter(is_name).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_names_are_those_that_the_builder_was_given() {
        let mut headers = HeaderMap::new();
        let mut hidden = HeaderValue::from_static("canary");
        hidden.set_sensitive(true);
        headers.insert("x-hidden", hidden);
        headers.insert("x-a", HeaderValue::from_static("\"host\": \"x\", \\"));
        headers.append("x-a", HeaderValue::from_static("}, \"x-b\": \"y"));
        headers.insert("x_http_method", HeaderValue::from_static("GET"));
        let builder = reqwest::Client::builder()
            .user_agent("agent")
            .default_headers(headers);

        let mut names = Defaults::of(&builder).names.unwrap();

        names.sort_unstable();
        names.dedup();
        assert_eq!(
            names,
            ["accept", "user-agent", "x-a", "x-hidden", "x_http_method"]
        );
        assert_eq!(super::names("ClientBuilder { }"), None);
    }
}
