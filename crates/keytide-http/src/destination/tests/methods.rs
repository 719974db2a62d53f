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
