mod methods;
mod origins;
mod paths;
mod redirects;
mod written;

use crate::target::Target;
use http::{HeaderMap, Uri};
use url::Url;

use super::*;
use crate::ErrorKind;
use crate::rule::Rule;

const ANY: &str = "https://api.example.com";
const PORT: &str = "https://api.example.com:8443";
const IDNA: &str = "https://bücher.example";
const V4: &str = "http://127.0.0.1:8080";
const V6: &str = "https://[2001:db8::1]";
const LOCAL: &str = "http://localhost:8080";
const NARROW: &str = "https://narrow.example";

fn destinations() -> Destinations {
    let narrow = Destination::new(NARROW)
        .methods([Method::GET])
        .path("/v1/invoices")
        .path("/public/");
    let all: Vec<Destination> = [ANY, PORT, IDNA, V4, V6, LOCAL]
        .map(Destination::from)
        .into_iter()
        .chain([narrow])
        .collect();
    Destinations::new(&all).unwrap()
}

/// What is said of a URL once `url` has parsed it, as reqwest sends it; `None`: it does not parse.
fn as_url(text: &str, method: &Method) -> Option<Result<String, Rule>> {
    let url = Url::parse(text).ok()?;
    Some(judged(method, Ok(Target::of_url(&url))))
}

/// What is said of the same text as a URI, which nobody normalises, as hyper sends it; `None`: it does not parse.
fn as_uri(text: &str, method: &Method) -> Option<Result<String, Rule>> {
    let uri: Uri = text.parse().ok()?;
    Some(judged(method, Target::of_uri(&uri)))
}

fn judged(method: &Method, target: Result<Target<'_>, crate::Error>) -> Result<String, Rule> {
    let (destinations, headers) = (destinations(), HeaderMap::new());
    let rule = |error: crate::Error| error.rule().unwrap();
    let head = RequestHead {
        method,
        target: target.map_err(rule)?,
        headers: &headers,
    };
    let id = destinations.judge(&head).map_err(rule)?;
    Ok(destinations.at(id).origin().to_owned())
}

/// A URL; what becomes of it through reqwest; what becomes of it through hyper. `P`: it does not parse.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Is {
    Sent,
    No(Rule),
    P,
}

/// Whether all that a table says is so. Gives how many are admitted at once, by what is written.
fn hold(table: &[(&str, Is, Is)]) -> usize {
    let mut wrong = Vec::new();
    for &(text, by_reqwest, by_hyper) in table {
        let said = |judged: Option<Result<String, Rule>>| match judged {
            None => Is::P,
            Some(Ok(_)) => Is::Sent,
            Some(Err(rule)) => Is::No(rule),
        };
        let got = (
            said(as_url(text, &Method::GET)),
            said(as_uri(text, &Method::GET)),
        );
        if got != (by_reqwest, by_hyper) {
            wrong.push(format!(
                "{text:?}: {got:?}, not {:?}",
                (by_reqwest, by_hyper)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    admitted_at_once(table)
}

/// What is admitted at once is what the rules admit.
#[cfg(feature = "tower")]
fn admitted_at_once(table: &[(&str, Is, Is)]) -> usize {
    let mut at_once = 0;
    for (text, _, by_hyper) in table {
        let Ok(uri) = text.parse::<Uri>() else {
            continue;
        };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            continue;
        };
        if destinations()
            .written_so(scheme, authority.as_str())
            .is_some()
        {
            assert_eq!(*by_hyper, Is::Sent, "{text}");
            at_once += 1;
        }
    }
    at_once
}

#[cfg(not(feature = "tower"))]
fn admitted_at_once(_: &[(&str, Is, Is)]) -> usize {
    0
}
