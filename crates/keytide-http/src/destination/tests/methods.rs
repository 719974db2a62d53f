use super::*;
use crate::target::Target;

#[test]
fn a_method_that_is_not_admitted_is_refused_and_so_is_one_in_disguise() {
    let destinations = destinations();
    let (url, elsewhere) = (
        Url::parse("https://narrow.example/v1/invoices").unwrap(),
        Url::parse("https://api.example.com/").unwrap(),
    );
    let judge = |method: &Method, url: &Url, header: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        if let Some(name) = header {
            headers.insert(name, "DELETE".parse().unwrap());
        }
        let target = Target::of_url(url);
        let head = RequestHead {
            method,
            target,
            headers: &headers,
        };
        destinations
            .judge(&head)
            .err()
            .and_then(|error| error.rule())
    };

    assert_eq!(judge(&Method::GET, &url, None), None);
    for method in [Method::POST, Method::HEAD, Method::DELETE] {
        assert_eq!(judge(&method, &url, None), Some(Rule::Method));
        assert_eq!(judge(&method, &elsewhere, None), None);
    }
    for header in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ] {
        assert_eq!(judge(&Method::GET, &url, Some(header)), Some(Rule::Method));
        assert_eq!(judge(&Method::GET, &elsewhere, Some(header)), None);
    }
}

#[test]
fn a_request_in_disguise_is_refused_under_a_rule_for_methods_as_for_paths() {
    let narrowed = [
        Destination::new(NARROW).methods([Method::GET]),
        Destination::new(NARROW).path("/v1"),
    ];
    let wide = [Destination::new(NARROW)];
    let judge = |destinations: &[Destination], name: &str| {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::try_from(name).unwrap(),
            http::HeaderValue::from_static("/v1"),
        )]);
        let url = Url::parse("https://narrow.example/v1").unwrap();
        let head = RequestHead {
            method: &Method::GET,
            target: Target::of_url(&url),
            headers: &headers,
        };
        let judged = Destinations::new(destinations).unwrap().judge(&head);
        judged.err().map(|error| {
            assert!(
                error.to_string().contains(&name.to_ascii_lowercase()),
                "{error}"
            );
            error.rule().unwrap()
        })
    };
    let methods = super::super::disguise::METHODS.map(|name| (name, Rule::Method));
    let paths = super::super::disguise::PATHS.map(|name| (name, Rule::Path));
    for (name, rule) in methods.into_iter().chain(paths) {
        let folded = name.replace('-', "_");
        let half = name.replacen('-', "_", 1);
        for name in [name, &folded, &half, &name.to_ascii_uppercase()] {
            for destination in &narrowed {
                assert_eq!(
                    judge(std::slice::from_ref(destination), name),
                    Some(rule),
                    "{name}"
                );
            }
            assert_eq!(judge(&wide, name), None, "{name}");
        }
    }
    for other in [
        "x-trace",
        "x-original",
        "x-http-methods",
        "accept",
        "origin",
        "x-forwarded-for",
    ] {
        for destination in &narrowed {
            assert_eq!(
                judge(std::slice::from_ref(destination), other),
                None,
                "{other}"
            );
        }
    }
}

#[test]
fn a_disguise_as_trace_is_refused_in_whatever_spelling() {
    let destinations = Destinations::new(&[Destination::new(ANY)]).unwrap();
    let url = Url::parse(ANY).unwrap();
    for name in super::super::disguise::METHODS {
        for name in [name.to_owned(), name.replace('-', "_")] {
            let name = http::HeaderName::try_from(name).unwrap();
            let value = http::HeaderValue::from_static("GET, trace");
            let headers = HeaderMap::from_iter([(name.clone(), value)]);
            let head = RequestHead {
                method: &Method::GET,
                target: Target::of_url(&url),
                headers: &headers,
            };
            let error = destinations.judge(&head).unwrap_err();
            assert_eq!(error.rule(), Some(Rule::ForbiddenMethod), "{name}");
        }
    }
}

#[test]
fn of_two_destinations_of_one_origin_either_may_admit_a_request() {
    let both = [
        Destination::new(NARROW).methods([Method::GET]).path("/a"),
        Destination::new(NARROW).methods([Method::POST]).path("/b"),
    ];
    let (destinations, headers) = (Destinations::new(&both).unwrap(), HeaderMap::new());
    for (method, path, admitted) in [
        (Method::GET, "/a", true),
        (Method::POST, "/b", true),
        (Method::POST, "/a", false),
        (Method::GET, "/b", false),
    ] {
        let url = Url::parse(&format!("{NARROW}{path}")).unwrap();
        let head = RequestHead {
            method: &method,
            target: Target::of_url(&url),
            headers: &headers,
        };
        assert_eq!(
            destinations.judge(&head).is_ok(),
            admitted,
            "{method} {path}"
        );
    }
}
